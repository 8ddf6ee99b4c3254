"""Snapshots, held against what the Go runtime itself prints about the same goroutines (SIGQUIT), against what the program says
about them, and against a program that does not hold still."""

import os
import re
import signal
import time

import pytest

import harness

ONLY = ("--detail", "snapshot")
VERSIONS = harness.VERSIONS_ALL if harness.ALL else ["go1.21.13", "go1.27.1"]
MODES = [("exe", ())] + ([("pie", ())] if harness.ALL else [])
BUILDS = [pytest.param(version, mode, flags, id=f"{version}-{mode}") for version in VERSIONS for mode, flags in MODES]
BUILDS += [pytest.param("local", "exe", flags, id=name) for name, flags in
           (("race", ("-race",)), ("unoptimised", ("-gcflags=all=-N -l",))) if harness.ALL or name == "unoptimised"]
BUILDS += [pytest.param(version, "exe", ("-ldflags=-s -w",), id=f"{version}-stripped") for version in VERSIONS if harness.ALL]


class Parked:
    """The program whose goroutines all wait, and what it says about them."""

    def __init__(self, program, folder, *arguments):
        self.stderr_path = folder / "stderr"
        self.stderr = open(self.stderr_path, "wb")
        self.target = harness.Background(program, *arguments, stderr=self.stderr, env=dict(os.environ, GOTRACEBACK="system"))

    def __enter__(self):
        self.target.__enter__()
        self.waiters = []
        while True:
            said = self.target.json()
            if said["kind"] == "ready":
                self.ready = said
                return self
            self.waiters.append(said)

    def __exit__(self, *error):
        self.target.__exit__(*error)
        self.stderr.close()

    def traceback(self):
        """Ends the program by the signal that makes the runtime print all its goroutines."""
        self.target.process.send_signal(signal.SIGQUIT)
        self.target.process.wait(30)
        return parse_traceback(self.stderr_path.read_text(errors="replace"))


def parse_traceback(text):
    """goid -> (state, [(function, file, line), …])"""
    found = {}
    for block in text.split("\n\n"):
        head = re.match(r"\s*goroutine (\d+)[^\[\n]*\[([^,\]]+)[^\]]*\]:\n(.*)", block, re.S)
        if not head or head[1] == "0":
            continue
        frames = []
        for function, file, line in re.findall(r"^(\S.*)\(.*\)\n\t(\S+):(\d+)", head[3], re.M):
            if not function.startswith("created by "):
                frames.append((function, file, int(line)))
        found[int(head[1])] = (head[2].replace(" (scan)", ""), frames)
    return found


def frames(db, stack):
    return harness.rows(db, "SELECT function, file, line FROM stack_frame WHERE stack_id = ? ORDER BY depth", stack)


def last_snapshot(db):
    """goid -> (state as a traceback has it, frames)"""
    found = {}
    for goid, state, in_syscall, reason, stack in harness.rows(
            db, "SELECT goid, state, is_in_syscall, reason, stack_id FROM snapshot_goroutine_named"
                " WHERE snapshot_id = (SELECT max(id) FROM snapshot WHERE end_ns IS NOT NULL)"):
        found[goid] = ("syscall" if in_syscall else reason if state == "waiting" else state, frames(db, stack))
    return found


def same(printed, read):
    """A goroutine in a system call is printed from its registers when the signal came to its thread: with more inner frames."""
    if printed[0] != read[0]:
        return False
    inner = len(printed[1]) - len(read[1])
    return inner == 0 and printed == read or printed[0] == "syscall" and 0 < inner <= 3 and printed[1][inner:] == read[1]


@pytest.mark.parametrize("version,mode,flags", BUILDS)
def test_equal_to_the_traceback(version, mode, flags, trace, tmp_path):
    with Parked(harness.goprog("parked", version, mode, flags), tmp_path) as parked:
        result = harness.run(harness.RECORD, *ONLY, "-d", "50ms", "-o", trace, "-p", parked.target.pid)
        assert result.status == 0, result
        assert harness.breakpoints(parked.target.pid) == []
        printed = parked.traceback()
    db = harness.database(trace)
    read = last_snapshot(db)
    assert len(printed) >= len(parked.waiters) > 20
    assert sorted(read) == sorted(printed)
    differences = [(goid, printed[goid], read[goid]) for goid in printed if not same(printed[goid], read[goid])]
    assert differences == []
    assert harness.rows(db, "SELECT kind, goroutine_count, unstable_count FROM snapshot") == [
        (kind, len(printed), 0) for kind in ("start", "end")]
    check_waiters(db, parked)


