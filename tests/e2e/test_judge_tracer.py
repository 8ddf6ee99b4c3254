"""Go's own execution tracer as judge: programs of Go's tests for it run with both recorders at once, and the two stories must be
the same for every goroutine (tests/judge/gotracer compares, and says which differences are right and why)."""

import functools
import json
import pathlib
import subprocess

import pytest

import harness
import judge

# The level that infers no start of a run, and room for bursts: the programs make more events a second than any service.
MEASURED = ("--budget", "off", "--detail", "sched", "--ring-size", "64M")
FOLDER = pathlib.Path("src/internal/trace/testdata/testprog")
PROGRAMS = ["annotations", "annotations-stress", "cgo-callback", "cpu-profile", "futile-wakeup", "gc-stress", "gomaxprocs",
            "iter-pull", "many-start-stop", "stacks", "stress", "stress-start-stop", "wait-on-pipe"]
VERSIONS = ["go1.23.12", "go1.24.11", "go1.25.0", "go1.26.8", "go1.27.1"]
NORMAL = [("go1.23.12", "stress"), ("go1.27.1", "stacks"), ("go1.27.1", "iter-pull"), ("go1.27.1", "cgo-callback"),
          ("go1.27.1", "gomaxprocs"), ("go1.27.1", "gc-stress")]
WITH_STOPS = ("gc-stress", "stress", "gomaxprocs")  # garbage collections, changes of GOMAXPROCS
CASES = [(v, p) for v in VERSIONS for p in PROGRAMS] if harness.ALL else NORMAL


@functools.lru_cache(maxsize=None)
def comparer():
    """Builds the comparer, with the Go version that its library wants."""
    target = harness.ROOT / "build/judge/gotracer"
    result = harness.go_command("auto", "build", "-o", target, "./gotracer", cwd=harness.ROOT / "tests/judge")
    if result.status != 0 and any(word in result.err for word in ("dial tcp", "lookup ", "toolchain not available")):
        pytest.skip(f"golang.org/x/exp/trace is not to be had: {result.err.strip().splitlines()[-1]}")
    assert result.status == 0, result
    return target


@functools.lru_cache(maxsize=None)
def program(version, name):
    root = judge.go_root(version)
    if not (root / FOLDER / f"{name}.go").exists():
        pytest.skip(f"{version} comes without {FOLDER}/{name}.go")
    target = harness.ROOT / "build/judge" / version / name
    result = harness.go_command(version, "build", "-o", target, f"./{name}.go", cwd=root / FOLDER)
    assert result.status == 0, result
    return target


TRANSITIONS = """
SELECT time_ns, transition.goid, event, to_state,
       coalesce(CASE WHEN reason = 'sleep' AND is_system THEN 'sleep (system)' ELSE reason END, ''),
       flags + 64 * EXISTS (SELECT 1 FROM unseen WHERE unseen.goid = transition.goid AND run_ns = time_ns)
FROM transition_named AS transition JOIN goroutine ON goroutine.goid = transition.goid ORDER BY time_ns, transition.id
"""


def write_transitions(db, path):
    """The form that the comparer reads."""
    db.execute("CREATE TEMP TABLE unseen AS SELECT goid, run_ns FROM wait"
               " WHERE waker_kind = 'net' AND wake_ns IS NULL AND run_ns IS NOT NULL")
    with open(path, "w", encoding="utf-8") as file:
        for row in db.execute(TRANSITIONS):
            file.write("\t".join(map(str, row)) + "\n")


def write_spans(db, path):
    """Stops of the world, and mark phases, by the names that Go's tracer gives them."""
    spans = db.execute("SELECT 'stop-the-world (' || reason || ')', start_ns, end_ns FROM stw"
                       " WHERE start_ns IS NOT NULL AND end_ns IS NOT NULL"
                       " UNION ALL SELECT 'GC concurrent mark phase', start_ns, end_ns FROM gc_cycle"
                       " WHERE start_ns IS NOT NULL AND end_ns IS NOT NULL ORDER BY 2")
    with open(path, "w", encoding="utf-8") as file:
        for row in spans:
            file.write("\t".join(map(str, row)) + "\n")


