"""A recorder that is killed together with its keeper: the target goes on, the file is good up to its last chunk, and what
definitions the kernel kept, if there were any, are removed by the next start or by --cleanup. (Of the recorder alone:
test_safety.py.)"""

import json
import os
import signal
import time

import harness


def kill_recorder(target, trace, *options):
    """Records a busy target for some seconds and kills the recorder. Returns its pid, under which definitions are left, if it
    needed any (--engine perf does)."""
    with harness.attached(target.pid, trace, *options) as recorder:
        target.send()
        time.sleep(3.5)
        before = harness.definitions(f"{recorder.process.pid}_")
        assert len(harness.breakpoints(target.pid)) >= harness.PROBES_AT_LEAST
        os.kill(harness.keeper_of(recorder.process.pid), signal.SIGKILL)
        recorder.process.send_signal(signal.SIGKILL)
        recorder.wait()
    pid = recorder.process.pid
    assert harness.definitions(f"{pid}_") == before, "the kernel keeps the definitions of a killed recorder"
    assert harness.breakpoints(target.pid) == [], "but they are not armed any more"
    if "perf" in options:
        assert before
    return pid


def test_file_is_readable_and_cleanup_removes(trace):
    with harness.Background(harness.goprog("storm"), "-wait", "-rate", "20000", "-duration", "8s") as target:
        target.json("ready")
        pid = kill_recorder(target, trace)
        result = harness.run(harness.RECORD, "--cleanup")
        assert result.status == 0, result
        assert harness.definitions(f"{pid}_") == []
        assert target.json("done")["round_trips"] > 0
    db = harness.database(trace, status=3)
    assert harness.value(db, "SELECT is_clean_end FROM recording") == 0
    assert harness.value(db, "SELECT lost_count FROM recording") == 0
    assert harness.rows(db, "SELECT * FROM transition WHERE flags & 1") == []
    # The last chunk is at most about a second old, and its symbols came with it.
    span = harness.rows(db, "SELECT start_ns, end_ns FROM recording")[0]
    assert span[1] - span[0] > 2e9
    found = harness.replay_json(trace, "who-blocked", "--limit", "5", status=3)
    assert found and all(row["site"].startswith("main.") for row in found)
    assert any(row["site"].startswith("main.pingPong") and row["file"].endswith("storm/main.go") for row in found)
    verified = harness.run(harness.REPLAY, "verify", trace)
    assert verified.status == 3, verified


def test_next_start_removes(trace, tmp_path):
    with harness.Background(harness.goprog("storm"), "-wait", "-rate", "20000", "-duration", "6s") as target:
        target.json("ready")
        pid = kill_recorder(target, trace, "--engine", "perf")
        result = harness.launched(tmp_path / "next.gotape", harness.goprog("exitcode"))
        assert result.status == 0, result
        assert harness.definitions(f"{pid}_") == []
        assert target.json("done")["round_trips"] > 0


def test_cleanup_spares_the_living(trace):
    with harness.Background(harness.goprog("forker"), "-children", "0") as target:
        target.json("ready")
        with harness.attached(target.pid, trace, "--engine", "perf") as recorder:
            own = f"{recorder.process.pid}_"
            before = harness.definitions(own)
            assert len(before) >= harness.PROBES_AT_LEAST
            assert harness.run(harness.RECORD, "--cleanup").status == 0
            assert harness.definitions(own) == before
            time.sleep(0.3)
    harness.assert_balanced(harness.database(trace))


def test_killed_while_launching(tmp_path):
    """Killed in the middle of its set-up, again and again: the target is never left stopped, and cleaning up works."""
    program = harness.goprog("exitcode")
    pids = []
    for i, delay in enumerate((0.005, 0.02, 0.05, 0.1, 0.2)):
        process = harness.subprocess.Popen([harness.RECORD, "--budget", "off", "-o", str(tmp_path / f"{i}.gotape"), "--", program, "-after", "2s"],
                                           stdout=harness.subprocess.DEVNULL, stderr=harness.subprocess.DEVNULL)
        pids.append(process.pid)
        time.sleep(delay)
        children = children_of(process.pid)
        process.kill()
        process.wait()
        deadline = time.monotonic() + 10
        while children and time.monotonic() < deadline:
            children = [c for c in children if state_of(c) not in ("gone", "Z")]
            assert all(state_of(c) not in ("T", "t") for c in children), "left stopped"
            time.sleep(0.05)
        assert not children
    assert harness.run(harness.RECORD, "--cleanup").status == 0
    for pid in pids:
        harness.await_no_definitions(pid)


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as children:
        return children.read().split()


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "gone"


def test_summary_of_a_killed_recording_says_so(trace):
    with harness.Background(harness.goprog("storm"), "-wait", "-rate", "5000", "-duration", "5s") as target:
        target.json("ready")
        kill_recorder(target, trace)
        harness.run(harness.RECORD, "--cleanup")
        target.json("done")
    result = harness.run(harness.REPLAY, "info", trace, "--format", "json")
    assert result.status == 3, result
    assert result.err.strip(), "damaged or incomplete data is said on stderr"
    json.loads(result.out)
