"""What cannot be recorded is refused with a reason and a way out, and leaves nothing behind."""

import os
import re
import shutil
import subprocess
import sys

import pytest

import harness


def copied(path, folder, name=None):
    target = f"{folder}/{name or os.path.basename(path)}"
    shutil.copy(path, target)
    os.chmod(target, 0o755)
    return target


def assert_refused(result, *words):
    assert 125 <= result.status <= 127, result
    for word in words:
        assert word in result.err, result
    assert len(result.err.strip().splitlines()) <= 4, "one message, not a flood"


def test_process_gone(trace):
    assert_refused(harness.run(harness.RECORD, "--budget", "off", "-o", trace, "-p", "4194303"), "4194303")
    assert not os.path.exists(trace)


def test_process_that_has_just_ended(trace):
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    assert_refused(harness.run(harness.RECORD, "--budget", "off", "-o", trace, "-p", ended.pid), str(ended.pid))


def test_zombie(trace):
    zombie = subprocess.Popen([harness.goprog("exitcode"), "-after", "1ms"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    assert_refused(harness.run(harness.RECORD, "--budget", "off", "-o", trace, "-p", zombie.pid), str(zombie.pid))
    zombie.wait()


def test_kernel_thread(trace):
    assert_refused(harness.run(harness.RECORD, "--budget", "off", "-o", trace, "-p", "2"))


def test_process_that_is_no_go_program(trace):
    with harness.Background("/bin/cat") as cat:
        assert_refused(harness.run(harness.RECORD, "--budget", "off", "-o", trace, "-p", cat.pid), "Go")
    assert not os.path.exists(trace)


def test_wrong_architecture(tmp_path, trace):
    """An arm64 binary cannot run here, but --check can look at it."""
    program = tmp_path / "arm"
    result = harness.go_command("local", "build", "-o", str(harness.ROOT / "build/goprogs/arm64-exitcode"), "./exitcode",
                                cwd=harness.GOPROGS, env=(("GOARCH", "arm64"),))
    assert result.status == 0, result
    shutil.copy(harness.ROOT / "build/goprogs/arm64-exitcode", program)
    result = harness.run(harness.RECORD, "--check", "--", program)
    assert_refused(result, "amd64", "experimental")
    assert "for arm64 (experimental)" in result.out and re.search(r"^  park +runtime\.gopark\+0x\w+ +b\.cond", result.out, re.M), result


def test_damaged_binary(tmp_path, trace):
    program = copied(harness.goprog("exitcode"), tmp_path)
    size = os.path.getsize(program)
    for cut in (100, 5000, size // 2, size - 100):
        shutil.copy(harness.goprog("exitcode"), program)
        os.truncate(program, cut)
        result = harness.run(harness.RECORD, "--check", "--", program)
        assert result.status >= 0, (cut, result)


def test_unprivileged_user(open_folder):
    """Says which right is missing and what to do about it."""
    record = copied(harness.RECORD, open_folder)
    program = copied(harness.goprog("exitcode"), open_folder)
    result = harness.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", record, "-o", f"{open_folder}/t.gotape",
                         "--", program, cwd=open_folder)
    assert_refused(result)
    assert any(word in result.err for word in ("root", "sudo", "CAP_")), result
    assert not os.path.exists(f"{open_folder}/t.gotape")


def test_unprivileged_check_names_what_is_missing(open_folder):
    record = copied(harness.RECORD, open_folder)
    program = copied(harness.goprog("exitcode"), open_folder)
    result = harness.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", record, "--check", "--", program)
    assert result.status == 125, result
    assert "runtime.gopark" in result.out, "the program can be looked at without rights"
    assert any(word in result.err + result.out for word in ("root", "sudo", "CAP_")), result


def test_tracefs_not_mounted(trace):
    """In a mount namespace without it."""
    result = harness.run("unshare", "--mount", "--propagation", "private", "sh", "-c",
                         "umount -l /sys/kernel/tracing 2>/dev/null; umount -l /sys/kernel/debug 2>/dev/null; exec \"$@\"", "sh",
                         harness.RECORD, "--budget", "off", "-o", trace, "--", harness.goprog("exitcode"))
    if result.err.startswith("unshare:"):
        pytest.skip(f"no mount namespace of its own here ({result.err.strip()})")
    assert_refused(result, "tracefs", "mount")


def test_folder_missing(tmp_path):
    result = harness.launched(tmp_path / "no/such/t.gotape", harness.goprog("exitcode"))
    assert_refused(result, "no/such")


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = harness.run("mount", "-t", "tmpfs", "-o", "size=256k", "none", folder)
    if mounted.status != 0:
        pytest.skip("no tmpfs can be mounted")
    yield folder
    harness.run("umount", "-l", folder)


def test_disk_full(small_disk):
    """Not even the end of a trace would have room: a clear message and no file; the target goes on. Disks that fill up later are
    those of test_long.py."""
    path = small_disk / "t.gotape"
    with harness.Background(harness.goprog("storm"), "-wait", "-rate", "150000", "-duration", "2s") as target:
        target.json("ready")
        with harness.attached(target.pid, path) as recorder:
            target.send()
            result = recorder.wait()
            assert result.status == 125, result
            assert "No space left" in result.err and "kB more" in result.err, result
        assert harness.breakpoints(target.pid) == []
        assert target.json("done")["round_trips"] > 0
    assert os.listdir(small_disk) == []


def test_file_size_limit(tmp_path):
    """SIGXFSZ must not kill the recorder before it has cleaned up."""
    with harness.Background(harness.goprog("storm"), "-wait", "-rate", "150000", "-duration", "6s") as target:
        target.json("ready")
        process = subprocess.Popen(["prlimit", "--fsize=200000", harness.RECORD, "--budget", "off", "-v", "-o", str(tmp_path / "t.gotape"), "-p", str(target.pid)],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        recorder = harness.Recorder(process, tmp_path / "t.gotape")
        recorder.read_until("armed")
        target.send()
        result = recorder.wait()
        assert result.status == 125, result
        assert target.json("done")["round_trips"] > 0


# A container's seccomp profile that refuses bpf(2): a classic filter on the number of the system call.
WITHOUT_BPF = """
import ctypes, os, struct, sys
NR_BPF, ERRNO, ALLOW = 321, 0x00050001, 0x7fff0000
rules = [(0x20, 0, 0, 0), (0x15, 0, 1, NR_BPF), (0x06, 0, 0, ERRNO), (0x06, 0, 0, ALLOW)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
program = struct.pack("HxxxxxxP", len(rules), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(22, 2, ctypes.c_char_p(program), 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_without_bpf_perf_records(trace):
    """Where bpf(2) is refused the recording goes on with perf, and says why when asked; who insists on programs is refused."""
    def recorder(*options):
        return harness.run(sys.executable, "-c", WITHOUT_BPF, harness.RECORD, "--budget", "off", *options, "-o", trace, "--",
                           harness.goprog("truth"), "-rounds", "1")

    result = recorder("-v")
    assert result.status == 0, result
    assert result.err.count("left to perf") == 1 and "bpf(2)" in result.err
    db = harness.database(trace)
    assert harness.value(db, "SELECT value FROM meta WHERE key = 'record.engine'") == "perf"
    harness.assert_balanced(db)
    assert_refused(recorder("--force", "--engine", "bpf"), "--engine bpf", "bpf(2)")
