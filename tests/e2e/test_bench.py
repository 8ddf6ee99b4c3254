"""tools/bench in its shortest form: it ends, and its figures are there. How good they are is not judged here."""

import json
import os
import shutil
import sys

import pytest

import harness

BENCH = harness.ROOT / "tools/bench.d/bench.py"


def bench(tmp_path, *arguments):
    """Its result and its JSON; peers that are not installed are skipped by it."""
    environment = dict(os.environ, GOTAPE_GOPROGS=os.path.dirname(harness.goprog("storm")), GOTAPE_GO=harness.GO)
    result = harness.run(sys.executable, "-B", BENCH, "--quick", "--rounds", "1", "--json", tmp_path / "bench.json", *arguments,
                         env=environment, timeout=90)
    return result, json.loads((tmp_path / "bench.json").read_text())


def test_bench_of_a_hit(tmp_path):
    if not shutil.which("perf"):
        pytest.skip("perf is not installed (tools/bench installs it)")
    result, report = bench(tmp_path, "--only", "hit", "--seconds", "0.2")
    assert result.status == 0, result
    assert report["machine"]["kernel"] in result.out and report["machine"]["go"].startswith("go1.")
    [figure] = report["figures"]
    assert figure["failed"] == []
    rows = {row["what"]: row for row in figure["rows"]}
    for mode in ("gotape-record, exec", "gotape-record, park", "counted, exec", "counted, park"):
        assert rows[mode]["unit"] == "ns" and rows[mode]["median"] > 0, mode
    goals = {goal["what"]: goal for goal in figure["goals"]}
    lean = goals["lean (exec): ours / counting-only"]
    assert lean["outcome"] in ("ok", "missed") and lean["bound"] == 1.6 and lean["relation"] == "<="
    ratio = rows["gotape-record, exec"]["median"] / rows["counted, exec"]["median"]
    assert lean["median"] == pytest.approx(ratio)
    assert "lean (exec): ours / counting-only" in result.out and "goal ≤ 1.6 ×" in result.out


def test_bench_help_teaches():
    result = harness.run(sys.executable, "-B", BENCH, "--help")
    assert result.status == 0
    for word in ("--quick", "--only", "--json", "--large", "hit ", "worst ", "everyday ", "size ", "load ", "Examples:"):
        assert word in result.out, word


def test_bench_names_its_figures():
    result = harness.run(sys.executable, "-B", BENCH, "--only", "nothing")
    assert result.status == 2 and "'nothing'" in result.err and "'hit'" in result.err
