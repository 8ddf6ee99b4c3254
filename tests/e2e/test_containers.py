"""Targets with a root folder, a pid namespace and a cgroup of their own, programs that are no longer where they were, finding
a process by name and container, and recorders beside each other."""

import contextlib
import os
import re
import shutil
import signal
import time

import pytest

import harness
import test_truth as truth

STATIC = ("-tags=netgo",)  # runs in a root folder without libraries
ID = "4f5a0c1e9b7d2f3846a5b0c1d2e3f405" + "%032x" % os.getpid()


def need(*words):
    """Runs what must work for a test to be possible, else skips it."""
    result = harness.run(*words)
    if result.status != 0:
        pytest.skip(f"{' '.join(map(str, words[:2]))}: {result.err.strip()[-200:]}")
    return result


def only_child(pid, timeout=10):
    """The process that unshare made."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as children:
            found = children.read().split()
        if found:
            return int(found[0])
        time.sleep(0.02)
    pytest.fail(f"process {pid} has no child")


def facts(trace):
    return dict(harness.rows(harness.database(trace), "SELECT key, value FROM meta"))


def ready(target):
    try:
        return target.json("ready")
    except AssertionError as error:
        if target.process.poll() is not None:
            pytest.skip(f"no such namespace here: {error}")
        raise


def measured(target):
    """The waits that a truth program has measured."""
    lines = [target.line()]
    while '"done"' not in lines[-1]:
        lines.append(target.line())
    return truth.truths(lines)[0]


def play(target):
    target.send()
    return measured(target)


def check(trace, waits):
    truth.check_waits(trace, waits)
    harness.assert_balanced(harness.database(trace))
    harness.assert_checked(trace)


def record_truth(target, pid, trace):
    """Attaches to a truth program that is ready, lets it run, and holds the recording against what it says."""
    with harness.attached(pid, trace):
        tids = set(harness.threads(pid))
        waits = play(target)
        tids |= set(harness.threads(pid))
    assert harness.breakpoints(pid) == []
    check(trace, waits)
    return tids


UNSHARE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


def test_pid_and_mount_namespace(trace):
    """The target is process 1 of its namespace; the recording has the numbers of the host."""
    with harness.Background(*UNSHARE, harness.goprog("truth"), "-wait", "-hold", "-rounds", "1") as target:
        assert ready(target)["pid"] == 1
        pid = only_child(target.pid)
        tids = record_truth(target, pid, trace)
        target.end()
    known = facts(trace)
    assert known["process.pid"] == str(pid) and known["process.namespace_pid"] == "1"
    db = harness.database(trace)
    # In the runtime's own memory, where snapshots look, threads have the numbers of the namespace.
    for table in ("transition", "snapshot_goroutine"):
        recorded = {tid for tid, in harness.rows(db, f"SELECT DISTINCT tid FROM {table} WHERE tid IS NOT NULL")}
        assert recorded <= tids and (recorded or table != "transition"), table


def test_root_folder_of_its_own(trace, tmp_path):
    """The program lies on a file system that only the target's mount namespace has: an overlay, as containers have it."""
    for name in ("lower", "upper", "work", "root"):
        (tmp_path / name).mkdir()
    shutil.copy(harness.goprog("truth", "local", "exe", STATIC), tmp_path / "lower/truth")
    mounts = (f"mount -t tmpfs none {tmp_path}/work && mkdir {tmp_path}/work/u {tmp_path}/work/w && mount -t overlay none -o"
              f" lowerdir={tmp_path}/lower,upperdir={tmp_path}/work/u,workdir={tmp_path}/work/w {tmp_path}/root &&"
              f" exec chroot {tmp_path}/root /truth -wait -hold -rounds 1")
    with harness.Background("unshare", "--mount", "--propagation", "private", "sh", "-c", mounts) as target:
        ready(target)
        assert not (tmp_path / "root/truth").exists()
        record_truth(target, target.pid, trace)
        assert target.end() == 0


def test_launched_in_a_root_folder(trace, tmp_path):
    """The wrapper changes the root and becomes the program, which exists under another path for the recorder."""
    shutil.copy(harness.goprog("truth", "local", "exe", STATIC), tmp_path / "inside")
    result = harness.launched(trace, "chroot", tmp_path, "/inside", "-rounds", "1")
    assert result.status == 0, result
    check(trace, truth.truths(result.out.splitlines())[0])


@pytest.mark.parametrize("how", ["deleted", "replaced", "hidden"])
def test_program_is_no_longer_there(how, trace, tmp_path):
    program = tmp_path / "service"
    other = harness.goprog("exitcode")
    shutil.copy(harness.goprog("truth"), program)
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(harness.Background(program, "-wait", "-hold", "-rounds", "1"))
        ready(target)
        if how == "deleted":
            program.unlink()
        elif how == "replaced":
            shutil.copy(other, tmp_path / "new")
            (tmp_path / "new").rename(program)
        else:
            need("mount", "--bind", other, program)
            stack.callback(harness.run, "umount", "-l", program)
        record_truth(target, target.pid, trace)
        assert target.end() == 0
    known = facts(trace)
    assert known["process.exe"].startswith(str(program))
    assert known["go.path"].endswith("/truth")


