"""What a recorder may do while it records, and that it does its work without: an unprivileged process, and a keeper that
removes the probes whatever happens to it."""

import os
import pwd
import signal
import stat
import time

import pytest

import harness

CAP_KILL, CAP_SYS_PTRACE = 1 << 5, 1 << 19
KEEPER_RIGHTS = 0b1011 | CAP_SYS_PTRACE  # chown, dac_override, fowner


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)


def assert_unprivileged(pid, uid, gid):
    status = status_of(pid)
    assert status["Uid"].split() == [str(uid)] * 4
    assert status["Gid"].split() == [str(gid)] * 4
    assert status["Groups"].split() == []
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert status["NoNewPrivs"] == "1"


def test_recorder_is_nobody_without_capabilities(trace):
    """And sees as much as before: objects, snapshots, labels, names of sockets, the facts at the end."""
    nobody = pwd.getpwnam("nobody")
    with harness.Background(harness.goprog("orders"), "-listen", "127.0.0.1:0", "-ledger", "0", "-queue", "8") as service:
        url = service.line().split()[-1]
        with harness.attached(service.pid, trace, "--snapshot-interval", "200ms") as recorder:
            pid = recorder.process.pid
            keeper = harness.keeper_of(pid)
            assert_unprivileged(pid, nobody.pw_uid, nobody.pw_gid)
            rights = status_of(keeper)
            assert rights["Uid"].split() == ["0"] * 4
            assert int(rights["CapEff"], 16) == int(rights["CapPrm"], 16) == int(rights["CapBnd"], 16) == KEEPER_RIGHTS
            assert int(rights["CapAmb"], 16) == 0 and rights["NoNewPrivs"] == "1"
            held = [os.readlink(f"/proc/{keeper}/fd/{fd}") for fd in os.listdir(f"/proc/{keeper}/fd")]
            assert not [name for name in held if "perf_event" in name or "/mem" in name or name.endswith(".gotape")], held
            held = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            assert not [name for name in held if "tracing" in name], held
            load = harness.run(harness.goprog("ordersload"), "-url", url, "-duration", "2s", "-rate", "100", "-json")
            assert load.status == 0, load
        assert harness.definitions(f"{pid}_") == []
        assert harness.breakpoints(service.pid) == []
        assert not os.path.exists(f"/proc/{keeper}")
        service.process.terminate()
        assert service.process.wait(20) == 0
    db = harness.database(trace)
    harness.assert_balanced(db)
    assert harness.value(db, "SELECT count(*) FROM snapshot WHERE goroutine_count > 0") >= 5
    names = {name for name, in harness.rows(db, "SELECT DISTINCT type FROM object WHERE type LIKE 'tcp %'")}
    assert any("->" in name for name in names), names
    assert harness.value(db, "SELECT count(*) FROM object WHERE type = 'main.Order'") > 0
    meta = dict(harness.rows(db, "SELECT key, value FROM meta"))
    assert "end.gomaxprocs" in meta


def test_another_user_or_none(trace, tmp_path):
    with harness.Background(harness.goprog("forker"), "-children", "0") as target:
        target.json("ready")
        with harness.attached(target.pid, trace, "--drop-to", "12345:54321") as recorder:
            assert_unprivileged(recorder.process.pid, 12345, 54321)
        with harness.attached(target.pid, tmp_path / "root.gotape", "--keep-root") as recorder:
            status = status_of(recorder.process.pid)
            assert status["Uid"].split() == ["0"] * 4 and int(status["CapEff"], 16) != 0
            pid = recorder.process.pid
        assert harness.definitions(f"{pid}_") == []
    assert stat.S_IMODE(os.stat(trace).st_mode) == 0o600
    result = harness.run(harness.RECORD, "--drop-to", "no-such-user", "-o", tmp_path / "x.gotape", "--",
                         harness.goprog("exitcode"))
    assert result.status == 125 and "no-such-user" in result.err
    assert not os.path.exists(tmp_path / "x.gotape")


@pytest.mark.parametrize("user", [None, "nobody"])
def test_kill_of_a_command(user, trace):
    """The recorder has no right to end COMMAND, of whichever user: its keeper has, with --kill only."""
    options = ["--user", user] if user else []
    with harness.Background(harness.RECORD, "--budget", "off", "-d", "500ms", "--kill", *options, "-o", trace, "--", harness.goprog("forker"),
                            "-children", "0") as recorder:
        target = recorder.json("ready")["pid"]
        keeper = harness.keeper_of(recorder.pid)
        assert int(status_of(keeper)["CapEff"], 16) == KEEPER_RIGHTS | CAP_KILL
        assert recorder.process.wait(20) == 0
        assert not os.path.exists(f"/proc/{target}")
    harness.assert_balanced(harness.database(trace))


def test_recorder_that_dies_leaves_nothing(trace):
    """SIGKILL: no breakpoint, no definition, and with --force the new file is in its place."""
    with open(trace, "w", encoding="utf-8") as old:
        old.write("old")
    with harness.Background(harness.goprog("storm"), "-wait", "-rate", "5000", "-duration", "4s") as target:
        target.json("ready")
        with harness.attached(target.pid, trace, "--force") as recorder:
            pid = recorder.process.pid
            target.send()
            time.sleep(1.5)
            recorder.process.kill()
            recorder.wait()
        harness.await_no_definitions(pid)
        assert harness.breakpoints(target.pid) == []
        assert target.json("done")["round_trips"] > 0
    assert harness.run(harness.REPLAY, "verify", trace).status == 3
    assert os.listdir(os.path.dirname(trace)) == [os.path.basename(trace)]


def test_keeper_that_dies(trace):
    """The recording is whole; what is left is said, and removed by --cleanup."""
    with harness.Background(harness.goprog("storm"), "-wait", "-rate", "5000", "-duration", "6s") as target:
        target.json("ready")
        with harness.attached(target.pid, trace, "--engine", "perf") as recorder:
            pid = recorder.process.pid
            target.send()
            time.sleep(0.5)
            os.kill(harness.keeper_of(pid), signal.SIGKILL)
            time.sleep(0.5)
            result = recorder.stop()
        assert result.status == 0 and "--cleanup" in result.err, result
        assert harness.definitions(f"{pid}_") and harness.breakpoints(target.pid) == []
        assert harness.run(harness.RECORD, "--cleanup").status == 0
        assert harness.definitions(f"{pid}_") == []
        target.json("done")
    harness.assert_balanced(harness.database(trace))


def test_existing_files_and_links_are_safe(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name, target in (("link.gotape", victim), ("dangling.gotape", tmp_path / "nothing")):
        os.symlink(target, tmp_path / name)
        for options in ([], ["--force"]):
            result = harness.launched(tmp_path / name, harness.goprog("exitcode"), options=options)
            assert result.status == 125, result
    assert victim.read_text() == "precious" and not os.path.exists(tmp_path / "nothing")
    assert harness.launched(tmp_path / "a.gotape", harness.goprog("exitcode"), umask=0).status == 0
    assert stat.S_IMODE(os.stat(tmp_path / "a.gotape").st_mode) == 0o600
    assert harness.launched(tmp_path / "a.gotape", harness.goprog("exitcode")).status == 125
    assert harness.launched(tmp_path / "a.gotape", harness.goprog("exitcode"), options=["--force"]).status == 0
    assert sorted(os.listdir(tmp_path)) == ["a.gotape", "dangling.gotape", "link.gotape", "victim"]
