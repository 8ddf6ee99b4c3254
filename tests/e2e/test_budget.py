"""A recording that costs more than it may: it thins out in declared steps, the target gets its time back, and nothing is invented
across what was not recorded."""

import json
import re
import signal
import time

import pytest

import harness
from test_long import parts

STORM_SECONDS = 9
SETTLED = 3  # by then it works in windows


class Storm(harness.Background):
    """As many hand-overs as go, on one pair of goroutines a CPU."""

    def __init__(self, seconds=STORM_SECONDS):
        super().__init__(harness.goprog("storm"), "-rate", "0", "-wait", "-duration", f"{seconds}s")

    def __enter__(self):
        self.json("ready")
        return self


def steps(db):
    return harness.rows(db, "SELECT step, class FROM budget_step ORDER BY id")


def assert_nothing_invented(db, trace, is_whole=True, has_all_switches=True):
    """Waits, runs and stretches of threads stay within what was recorded; no contradiction; every pause has a snapshot at its
    edges. CPU-wide, a thread's switch to a CPU is missing now and then, which the checker takes for a damage."""
    assert harness.value(db, "SELECT count(*) FROM transition WHERE flags & 1") == 0
    assert harness.rows(db, "SELECT anomaly.* FROM anomaly JOIN anomaly_kind ON anomaly_kind.name = anomaly.kind"
                            " WHERE severity = 'error' LIMIT 5") == []
    assert harness.value(db, "SELECT lost_count + damage_count FROM recording") == 0
    pauses = harness.rows(db, "SELECT start_ns, end_ns FROM pause WHERE end_ns IS NOT NULL")
    for start, end in pauses:
        assert harness.value(db, "SELECT count(*) FROM transition WHERE time_ns > ? AND time_ns < ?", start, end) == 0
        across = "start_ns < ? AND coalesce(start_ns + wait_ns, wake_ns) > ?"
        assert harness.rows(db, f"SELECT * FROM wait WHERE {across} LIMIT 3", start, end) == []
        for table, only in (("interval", "AND state <> 0"), ("thread_interval", ""), ("syscall", ""), ("gc_cycle", "")):
            assert harness.rows(db, f"SELECT * FROM {table} WHERE start_ns < ? AND end_ns > ? {only} LIMIT 3", start, end) == [], table
        if not is_whole:  # a part may begin or end in a pause
            continue
        # One is complete right before, the next begins right behind.
        assert harness.value(db, "SELECT ? - max(end_ns) FROM snapshot WHERE end_ns <= ?", start, start) < 50e6
        assert harness.value(db, "SELECT min(start_ns) - ? FROM snapshot WHERE start_ns >= ?", end, end) < 50e6
    if has_all_switches:
        harness.assert_checked(trace)
    return pauses


def test_storm_is_thinned_out(trace):
    with Storm() as storm, harness.attached(storm.pid, trace, "--detail", "sched", "--budget", "5%,10%") as recorder:
        storm.send()
        time.sleep(SETTLED)
        status = f"/proc/{recorder.process.pid}/status"
        with open(status) as file:
            assert re.search(r"CapEff:\s+0000004000000000", file.read())  # CAP_PERFMON, and nothing else
        storm.json("done", timeout=STORM_SECONDS + 30)
        result = recorder.wait()
    assert result.status == 0, result
    assert "goes on without runs" in result.err and "goes on in windows" in result.err, result
    assert re.search(r"cost: about [\d.]+ % of the target's CPU time", result.err), result
    assert re.search(r"recorded [\d.]+ % of the time, with \d+ pauses", result.err), result
    db = harness.database(trace)
    assert steps(db)[:2] == [("drop", "runs"), ("windows", None)]
    pauses = assert_nothing_invented(db, trace)
    assert len(pauses) >= 2
    first, start, end = harness.rows(db, "SELECT (SELECT min(end_ns) FROM pause WHERE reason = 'change'), start_ns, end_ns FROM recording")[0]
    assert harness.value(db, "SELECT count(*) FROM transition_named WHERE event = 'exec' AND flags & 2 = 0 AND time_ns > ?", first) == 0
    # What was declared as recorded is the part that the limit allows, roughly: 10 % of a target that does nothing but hits.
    recorded, scale = harness.rows(db, "SELECT recorded_ns, scale FROM coverage")[0]
    assert 0 < recorded < 0.5 * (end - start) and abs(scale - (end - start) / recorded) < 0.01
    cost, cpu = (float(harness.value(db, f"SELECT value FROM meta WHERE key = 'budget.{key}'")) for key in ("cost_ns", "target_cpu_ns"))
    own = float(harness.value(db, "SELECT value FROM meta WHERE key = 'budget.recorder_cpu_ns'"))
    assert 0 < cost / cpu < 0.35 and 0 < own / cpu < 0.35  # with the time before it settled