def check_waiters(db, parked):
    for waiter in parked.waiters:
        if waiter["kind"] == "syscall":
            assert harness.rows(db, "SELECT DISTINCT state, is_in_syscall, tid FROM snapshot_goroutine_named WHERE goid = ?",
                                waiter["goid"]) == [("running", 1, waiter["tid"])]
            continue
        waits = harness.rows(db, "SELECT id, value, labels, is_start_seen, is_open FROM wait_named WHERE goid = ?", waiter["goid"])
        assert len(waits) == 1, (waiter, waits)
        wait, value, labels, is_start_seen, is_open = waits[0]
        assert (is_start_seen, is_open) == (0, 1)
        objects = harness.rows(db, "SELECT kind, addr, direction FROM wait_object LEFT JOIN object ON object.id = object_id"
                                   " WHERE wait_id = ? ORDER BY ordinal", wait)
        if waiter["objects"]:
            assert [f"{address or 0:#x}" for _, address, _ in objects] == waiter["objects"], (waiter, objects)
            assert {kind for kind, address, _ in objects if address} == {waiter["object"]}, (waiter, objects)
        if waiter["sends"]:
            assert [direction == "send" for _, _, direction in objects] == waiter["sends"], (waiter, objects)
        if waiter["kind"] == "accept":
            assert [kind for kind, _, _ in objects] == ["polldesc"]
        if waiter["kind"] == "sleep":
            assert value == waiter["value"]
        assert (labels is not None) == (waiter["labels"] != ""), (waiter, labels)
        if waiter["labels"]:
            assert harness.rows(db, "SELECT json FROM wait JOIN labels ON labels.id = labels_id WHERE wait.id = ?", wait) == [
                (waiter["labels"],)]


def check_snapshots(db, kinds):
    """Every stack is whole: it goes down to where the goroutine began."""
    assert harness.rows(db, "SELECT DISTINCT kind FROM snapshot ORDER BY id") == [(kind,) for kind in kinds]
    assert harness.value(db, "SELECT count(*) FROM snapshot_goroutine JOIN stack ON stack.id = stack_id WHERE is_cut") == 0
    outermost = harness.rows(db, "SELECT function, count(*) FROM (SELECT stack_id, max(depth) AS depth FROM frame WHERE stack_id IN"
                                 " (SELECT stack_id FROM snapshot_goroutine) GROUP BY stack_id) JOIN stack_frame USING (stack_id, depth)"
                                 " GROUP BY 1")
    assert {function for function, _ in outermost} <= {"runtime.goexit", "runtime.rt0_go"}, outermost
    assert harness.value(db, "SELECT count(*) FROM snapshot_goroutine_named WHERE state <> 'running' AND stack_id IS NULL") == 0
    assert harness.value(db, "SELECT count(*) FROM snapshot_goroutine_named WHERE state = 'running' AND tid IS NULL") == 0


@pytest.mark.parametrize("version", harness.VERSIONS_ALL if harness.ALL else ["go1.23.12", "local"])
def test_nothing_broken_under_churn(version, trace):
    program = harness.goprog("churn", version)
    with harness.Background(program, "-wait", "-duration", "2s") as target:
        target.json("ready")
        with harness.attached(target.pid, trace, *ONLY, "--snapshot-interval", "10ms") as recorder:
            target.send()
            target.json("done")
            recorder.stop()
    db = harness.database(trace)
    check_snapshots(db, ["start", "periodic"] + ["end"] * harness.value(db, "SELECT count(*) FROM snapshot WHERE kind = 'end'"))
    seen, unstable, count = harness.rows(db, "SELECT sum(goroutine_count), sum(unstable_count), count(*) FROM snapshot")[0]
    assert count > 30 and seen > 300
    assert unstable * 100 <= seen
    states = {state for state, in harness.rows(db, "SELECT DISTINCT state FROM snapshot_goroutine_named")}
    assert {"running", "waiting", "runnable"} <= states
    assert harness.value(db, "SELECT max(is_in_syscall) FROM snapshot_goroutine") == 1


