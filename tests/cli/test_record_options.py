"""gotape-record's command line: what can be said without any right to record."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORD = os.environ.get("GOTAPE_RECORD") or str(ROOT / "build/dev/record/gotape-record")

pytestmark = pytest.mark.skipif(not os.access(RECORD, os.X_OK), reason=f"{RECORD} has not been built")


def record(*arguments):
    return subprocess.run([RECORD, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)


def test_help():
    result = record("--help")
    assert result.returncode == 0 and result.stderr == ""
    options = ["--output", "--duration", "--user", "--kill", "--ring-size", "--level", "--quiet", "--verbose", "--version", "--help",
               "--check", "--cleanup", "--force", "--with-args", "--pid", "--name", "--container", "--detail", "--scope", "--engine", "--probe", "--only"]
    for option in options:
        assert option in result.stdout, option
    assert "gotape-record [options] -- COMMAND [ARG…]" in result.stdout
    assert record("-h").stdout == result.stdout


def test_version():
    result = record("--version")
    assert result.returncode == 0
    assert re.fullmatch(r"gotape-record \d+\.\d+\.\d+\n", result.stdout)


@pytest.mark.parametrize("arguments, words", [
    ([], ["nothing to record", "--help"]),
    (["--"], ["nothing to record"]),
    (["-p", "1", "--scope", "host"], ["'host'", "task, cpu"]),
    (["-p", "1", "--force-scope"], ["--scope cpu"]),
    (["-p", "1", "--engine", "ebpf"], ["'ebpf'", "auto, bpf, perf"]),
    (["-p", "1", "--engine", "bpf", "--scope", "cpu"], ["--engine bpf", "--scope cpu"]),
    (["-p", "1", "--detail", "most"], ["'most'", "block, sched, all"]),
    (["-p", "1", "--probe", "main.f(id=%eax)"], ["main.f(id=%eax)", "registers are"]),
    (["-p", "1", "--detail", "snapshot", "--only", "park"], ["--only", "no probes"]),
    (["-p", "0"], ["process id"]),
    (["-p", "-5"], ["process id"]),
    (["-p", "99999999999999999999"], []),
    (["-p", "abc"], ["abc"]),
    (["-p", "1", "--", "true"], ["not both"]),
    (["--name", "api", "--", "true"], ["not both"]),
    (["--container", "4f5a", "-p", "1"], ["--container"]),
    (["--name", "api", "-p", "1"], ["--name"]),
    (["--name", ""], ["--name", "empty"]),
    (["--container="], ["--container", "empty"]),
    (["--name", "api", "--kill"], ["--kill"]),
    (["--cleanup", "--name", "api"], ["--cleanup"]),
    (["--user", "nobody", "-p", "1"], ["--user"]),
    (["--kill", "-p", "1"], ["--kill"]),
    (["--cleanup", "-p", "1"], ["--cleanup"]),
    (["-d", "soon", "--", "true"], ["soon"]),
    (["-d", "-1s", "--", "true"], ["-1s"]),
    (["-z", "0", "--", "true"], ["--level"]),
    (["-z", "20", "--", "true"], ["--level"]),
    (["-m", "1k", "--", "true"], ["--ring-size"]),
    (["-m", "2G", "--", "true"], ["--ring-size"]),
    (["-m", "x", "--", "true"], ["x"]),
    (["-o", "", "--", "true"], ["--output"]),
    (["-o"], ["-o"]),
    (["--duratoin", "1s", "--", "true"], ["--duration"]),
    (["--budget", "much", "--", "true"], ["--budget", "much", "5%,20%"]),
    (["--budget", "20%,5%", "--", "true"], ["--budget", "below"]),
    (["--drop-to", "nobody", "--keep-root", "--", "true"], ["--drop-to", "--keep-root"]),
    (["--kill=yes", "--", "true"], ["--kill"]),
    (["--max-size", "10", "--", "true"], ["--max-size", "64k"]),
    (["--rotate", "10", "--", "true"], ["--rotate", "'10'", "100M", "10m"]),
    (["--rotate", "often", "--", "true"], ["'often'"]),
    (["--rotate", "10ms", "--", "true"], ["--rotate", "1s"]),
    (["--rotate", "1k", "--", "true"], ["--rotate", "64k"]),
    (["--rotate", "1m", "-o", "-", "--", "true"], ["--output -"]),
    (["--rotate", "1m", "--force", "--", "true"], ["--force", "replace nothing"]),
    (["--keep", "3", "--", "true"], ["--keep", "--rotate"]),
    (["--flight", "soon", "--", "true"], ["--flight", "30s,256M"]),
    (["--flight", "30s", "--rotate", "1m", "--", "true"], ["--flight", "--rotate"]),
    (["--flight", "30s", "--max-size", "1G", "--", "true"], ["--max-size", "--flight"]),
    (["--trigger", "blocked>5s", "--", "true"], ["--trigger", "--flight"]),
    (["--flight", "30s", "--trigger", "boredom>5s", "--", "true"], ["boredom>5s", "goroutines+200/s"]),
    (["--flight", "30s", "--trigger", "runnable-p99>1ms", "--detail", "block", "--", "true"], ["runnable-p99", "--detail sched"]),
    (["--follow", "-p", "1"], ["--follow", "--name"]),
    (["--follow", "--name", "api", "-o", "x"], ["--follow", "--flight"]),
    (["--rotate", "1m", "--keep", "-3", "--", "true"], ["--keep", "-3"]),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_usage_errors(arguments, words):
    """Status 125 (COMMAND's own statuses begin below), one line on stderr, nothing on stdout."""
    result = record(*arguments)
    assert result.returncode == 125, result
    assert result.stdout == ""
    assert result.stderr.startswith("gotape-record: ") and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr, result.stderr


@pytest.mark.parametrize("arguments, words", [
    (["--name", "gotape-no-such-program"], ["gotape-no-such-program"]),
    (["--container", "0123456789ab"], ["0123456789ab"]),
    (["--container", "docker://0123456789ab", "--name", "api"], ["0123456789ab", "api"]),
    (["--check", "--name", "gotape-no-such-program"], ["gotape-no-such-program"]),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_nobody_of_that_name(arguments, words):
    result = record(*arguments)
    assert result.returncode == 2, result
    assert result.stdout == ""
    assert result.stderr.startswith("gotape-record: ") and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr, result.stderr


def test_name_of_a_program_that_is_not_go(tmp_path):
    program = tmp_path / "gotape-not-go"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "60"]) as process:
        result = record("--name", "gotape-not-go")
        process.kill()
    assert result.returncode == 2 and "none is a Go program" in result.stderr, result


def test_options_of_the_command_are_its_own(tmp_path):
    """After the first operand nothing is an option of ours."""
    result = record("-o", str(tmp_path / "t.gotape"), "/nonexistent", "--help")
    assert result.returncode == 127, result
    assert "Usage" not in result.stdout
    assert os.listdir(tmp_path) == []


def test_man_page_documents_every_option():
    page = (ROOT / "record/gotape-record.1").read_text(encoding="utf-8").replace("\\-", "-").replace("\\", "")
    for option in re.findall(r"--[a-z][a-z-]+", record("--help").stdout):
        name = option[2:]
        assert option in page or f"Fl -{name}" in page, option
