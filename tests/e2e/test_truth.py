"""A program that measures its own waits, held against the recording: every wait found, with its goroutine, its objects, its
reason and who ended it, inside the program's own brackets."""

import json
import shutil

import pytest

import harness

MS = 1_000_000
CLOCK_STEP_NS = 1000  # the recorder's clock and the program's are one, but reading it is not atomic
SLACK_NS = 2 * MS  # of a duration: two clocks read one after the other, and a goroutine that is run late between

CASES = [pytest.param(version, mode, id=f"{version}-{mode}") for version in harness.VERSIONS for mode in ("exe", "pie")]


def truths(lines):
    """The waits and the closing line."""
    values = [json.loads(line) for line in lines]
    done = values[-1]
    assert done["kind"] == "done"
    return [v for v in values if "goid" in v], done


# The site is the first function outside Go's runtime, sync and internal packages: here the package that waits for the program.
SITES = {"sleep": "time.Sleep", "net": "net.(*netFD).Read"}


def matches(wait, row):
    if row["goid"] != wait["goid"] or row["reason_class"] != wait["class"]:
        return False
    if row["site"] != SITES.get(wait["class"], wait["func"]) or wait["func"] not in row["stack"]:
        return False
    return wait["before_ns"] - CLOCK_STEP_NS <= row["start_ns"] <= (wait["after_ns"] or row["start_ns"]) + CLOCK_STEP_NS


def check_objects(wait, row):
    addresses = [o["addr"] for o in row["objects"]]
    if wait["class"] == "select":
        assert sorted(addresses) == sorted(wait["objects"])
    elif wait["class"] == "sleep":
        assert addresses == []
    elif wait["class"] == "net":
        assert [o["kind"] for o in row["objects"]] == ["polldesc"]
    elif wait["kind"] == "leak_nil":
        assert all(int(a, 16) == 0 for a in addresses)
    else:
        assert addresses == wait["objects"]
    kinds = {"chan_recv": "chan", "chan_send": "chan", "select": "chan"}
    for o in row["objects"]:
        if wait["class"] != "net" and wait["objects"]:
            assert o["kind"] == kinds.get(wait["class"], wait["class"])
        if wait["cap"] >= 0:
            assert (o["type"], o["cap"]) == (wait["elem_type"], wait["cap"])


def check_waker(wait, row):
    assert row["waker_kind"] == wait["waker"]
    if wait["waker"] == "goroutine":
        assert row["waker_goid"] == wait["waker_goid"]
        assert row["waker_site"] == wait["waker_func"]
    else:
        assert row["waker_goid"] is None


def check_times(wait, row):
    assert not row["open"]
    measured = wait["after_ns"] - wait["before_ns"]
    recorded = row["wait_ns"] + row["runnable_ns"]
    assert row["start_ns"] + recorded <= wait["after_ns"] + CLOCK_STEP_NS
    assert abs(measured - recorded) <= SLACK_NS + measured * 5 // 100


def check_open(row, end_ns):
    assert row["open"] and row["runnable_ns"] is None
    assert row["start_ns"] + row["wait_ns"] == end_ns


def check_stack(wait, row):
    assert row["stack"].index(wait["func"]) >= 1  # Go's own functions are inside of it
    assert row["line"] > 0
    if wait["class"] not in SITES:
        assert row["file"].endswith("truth/waits.go")


def check_waits(trace, waits):
    found = harness.replay_json(trace, "who-blocked", "--all", "--limit", "0")
    assert [r["wait_ns"] for r in found] == sorted((r["wait_ns"] for r in found), reverse=True)
    end_ns = harness.value(harness.database(trace), "SELECT end_ns FROM recording")
    for wait in waits:
        candidates = [row for row in found if matches(wait, row)]
        near = [row for row in found if row["goid"] == wait["goid"]]
        assert len(candidates) == 1, (wait, candidates or near)
        row = candidates[0]
        try:
            check_objects(wait, row)
            check_waker(wait, row)
            check_stack(wait, row)
            check_open(row, end_ns) if wait["waker"] == "none_yet" else check_times(wait, row)
        except AssertionError as error:
            pytest.fail(f"{error}\nprogram:  {wait}\nrecorded: {row}")