# -- the recorder in a namespace


def test_recorder_in_a_pid_namespace(trace):
    """All ids are then those of its namespace, also of the threads that the kernel's scheduler names."""
    result = harness.run(*UNSHARE, harness.RECORD, "--budget", "off", "-o", trace, "--", harness.goprog("truth"), "-rounds", "1")
    if "unshare:" in result.err:
        pytest.skip(result.err.strip())
    assert result.status == 0, result
    check(trace, truth.truths(result.out.splitlines())[0])
    db = harness.database(trace)
    own = {tid for tid, in harness.rows(db, "SELECT tid FROM thread")}
    assert own and max(own) < 1000
    named = {tid for tid, in harness.rows(db, "SELECT DISTINCT next_tid FROM thread_switch WHERE next_tid > 0")}
    assert named <= own | {0xffffffff}
    assert named & own, "threads of the target follow each other on a CPU"


def test_proc_of_another_namespace_is_refused(trace):
    result = harness.run("unshare", "--pid", "--fork", "--kill-child", harness.RECORD, "--budget", "off", "-o", trace, "--", harness.goprog("exitcode"))
    if "unshare:" in result.err:
        pytest.skip(result.err.strip())
    assert 125 <= result.status <= 126, result
    assert "/proc" in result.err and "namespace" in result.err, result
    assert not os.path.exists(trace)


# -- cgroups


def controllers():
    """Folders under which cgroups with limits can be made: {controller: (folder, version)}."""
    found = {}
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        for line in mounts:
            fields, rest = line.split(" - ")
            point, (kind, _, options) = fields.split()[4], rest.split()[:3]
            if kind == "cgroup2":
                with open(f"{point}/cgroup.subtree_control", encoding="utf-8") as enabled:
                    found.update({name: (point, 2) for name in enabled.read().split() if name in ("cpu", "memory")})
            elif kind == "cgroup":
                found.update({name: (point, 1) for name in options.split(",") if name in ("cpu", "memory")})
    return found


@pytest.fixture
def container():
    """Cgroups as Docker makes them, with half a CPU and 256 MB. Yields a function that puts this process into them."""
    made = []
    files = {("cpu", 2): [("cpu.max", "50000 100000")], ("memory", 2): [("memory.max", "268435456")],
             ("cpu", 1): [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "50000")],
             ("memory", 1): [("memory.limit_in_bytes", "268435456")]}
    try:
        for name, (point, version) in controllers().items():
            folder = f"{point}/docker-{ID}.scope"
            if folder not in made:
                os.mkdir(folder)
                made.append(folder)
            for file, value in files[name, version]:
                with open(f"{folder}/{file}", "w", encoding="ascii") as limit:
                    limit.write(value)
    except OSError as error:
        for folder in made:
            os.rmdir(folder)
        pytest.skip(f"no cgroup can be made: {error}")
    if not made:
        pytest.skip("no cgroup with limits here")
    yield made
    for folder in made:
        for _ in range(50):  # a group is busy until its last process has been reaped
            with contextlib.suppress(OSError):
                os.rmdir(folder)
                break
            time.sleep(0.1)


def in_container(folders, *program):
    moves = "".join(f"echo $$ >{folder}/cgroup.procs && " for folder in folders)
    return "sh", "-c", f'{moves}exec "$@"', "sh", *program


def test_container_and_its_limits(trace, container):
    storm = in_container(container, harness.goprog("storm"), "-wait", "-rate", "0", "-duration", "2s")
    with harness.Background(*storm) as target:
        target.json("ready")
        options = ("-v", "-o", trace, "--container", f"docker://{ID}")
        recorder = harness.Recorder(harness.subprocess.Popen([harness.RECORD, *options], stderr=harness.subprocess.PIPE), trace)
        recorder.read_until("armed")
        target.send()
        assert recorder.wait().status == 0, recorder.result
    known = facts(trace)
    assert known["container.id"] == ID and known["container.runtime"] == "docker"
    assert known["cgroup.path"] == f"/docker-{ID}.scope"
    if "cpu" in controllers():
        assert known["cgroup.cpu_max"] == known["end.cgroup.cpu_max"] == "50000 100000"
        assert int(known["end.cgroup.nr_throttled"]) > int(known["cgroup.nr_throttled"])
        assert int(known["end.cgroup.throttled_us"]) > int(known["cgroup.throttled_us"])
    if "memory" in controllers():
        assert known["cgroup.memory_max"] == "268435456"