def test_target_gets_its_time_back(trace):
    """Judged by what the target achieves, not by our estimate, and by CPU time, which does not count what others use."""
    def cpu_of_a_trip(seconds, *options):
        with Storm(seconds) as storm:
            if not options:
                storm.send()
                return storm.json("done", timeout=60)["cpu_ns_per_round_trip"]
            with harness.attached(storm.pid, trace, "--force", *options):
                storm.send()
                return storm.json("done", timeout=60)["cpu_ns_per_round_trip"]

    alone, full, thinned = cpu_of_a_trip(2), cpu_of_a_trip(2, "--budget", "off"), cpu_of_a_trip(6, "--budget", "5%,10%")
    # Of its time, how much is the recording's? Caches and other programs make the same trip cost a third more or less.
    assert 1 - alone / full > 0.75 and 1 - alone / thinned < 0.4, (alone, full, thinned)


@pytest.mark.parametrize("options", [("--rotate", "1s"), ("--flight", "4s"), ("--scope", "cpu")], ids=" ".join)
def test_every_kind_of_recording_is_thinned_out(options, trace):
    """Pauses within parts, across their borders, in the memory of a flight recorder, and with events of all CPUs."""
    with Storm(8) as storm, harness.attached(storm.pid, trace, "--budget", "5%,10%", *options) as recorder:
        storm.send()
        if "--flight" in options:
            time.sleep(6)
            recorder.process.send_signal(signal.SIGUSR2)
        storm.json("done", timeout=60)
        result = recorder.wait()
    assert result.status == 0 and "goes on in windows" in result.err, result
    files = parts(trace) or [trace]
    assert len(files) >= (4 if "--rotate" in options else 1), result
    paused = 0
    for file in files:
        db = harness.database(file)
        assert_nothing_invented(db, file, is_whole=False, has_all_switches="--scope" not in options)
        paused += harness.value(db, "SELECT count(*) FROM pause")
        scale, share = harness.rows(db, "SELECT scale, 1.0 * recorded_ns / (end_ns - start_ns) FROM coverage, recording")[0]
        assert scale >= 1 and (not share or abs(scale * share - 1) < 0.01), (file, scale, share)
    assert paused


def test_answers_say_that_they_are_scaled(trace):
    with Storm(6) as storm, harness.attached(storm.pid, trace, "--budget", "5%,10%") as recorder:
        storm.send()
        storm.json("done", timeout=60)
        recorder.wait()
    result = harness.run(harness.REPLAY, "chans", trace)
    scale = float(re.search(r"recorded [\d.]+ % of the time, with \d+ pauses?: .* scaled by ([\d.]+)", result.out)[1])
    counted = json.loads(harness.run(harness.REPLAY, "chans", trace, "--format", "json").out)
    shown = re.search(r"s  +~([\d,]+)  +\d", result.out)
    assert shown and scale > 1, result
    # The scale is shown with two digits behind the point.
    assert any(abs(int(shown[1].replace(",", "")) - row["waits"] * scale) <= scale + 0.006 * row["waits"] for row in counted), \
        (shown[0], scale, counted[:3])
    facts = {row["key"] for row in counted and json.loads(harness.run(harness.REPLAY, "info", trace, "--format", "json").out)}
    assert {"budget.cost_ns", "budget.target_cpu_ns", "budget.hit_ns", "budget.thin_ppm"} <= facts


def test_within_the_budget_nothing_happens(trace):
    """A program that does next to nothing is recorded whole; only warned about when it may not be thinned out."""
    program = harness.goprog("truth")
    result = harness.launched(trace, program, "-rounds", "1", options=("--budget", "50%,90%"), timeout=120)
    assert result.status == 0, result
    db = harness.database(trace)
    assert harness.value(db, "SELECT count(*) FROM pause") == 0
    assert harness.value(db, "SELECT scale FROM coverage") == 1.0
    harness.assert_checked(trace)


def test_only_a_warning_without_a_second_limit(trace):
    with Storm(3) as storm, harness.attached(storm.pid, trace, "--budget", "5%") as recorder:
        with open(f"/proc/{recorder.process.pid}/status") as file:
            assert re.search(r"CapEff:\s+0000000000000000", file.read())
        storm.send()
        storm.json("done", timeout=60)
        result = recorder.wait()
    assert "budget: 5 %" in result.err, result
    db = harness.database(trace)
    assert steps(db) == [("warn", None)]
    assert harness.value(db, "SELECT count(*) FROM pause") == 0