@pytest.mark.parametrize("version,name", CASES)
def test_same_story(version, name, trace, tmp_path, record_property):
    comparing, target = comparer(), program(version, name)
    with open(tmp_path / "go.trace", "wb") as go_trace:
        recording = subprocess.run([harness.RECORD, *MEASURED, "-o", trace, "--", target], stdin=subprocess.DEVNULL, stdout=go_trace,
                                   stderr=subprocess.PIPE, timeout=120, check=False)
    assert recording.returncode == 0, harness.text(recording.stderr)
    db = harness.database(trace)
    assert harness.value(db, "SELECT lost_count FROM recording") == 0
    assert harness.value(db, "SELECT count(*) FROM transition WHERE flags & 1") == 0
    write_transitions(db, tmp_path / "transitions")
    write_spans(db, tmp_path / "spans")
    result = harness.run(comparing, tmp_path / "go.trace", tmp_path / "transitions", tmp_path / "spans", timeout=120)
    assert result.status in (0, 1), result
    verdict = json.loads(result.out)
    for key in ("goroutines", "their_transitions", "our_transitions", "equal_transitions", "differences", "median_ns", "p99_ns",
                "equal_spans", "span_median_ns"):
        record_property(key, str(verdict[key]))
    assert verdict["mismatches"] == [], json.dumps(verdict["mismatches"][:3], indent=1)
    assert verdict["equal_transitions"] > 0
    assert verdict["median_ns"] < 50_000, verdict["median_ns"]
    if name in WITH_STOPS:
        assert verdict["equal_spans"] > 2
        assert verdict["span_median_ns"] < 50_000, verdict["span_median_ns"]
    # Both clocks are CLOCK_MONOTONIC: where Go tells (1.25 and later) they must agree.
    assert abs(verdict["clock_offset_ns"]) < 50_000


def test_comparer_finds_what_is_wrong(trace, tmp_path):
    """A judge that passes everything is none: a transition taken away, made up, or given another reason is found."""
    comparing, target = comparer(), program("go1.27.1", "stacks")
    with open(tmp_path / "go.trace", "wb") as go_trace:
        subprocess.run([harness.RECORD, *MEASURED, "-o", trace, "--", target], stdin=subprocess.DEVNULL, stdout=go_trace, timeout=120, check=True)
    db = harness.database(trace)
    write_transitions(db, tmp_path / "right")
    write_spans(db, tmp_path / "spans")
    lines = (tmp_path / "right").read_text().splitlines()
    # What happens to main.main, far from both ends of Go's trace: there the judge allows for what either side may have missed.
    times = sorted(int(line.split("\t")[0]) for line in lines)
    middle = (times[0] + times[-1]) // 2

    def nearest(rows, column, wanted):
        return min((i for i, row in enumerate(rows) if wanted(row)), key=lambda i: abs(int(rows[i].split("\t")[column]) - middle))

    ready = nearest(lines, 0, lambda line: "\t1\tready\t" in line)
    recv = nearest(lines, 0, lambda line: "\t1\tpark\twaiting\tchan receive\t" in line)
    time_ns, goid = lines[ready].split("\t")[:2]
    wrong = {
        "taken away": lines[:ready] + lines[ready + 1:],
        "made up": lines[:ready + 1] + [f"{int(time_ns) + 100}\t{goid}\texec\trunning\t\t0",
                                        f"{int(time_ns) + 200}\t{goid}\tsched\trunnable\t\t0"] + lines[ready + 1:],
        "another reason": lines[:recv] + [lines[recv].replace("chan receive", "select")] + lines[recv + 1:],
    }
    for name, changed in wrong.items():
        (tmp_path / "wrong").write_text("\n".join(changed) + "\n")
        assert harness.run(comparing, tmp_path / "go.trace", tmp_path / "wrong", tmp_path / "spans").status == 1, name
    spans = (tmp_path / "spans").read_text().splitlines()
    stop = nearest(spans, 1, lambda line: "(GC mark termination)" in line)
    (tmp_path / "wrong").write_text("".join(line + "\n" for i, line in enumerate(spans) if i != stop))
    assert harness.run(comparing, tmp_path / "go.trace", tmp_path / "right", tmp_path / "wrong").status == 1
    assert harness.run(comparing, tmp_path / "go.trace", tmp_path / "right", tmp_path / "spans").status == 0