def test_agrees_with_the_probes(trace):
    """With probes in the same recording, the two never contradict each other."""
    program = harness.goprog("churn")
    with harness.Background(program, "-wait", "-duration", "1s") as target:
        target.json("ready")
        with harness.attached(target.pid, trace, "--snapshot-interval", "20ms") as recorder:
            target.send()
            target.json("done")
            recorder.stop()
    db = harness.database(trace)
    assert harness.value(db, "SELECT count(*) FROM snapshot WHERE kind = 'periodic'") > 10
    assert harness.rows(db, "SELECT * FROM transition_named WHERE flags & 1 LIMIT 10") == []
    assert harness.value(db, "SELECT lost_count FROM recording") == 0
    # All goroutines that were there before have a state from the start on.
    assert harness.rows(db, "SELECT goid FROM snapshot_goroutine WHERE snapshot_id = 1 AND goid NOT IN (SELECT goid FROM goroutine)") == []
    harness.assert_checked(trace)
    # Whoever waits in a snapshot waits for that reason by its events too (the clock is read after the goroutine is).
    wrong = harness.rows(db, """
        SELECT shot.goid, shot.time_ns, shot.reason, wait.reason, wait.start_ns, wait.wake_ns FROM snapshot_goroutine AS shot
        JOIN wait ON wait.goid = shot.goid AND wait.start_ns < shot.time_ns - 1000000
          AND (wait.wake_ns > shot.time_ns OR wait.is_open)
        WHERE shot.reason IS NOT NULL AND shot.reason <> wait.reason LIMIT 10""")
    assert wrong == []


def test_no_probe_and_no_tracefs(trace):
    """Where nothing may be slowed, and where the kernel's tracing is not to be had."""
    with harness.Background(harness.goprog("truth"), "-wait", "-hold") as target:
        target.json("ready")
        before = harness.definitions()
        with harness.attached(target.pid, f"{trace}.1", *ONLY) as recorder:
            assert [line for line in harness.definitions(recorder.process.pid)] == []
            assert harness.breakpoints(target.pid) == []
            assert "perf_event" not in " ".join(os.readlink(f"/proc/{recorder.process.pid}/fd/{fd}")
                                                for fd in os.listdir(f"/proc/{recorder.process.pid}/fd"))
        assert len(before) == len(harness.definitions())
        hidden = harness.run("unshare", "--mount", "--propagation", "private", "sh", "-c",
                             "umount -a -t tracefs; umount -a -t debugfs; exec \"$@\"", "sh", harness.RECORD, *ONLY, "-d", "100ms",
                             "-o", f"{trace}.2", "-p", str(target.pid))
        if hidden.err.startswith("unshare:"):
            pytest.skip(hidden.err.strip())
        assert hidden.status == 0, hidden
        check = harness.run(harness.RECORD, "--check", *ONLY, "-p", str(target.pid))
        assert check.status == 0 and re.search(r"^snapshot \d+ goroutines", check.out, re.M), check
        assert "probes" not in check.out and "tracefs" not in check.out
    for name in (f"{trace}.1", f"{trace}.2"):
        db = harness.database(name)
        assert harness.value(db, "SELECT count(*) FROM transition_named WHERE event = 'park'") == 0
        assert harness.value(db, "SELECT value FROM meta WHERE key = 'record.detail'") == "snapshot"
        check_snapshots(db, ["start", "end"])


def test_launched(trace):
    """A program that is started has none at its start; one that has ended none at its end."""
    result = harness.launched(trace, harness.goprog("truth"), "-rounds", "2", options=(*ONLY, "--snapshot-interval", "20ms"))
    assert result.status == 0, result
    check_snapshots(harness.database(trace), ["periodic"])
    assert re.search(r"\d+ snapshots: \d+ goroutines", result.err), result


def test_attached_target_ends(trace):
    with harness.Background(harness.goprog("truth"), "-wait", "-rounds", "1") as target:
        target.json("ready")
        with harness.attached(target.pid, trace) as recorder:
            target.send()
            assert target.end() == 0
            result = recorder.wait()
            assert result.status == 0, result
    check_snapshots(harness.database(trace), ["start"])


def test_many_goroutines(trace, tmp_path):
    """A hundred thousand goroutines are read without losing a record of the one that is busy."""
    extra = 100_000 if harness.ALL else 20_000
    with Parked(harness.goprog("parked"), tmp_path, "-extra", str(extra)) as parked:
        begin = time.monotonic()
        result = harness.run_measured(harness.RECORD, "--budget", "off", "-d", "500ms", "-o", trace, "-p", parked.target.pid, timeout=120)
        assert result.status == 0, result
        assert time.monotonic() - begin < 30
        assert result.max_rss_kb < 200 << 10
    shown = harness.run(harness.REPLAY, "dump", trace, timeout=120)
    counts = re.findall(r" snapshot number=(\d) phase=1 kind=(\d) goroutines=(\d+) unstable=(\d+)", shown.out)
    assert [(number, kind) for number, kind, _, _ in counts] == [("1", "1"), ("2", "3")], counts
    assert all(int(alive) >= extra and unstable == "0" for _, _, alive, unstable in counts), counts
    assert re.search(r"no records lost", result.err), result