@pytest.mark.parametrize("version,mode", CASES)
def test_launched(version, mode, trace):
    program = harness.goprog("truth", version, mode)
    result = harness.launched(trace, program, "-rounds", "3", "-seed", "7")
    assert result.status == 0, result
    waits, done = truths(result.out.splitlines())
    assert len(waits) == 3 * 13 + 2
    assert done["go"].startswith(version)
    check_waits(trace, waits)
    db = harness.database(trace)
    harness.assert_balanced(db)
    harness.assert_checked(trace)
    assert harness.value(db, "SELECT is_clean_end FROM recording") == 1
    assert harness.value(db, "SELECT is_attach FROM recording") == 0


@pytest.mark.parametrize("options", [("--detail", "sched"), ("--scope", "cpu"), ("--scope", "cpu", "--detail", "sched"),
                                     ("--engine", "perf"), ("--engine", "perf", "--detail", "sched"),
                                     ("--engine", "bpf", "--detail", "all")], ids="-".join)
def test_launched_with(options, tmp_path, trace):
    """With the start of each run measured, with the events of all CPUs, and whoever reads the values: the same story. The program is a copy, so that
    nobody else runs it."""
    program = shutil.copy(harness.goprog("truth"), tmp_path / "truth")
    result = harness.launched(trace, program, "-rounds", "3", "-seed", "7", options=options)
    assert result.status == 0, result
    waits, _ = truths(result.out.splitlines())
    check_waits(trace, waits)
    db = harness.database(trace)
    harness.assert_balanced(db)
    if options[0] == "--engine":
        assert harness.value(db, "SELECT value FROM meta WHERE key = 'record.engine'") == options[1]


@pytest.mark.parametrize("version,mode", CASES)
def test_attached(version, mode, trace):
    program = harness.goprog("truth", version, mode)
    with harness.Background(program, "-wait", "-hold", "-rounds", "3", "-seed", "11") as target:
        ready = target.json("ready")
        with harness.attached(target.pid, trace):
            target.send()
            lines = [target.line()]
            while '"done"' not in lines[-1]:
                lines.append(target.line())
        assert target.process.poll() is None, "the target must go on after the recording"
        assert harness.breakpoints(target.pid) == []
        assert target.end() == 0
    waits, _ = truths(lines)
    check_waits(trace, waits)
    db = harness.database(trace)
    harness.assert_balanced(db)
    harness.assert_checked(trace)
    assert harness.value(db, "SELECT is_attach FROM recording") == 1
    # What was blocked when the recorder came was found by its first snapshot: on which channel, but not since when.
    early = ",".join(map(str, ready["before"]))
    found = harness.rows(db, f"SELECT goid, reason, site, is_start_seen, is_open, waker_kind FROM wait_named WHERE goid IN ({early}) ORDER BY goid")
    assert found == [(goid, "chan receive", "main.startBefore.func1", 0, 0, "goroutine") for goid in sorted(ready["before"])]
    assert harness.value(db, f"SELECT count(*) FROM transition WHERE goid IN ({early}) AND from_state = 0") == len(ready["before"])


def test_race_build(trace):
    """-race changes the code around the probed places."""
    program = harness.goprog("truth", "local", "exe", ("-race",))
    result = harness.launched(trace, program, "-rounds", "1")
    assert result.status == 0, result
    harness.assert_balanced(harness.database(trace))


def test_unoptimised_build(trace):
    """-N -l leaves no inlining and another epilogue in the runtime."""
    program = harness.goprog("truth", "local", "exe", ("-gcflags=all=-N -l",))
    result = harness.launched(trace, program, "-rounds", "1")
    assert result.status == 0, result
    waits, _ = truths(result.out.splitlines())
    check_waits(trace, waits)


def test_moves_to_another_machine(trace, open_folder):
    """The file is enough: who-blocked answers with names when neither the program nor its source is there, as a user without
    rights, in a folder of its own."""
    program = harness.goprog("truth")
    result = harness.launched(trace, program, "-rounds", "1")
    assert result.status == 0, result
    moved = f"{open_folder}/moved.gotape"
    with open(trace, "rb") as source, open(moved, "wb") as copy:
        copy.write(source.read())
    replay = f"{open_folder}/gotape-replay"
    with open(harness.REPLAY, "rb") as source, open(replay, "wb") as copy:
        copy.write(source.read())
    harness.os.chmod(replay, 0o755)
    result = harness.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", replay, "who-blocked", moved, "--chan",
                         "main.job", "--format", "json", cwd=open_folder, env={"PATH": "/usr/bin:/bin", "HOME": open_folder})
    assert result.status == 0, result
    sites = {row["site"] for row in json.loads(result.out)}
    assert {"main.recvWait", "main.selectWait"} <= sites
