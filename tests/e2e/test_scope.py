"""Only the target is probed: neither another process of the same binary nor its own children."""

import os

import harness


def recorded_tids(db):
    """Every thread that an event of the recording names as its place."""
    return {tid for tid, in harness.rows(db, "SELECT tid FROM transition WHERE tid IS NOT NULL UNION SELECT tid FROM thread_switch"
                                             " UNION SELECT tid FROM thread")}


def test_second_process_of_the_same_binary(trace):
    program = harness.goprog("forker")
    with harness.Background(program, "-children", "0") as other, harness.Background(program, "-children", "0") as target:
        other_tids = set(other.json("ready")["tids"])
        target_tids = set(target.json("ready")["tids"])
        with harness.attached(target.pid, trace) as recorder:
            with harness.Background(program, "-children", "0") as late:
                late_tids = set(late.json("ready")["tids"])
                assert len(harness.breakpoints(target.pid)) >= harness.PROBES_AT_LEAST
                assert harness.breakpoints(other.pid) == []
                assert harness.breakpoints(late.pid) == []
            assert recorder.stop().status == 0, recorder.result
        assert harness.breakpoints(target.pid) == []
    db = harness.database(trace)
    tids = recorded_tids(db)
    assert target_tids & tids
    assert not tids & (other_tids | late_tids)
    harness.assert_balanced(db)


def test_children_born_during_the_recording(trace):
    """Children inherit neither events nor breakpoints, although they run the same binary."""
    program = harness.goprog("forker")
    with harness.Background(harness.RECORD, "--budget", "off", "-o", trace, "--", program, "-children", "3") as recorder:
        ready = recorder.json("ready")
        assert len(harness.breakpoints(ready["pid"])) >= harness.PROBES_AT_LEAST
        for child in ready["children"]:
            assert harness.breakpoints(child["pid"]) == []
        assert recorder.end() == 0
    db = harness.database(trace)
    tids = recorded_tids(db)
    assert set(ready["tids"]) & tids
    for child in ready["children"]:
        assert not tids & set(child["tids"])
    harness.assert_balanced(db)


def test_children_alive_before_the_attach(trace):
    program = harness.goprog("forker")
    with harness.Background(program, "-children", "2") as target:
        ready = target.json("ready")
        with harness.attached(target.pid, trace):
            for child in ready["children"]:
                assert harness.breakpoints(child["pid"]) == []
            harness.time.sleep(0.5)
    tids = recorded_tids(harness.database(trace))
    assert set(ready["tids"]) & tids
    for child in ready["children"]:
        assert not tids & set(child["tids"])


def test_two_recorders_of_two_processes(tmp_path):
    """Each has its own probes, and neither removes the other's."""
    program = harness.goprog("forker")
    with harness.Background(program, "-children", "0") as one, harness.Background(program, "-children", "0") as two:
        tids = [set(target.json("ready")["tids"]) for target in (one, two)]
        with harness.attached(one.pid, tmp_path / "one.gotape") as first:
            with harness.attached(two.pid, tmp_path / "two.gotape", "--engine", "perf") as second:
                assert len(harness.definitions(f"{second.process.pid}_")) >= harness.PROBES_AT_LEAST
                for target in (one, two):
                    assert len(harness.breakpoints(target.pid)) >= harness.PROBES_AT_LEAST
                harness.time.sleep(0.3)
            assert harness.definitions(f"{second.process.pid}_") == []
            assert len(harness.breakpoints(one.pid)) >= harness.PROBES_AT_LEAST
            assert harness.breakpoints(two.pid) == []
            harness.time.sleep(0.3)
    for name, own, foreign in (("one", tids[0], tids[1]), ("two", tids[1], tids[0])):
        recorded = recorded_tids(harness.database(tmp_path / f"{name}.gotape"))
        assert own & recorded and not foreign & recorded


def test_other_definitions_stay(trace):
    """Definitions of other tools are neither used nor removed."""
    program = harness.goprog("exitcode")
    foreign = f"p:e2e_{os.getpid()}/kept {program}:0x1000"
    path = f"{harness.tracefs()}/uprobe_events"

    def append(line):
        fd = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(fd, line.encode() + b"\n")
        finally:
            os.close(fd)

    append(foreign)
    try:
        assert harness.launched(trace, program).status == 0
        with open(path, encoding="utf-8") as lines:
            assert any(line.startswith(foreign.split(" ")[0] + " ") for line in lines)
    finally:
        append(f"-:e2e_{os.getpid()}/kept")


def test_all_cpus_only_when_nobody_else_runs_the_file(trace):
    """--scope cpu probes all that map the file: it says so, and refuses where somebody is there who was not asked."""
    program = harness.goprog("forker")
    with harness.Background(program, "-children", "0") as other, harness.Background(program, "-children", "0") as target:
        other.json("ready")
        target_tids = set(target.json("ready")["tids"])
        refused = harness.run(harness.RECORD, "--scope", "cpu", "-d", "100ms", "-o", trace, "-p", target.pid)
        assert refused.status == 125 and str(other.pid) in refused.err and "--force-scope" in refused.err, refused
        assert harness.breakpoints(other.pid) == [] and not os.path.exists(trace)
        with harness.attached(target.pid, trace, "--scope", "cpu", "--force-scope") as recorder:
            assert len(harness.breakpoints(other.pid)) >= harness.PROBES_AT_LEAST
            harness.time.sleep(0.5)
            assert recorder.stop().status == 0, recorder.result
        assert "every process that runs" in recorder.err and "records of other processes were dropped" in recorder.err, recorder.err
        assert harness.breakpoints(other.pid) == [] and harness.breakpoints(target.pid) == []
        other_tids = {int(tid) for tid in os.listdir(f"/proc/{other.pid}/task")}
    db = harness.database(trace)
    tids = recorded_tids(db)
    assert target_tids & tids and not tids & other_tids
    assert harness.value(db, "SELECT value FROM meta WHERE key = 'record.scope'") == "cpu"
    harness.assert_balanced(db)