def test_one_of_several_in_a_container(trace, container, tmp_path):
    """A program that is not Go does not count; of two that are, --name chooses."""
    two = tmp_path / "second"
    shutil.copy(harness.goprog("forker"), two)
    with contextlib.ExitStack() as stack:
        start = lambda *program: stack.enter_context(harness.Background(*in_container(container, *program)))
        start("sleep", "60")
        one = start(harness.goprog("forker"), "-children", "0")
        one.json("ready")
        assert harness.run(harness.RECORD, "--check", "--container", ID[:40]).status == 0
        other = start(two, "-children", "0")
        other.json("ready")
        result = harness.run(harness.RECORD, "--budget", "off", "-o", trace, "--container", ID)
        assert result.status == 2, result
        assert {int(pid) for pid in re.findall(r"-p (\d+)", result.err)} == {one.pid, other.pid}
        assert not os.path.exists(trace)
        result = harness.run(harness.RECORD, "--budget", "off", "-d", "300ms", "-o", trace, "--container", ID, "--name", "second")
        assert result.status == 0, result
    assert facts(trace)["process.pid"] == str(other.pid)


def test_by_name(trace, tmp_path):
    """The name may be longer than the 15 bytes that the kernel keeps, and the file may be gone."""
    program = tmp_path / "gotape-service-with-a-long-name"
    shutil.copy(harness.goprog("forker"), program)
    with harness.Background(program, "-children", "0") as target:
        target.json("ready")
        program.unlink()
        assert harness.run(harness.RECORD, "--budget", "off", "-o", trace, "--name", "gotape-service").status == 2
        result = harness.run(harness.RECORD, "--budget", "off", "-d", "300ms", "-o", trace, "--name", program.name)
        assert result.status == 0, result
    assert facts(trace)["process.pid"] == str(target.pid)


# -- recorders beside each other


def end(recorder):
    result = recorder.stop()
    assert result.status == 0, result


def test_two_recorders_of_one_process(tmp_path):
    """One begins and ends while the other records: both are complete, with the same waits for the time they share."""
    traces = [str(tmp_path / name) for name in ("long.gotape", "short.gotape")]
    with harness.Background(harness.goprog("storm"), "-wait", "-rate", "6000", "-duration", "3s") as target:
        target.json("ready")
        with harness.attached(target.pid, traces[0]) as long:
            target.send()
            time.sleep(0.5)
            with harness.attached(target.pid, traces[1]) as short:
                time.sleep(1)
                end(short)
            assert harness.definitions(f"{short.process.pid}_") == []
            assert len(harness.breakpoints(target.pid)) >= harness.PROBES_AT_LEAST
            done = target.json("done")
            end(long)
        assert harness.breakpoints(target.pid) == [] if target.process.poll() is None else True
    dbs = [harness.database(trace) for trace in traces]
    for trace, db in zip(traces, dbs):
        harness.assert_balanced(db)
        harness.assert_checked(trace)
    begin, until = harness.rows(dbs[1], "SELECT start_ns, end_ns FROM recording")[0]
    parks = "SELECT goid, reason FROM transition WHERE event = 3 AND time_ns BETWEEN ? AND ? ORDER BY goid, time_ns"
    shared = [harness.rows(db, parks, begin + 100_000_000, until - 100_000_000) for db in dbs]
    assert len(shared[1]) > 100
    # The two probes of one hit fire one after the other: at either end of the stretch an event may be on one side only.
    assert abs(len(shared[0]) - len(shared[1])) <= 8
    assert harness.value(dbs[0], "SELECT count(*) FROM transition WHERE event = 3") >= done["round_trips"]


def test_recorder_beside_one_that_is_killed(tmp_path):
    traces = [str(tmp_path / name) for name in ("one.gotape", "killed.gotape")]
    with harness.Background(harness.goprog("truth"), "-wait", "-hold", "-rounds", "2") as target:
        target.json("ready")
        with harness.attached(target.pid, traces[0]) as one:
            with harness.attached(target.pid, traces[1]) as killed:
                target.send()
                time.sleep(0.1)
                killed.process.send_signal(signal.SIGKILL)
                killed.wait()
                waits = measured(target)
                end(one)
        assert harness.breakpoints(target.pid) == []
        assert target.end() == 0
    assert harness.run(harness.RECORD, "--cleanup").status == 0
    assert harness.definitions(f"{killed.process.pid}_") == harness.definitions(f"{one.process.pid}_") == []
    check(traces[0], waits)


def test_two_recorders_of_two_processes_end_apart(tmp_path):
    """The one that goes on loses nothing when the other one ends."""
    traces = [str(tmp_path / name) for name in ("one.gotape", "two.gotape")]
    program = harness.goprog("truth")
    with harness.Background(program, "-wait", "-hold", "-rounds", "2") as one, \
            harness.Background(program, "-wait", "-hold", "-rounds", "1") as two:
        one.json("ready"), two.json("ready")
        with harness.attached(one.pid, traces[0]) as first, harness.attached(two.pid, traces[1]) as second:
            one.send()
            waits_of_two = play(two)
            end(second)
            assert len(harness.breakpoints(one.pid)) >= harness.PROBES_AT_LEAST
            assert harness.breakpoints(two.pid) == []
            waits_of_one = measured(one)
            end(first)
        for recorder in (first, second):
            assert harness.definitions(f"{recorder.process.pid}_") == []
    check(traces[0], waits_of_one)
    check(traces[1], waits_of_two)
