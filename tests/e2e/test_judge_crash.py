"""Recording must not change how a program ends: tests/judge/must_not_crash on the programs and packages of Go's own tests."""

import json

import pytest

import harness

PROGRAMS = ["testprog", "testprogcgo", "testprognet"]
PACKAGES = ["sync", "context", "time", "os/signal", "os", "net", "net/http", "runtime"]


def judged(tmp_path, *options, timeout):
    result = harness.run(harness.ROOT / "tests/judge/must_not_crash", "--json", tmp_path / "report", *options, timeout=timeout)
    assert result.status == 0, result
    report = json.loads((tmp_path / "report").read_text())
    assert report["counts"]["same"] > 0
    return report


def test_a_sample_ends_as_ever(tmp_path, record_property):
    report = judged(tmp_path, "--sample", timeout=240)
    record_property("counts", str(report["counts"]))
    assert report["counts"]["same"] >= 10, report["counts"]


@pytest.mark.skipif(not harness.ALL, reason="takes minutes: tests/run --all")
@pytest.mark.parametrize("engine", ["auto", "perf"])
@pytest.mark.parametrize("group", PROGRAMS + PACKAGES)
def test_nothing_breaks(group, engine, tmp_path, record_property):
    report = judged(tmp_path, "--only", group, "--engine", engine, "--go", harness.VERSIONS_ALL[-1], timeout=1500)
    record_property("counts", str(report["counts"]))
