"""Whatever happens to a recorder, its keeper, its target or its disk: nothing is lost beyond the last chunk, nothing is left in
the kernel or in the target, and the target computes on (tests/goprogs/sturdy checks all that it does).

The normal run is a short one; --all runs the rounds that the names speak of."""

import os
import random
import re
import shutil
import signal
import subprocess
import time

import pytest

import harness

SEEDS, ROUNDS = (range(11, 15), 50) if harness.ALL else ([11], 8)
FLUSH_S = 1.0  # a chunk is written at least so often


def sturdy(*arguments, stderr=None):
    return harness.Background(harness.goprog("sturdy"), *arguments, stderr=stderr)


def assert_sound(target, timeout=60):
    """The target ends as it would have, and has found nothing wrong."""
    target.process.stdin.close()
    done = target.json("done", timeout)
    assert target.process.wait(timeout) == 0
    assert done["errors"] == 0 and done["operations"] > 0, done
    return done


def assert_nothing_left(recorder, target=None):
    harness.await_no_definitions(recorder)
    if target and os.path.exists(f"/proc/{target}/exe"):
        assert harness.breakpoints(target) == []
        with open(f"/proc/{target}/status", encoding="utf-8") as status:
            lines = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
        assert lines["TracerPid"] == "0" and lines["State"][0] not in "tTZ", lines["State"]


def assert_readable(path, killed_ns, armed_ns):
    """What a recorder left when it was killed: whole up to the last chunk."""
    if not os.path.exists(path):
        assert armed_ns is None, "a recorder that was armed has a file"
        return
    result = harness.run(harness.REPLAY, "verify", path)
    if os.path.getsize(path) == 0:
        assert result.status == 1
        return
    assert result.status in (0, 3), result
    if armed_ns is None or killed_ns - armed_ns < 2 * FLUSH_S * 1e9:
        return
    db = harness.database(path, status=result.status)
    end = harness.value(db, "SELECT end_ns FROM recording")
    assert killed_ns - end < (FLUSH_S + 1.5) * 1e9, f"{(killed_ns - end) / 1e9} s are missing at the end"
    assert harness.rows(db, "SELECT * FROM transition WHERE flags & 1 LIMIT 5") == []
    db.close()


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def read_some(process, seconds, word=b"armed"):
    """Waits so long; when the word came on its standard error, or None."""
    os.set_blocking(process.stderr.fileno(), False)
    said, came, deadline = b"", None, time.monotonic() + seconds
    while time.monotonic() < deadline:
        data = process.stderr.read() or b""
        said += data
        if came is None and word in said:
            came = now_ns()
        if process.poll() is not None:
            break
        time.sleep(min(0.005, max(0, deadline - time.monotonic())))
    return came


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_random_moments(seed, tmp_path):
    """200 times in all: the recorder, or it together with its keeper, anywhere between its start and its end."""
    chooser = random.Random(seed)
    with sturdy("-threads", "-children", "-parked", "500") as target:
        target.json("ready")
        for i in range(ROUNDS):
            path = tmp_path / f"{i}.gotape"
            # most of a short recording is set-up and tear-down; a long one has chunks to lose
            seconds = chooser.choice([chooser.uniform(0, 0.4), chooser.uniform(0, 1.2), chooser.uniform(2.5, 4)][: 3 if i % 4 == 0 else 2])
            duration = chooser.choice(["300ms", "30s"])
            process = subprocess.Popen([harness.RECORD, "--budget", "off", "-v", "-d", duration, "-o", path, "-p", str(target.pid)],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            armed = read_some(process, seconds)
            keeper = harness.keeper_of(process.pid) if i % 3 == 0 else None
            if keeper:
                os.kill(keeper, signal.SIGKILL)
            killed = now_ns()
            process.kill()
            status = process.wait(30)
            process.stderr.close()
            if keeper:
                deadline = time.monotonic() + 30
                while harness.definitions(f"{process.pid}_") and time.monotonic() < deadline:
                    assert harness.run(harness.RECORD, "--cleanup").status == 0
            assert_nothing_left(process.pid, target.pid)
            assert target.process.poll() is None
            if status == -signal.SIGKILL:
                assert_readable(path, killed, armed)
            else:
                assert status == 0 and harness.run(harness.REPLAY, "verify", path).status == 0
            for left in os.listdir(tmp_path):
                os.unlink(tmp_path / left)
        assert_sound(target)


def test_target_killed_at_random_moments(tmp_path):
    """50 times each, attached to and launched: the recording ends with it, complete."""
    chooser = random.Random(12)
    for i in range(100 if harness.ALL else 6):
        path = tmp_path / f"{i}.gotape"
        seconds = chooser.uniform(0, 0.8)
        if i % 2:
            with sturdy("-threads") as target:
                target.json("ready")
                process = subprocess.Popen([harness.RECORD, "--budget", "off", "-o", path, "-p", str(target.pid)], stdin=subprocess.DEVNULL,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                time.sleep(seconds)
                os.kill(target.pid, signal.SIGKILL)
                err = process.communicate(timeout=60)[1].decode()
        else:
            process = subprocess.Popen([harness.RECORD, "--budget", "off", "-o", path, "--", harness.goprog("sturdy"), "-threads"],
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            time.sleep(seconds)
            children = [int(c) for c in harness.children_of(process.pid) if int(c) != harness.keeper_of(process.pid)]
            if children:
                os.kill(children[0], signal.SIGKILL)
                err = process.communicate(timeout=60)[1].decode()
            else:
                harness.terminate(process)
                process.stdin.close()
                err = process.stderr.read().decode()
        assert_nothing_left(process.pid)
        if process.returncode in (0, -signal.SIGKILL) and path.exists():
            assert harness.run(harness.REPLAY, "verify", path).status == 0, (i, seconds, err)
        else:  # it was gone before the recording could begin
            assert process.returncode in (125, 126, 127, -signal.SIGKILL, -signal.SIGTERM), (i, seconds, process.returncode, err)
            assert not path.exists(), err


@pytest.mark.parametrize("same", [True, False], ids=["the same file", "another file"])
def test_target_becomes_another_program(same, trace, tmp_path):
    """At exec the recording ends by itself; the new program is not touched."""
    program = harness.goprog("sturdy")
    other = program if same else str(tmp_path / "other")
    if not same:
        shutil.copy(program, other)
    with sturdy("-threads", "-exec", other) as target:
        target.json("ready")
        with harness.attached(target.pid, trace, "--snapshot-interval", "50ms") as recorder:
            target.send()
            result = recorder.wait()
            assert result.status == 0, result
            assert_nothing_left(recorder.process.pid, target.pid)
        assert target.json("done")["errors"] == 0
        assert target.process.wait(20) == 0
    assert harness.run(harness.REPLAY, "verify", trace).status == 0
    db = harness.database(trace)
    assert harness.value(db, "SELECT count(*) FROM anomaly WHERE kind = 'target_exec'") == 1
    assert harness.rows(db, "SELECT * FROM transition WHERE flags & 1 LIMIT 5") == []


@pytest.mark.parametrize("arguments", [["-children"], ["-threads"]], ids=["children", "threads"])
def test_children_and_threads(arguments, trace):
    """Processes and threads come and go while the probes are armed and disarmed."""
    with sturdy(*arguments) as target:
        target.json("ready")
        for _ in range(10 if harness.ALL else 2):
            with harness.attached(target.pid, trace, "--force") as recorder:
                time.sleep(1)
            assert_nothing_left(recorder.process.pid, target.pid)
        assert_sound(target)
    harness.assert_balanced(harness.database(trace))
    harness.assert_checked(trace)


def test_a_hundred_thousand_goroutines(trace):
    with sturdy("-parked", "100000") as target:
        target.json("ready")
        with harness.attached(target.pid, trace) as recorder:
            time.sleep(2)
        assert_nothing_left(recorder.process.pid, target.pid)
        assert_sound(target, 120)
    db = harness.database(trace)
    harness.assert_balanced(db)
    parked = harness.value(db, "SELECT max(goroutine_count) FROM snapshot")
    assert parked >= 100000


def test_rings_overrun(trace):
    """A recorder that is stopped for two seconds under load, with the smallest rings: the loss is told, and only that is doubtful."""
    with harness.Background(harness.goprog("storm"), "-wait", "-rate", "100000", "-duration", "5s") as target:
        target.json("ready")
        with harness.attached(target.pid, trace, "-m", "64k") as recorder:
            target.send()
            time.sleep(1)
            recorder.process.send_signal(signal.SIGSTOP)
            time.sleep(2)
            recorder.process.send_signal(signal.SIGCONT)
            time.sleep(1)
            result = recorder.stop()
        assert result.status == 0, result
        assert_nothing_left(recorder.process.pid, target.pid)
        assert target.json("done")["round_trips"] > 0
    lost = int(re.search(r"lost ([\d,]+) records", result.err)[1].replace(",", ""))
    assert lost > 1000
    db = harness.database(trace, status=3)
    assert harness.value(db, "SELECT lost_count FROM recording") == harness.value(db, "SELECT sum(count) FROM lost") == lost
    assert harness.rows(db, "SELECT * FROM transition WHERE flags & 1 AND NOT flags & 4 LIMIT 5") == []
    assert harness.rows(db, "SELECT * FROM wait WHERE wait_ns < 0 OR runnable_ns < 0 LIMIT 5") == []


def test_recorder_stopped_and_killed(trace):
    with sturdy("-threads") as target:
        target.json("ready")
        with harness.attached(target.pid, trace) as recorder:
            time.sleep(1.5)
            recorder.process.send_signal(signal.SIGSTOP)
            time.sleep(0.5)
            recorder.process.kill()
            recorder.wait()
        assert_nothing_left(recorder.process.pid, target.pid)
        assert_sound(target)
    assert harness.run(harness.REPLAY, "verify", trace).status == 3


def test_target_stopped(trace):
    """While it is recorded, while probes are armed, and while they are removed."""
    with sturdy("-threads") as target:
        target.json("ready")
        with harness.attached(target.pid, trace) as recorder:
            time.sleep(0.5)
            os.kill(target.pid, signal.SIGSTOP)
            time.sleep(1)
            os.kill(target.pid, signal.SIGCONT)
            time.sleep(0.5)
        harness.assert_balanced(harness.database(trace))
        os.kill(target.pid, signal.SIGSTOP)
        with harness.attached(target.pid, trace, "--force") as recorder:
            time.sleep(0.5)
        assert harness.breakpoints(target.pid) == []
        os.kill(target.pid, signal.SIGCONT)
        time.sleep(0.2)
        assert_nothing_left(recorder.process.pid, target.pid)
        assert_sound(target)
    assert harness.run(harness.REPLAY, "verify", trace).status == 0


def test_threads_are_cloned_while_events_are_enabled(tmp_path):
    """A probe that a thread inherits disabled is missing on one CPU for good: the parks of that CPU contradict all else."""
    with sturdy("-threads") as target:
        target.json("ready")
        for i in range(200 if harness.ALL else 6):
            path = tmp_path / f"{i}.gotape"
            result = harness.run(harness.RECORD, "--budget", "off", "-d", "100ms", "-o", path, "-p", str(target.pid))
            assert result.status == 0, result
            db = harness.database(path)
            parked = harness.rows(db, "SELECT DISTINCT flags & 1 FROM transition_named WHERE event = 'park'")
            db.close()
            assert parked == [(0,)], (i, parked)
            os.unlink(path)
            os.unlink(f"{path}.db")
        assert_sound(target)


def test_disk_is_full_at_any_write(tmp_path):
    """A limit on the size of the file stands for the disk: at every write, and in the middle of one."""
    chooser = random.Random(13)
    limits = [0, 1, 200, 3000, 30000]
    limits += [chooser.randrange(200000) for _ in range(60 if harness.ALL else 1)]
    with sturdy("-threads") as target:
        target.json("ready")
        for limit in limits:
            path = tmp_path / f"{limit}.gotape"
            options = ["-d", "20s", "-z", "1"]
            result = harness.run("prlimit", f"--fsize={limit}", harness.RECORD, *options, "-o", path, "-p", str(target.pid))
            assert result.status == 125 and "too large" in result.err, (limit, result)
            assert harness.orphans() == [] and harness.breakpoints(target.pid) == []
            if not path.exists():
                assert limit < 10000, "only what has not begun leaves no file"
                continue
            assert 0 < os.path.getsize(path) <= limit
            verified = harness.run(harness.REPLAY, "verify", path)
            assert verified.status == 3 and "inside" not in verified.out + verified.err, (limit, verified)
            assert harness.run(harness.REPLAY, "info", path).status == 3
        assert_sound(target)
