"""gotape-replay: help, usage, exit statuses, and what is said when something is wrong."""

import re
import signal
import subprocess
import time

import pytest

from conftest import REPLAY, ROOT

COMMANDS = ["info", "load", "who-blocked", "leaks", "why", "locks", "chans", "goroutines", "goroutine", "syscalls", "threads", "gc",
            "stw", "contexts", "spans", "snapshots", "sql", "schema", "verify", "dump"]


def test_overview_names_every_command(replay):
    text = replay("--help").stdout
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", text, re.M), command
    assert "Exit status: 0" in text and "--version" in text
    assert replay("-h").stdout == text == replay("help").stdout


def test_version(replay):
    assert re.fullmatch(r"gotape-replay \d+\.\d+\.\d+\n", replay("--version").stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_help_teaches_by_examples(replay, command):
    text = replay(command, "--help").stdout
    assert text.startswith(f"Usage: gotape-replay {command} ")
    assert "Options:" in text and "--help" in text
    assert f"  gotape-replay {command}" in text.split("Examples:")[1]
    assert max(map(len, text.splitlines())) <= 125
    assert replay("help", command).stdout == text


@pytest.mark.parametrize("command", COMMANDS)
def test_man_page_has_every_command_and_option(replay, command):
    page = subprocess.run(["mandoc", "-Tutf8", ROOT / "replay/gotape-replay.1"], capture_output=True, text=True, check=True).stdout
    page = re.sub(".\b", "", page)
    assert re.search(rf"^ +{command}\b", page, re.M)
    for option in re.findall(r"^ +(?:-\w, )?(--[\w-]+)", replay(command, "--help").stdout, re.M):
        assert re.search(rf"(?<![\w-]){option}\b", page), (command, option)


def test_man_page_is_clean():
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", ROOT / "replay/gotape-replay.1"], capture_output=True, text=True, check=False)
    assert lint.stdout == "" and lint.returncode == 0


@pytest.mark.parametrize("arguments, words", [
    ([], ["which trace?", "--help"]),
    (["who-blockd", "x"], ["who-blockd", "did you mean 'who-blocked'"]),
    (["goroutins"], ["did you mean 'goroutines'"]),
    (["qqqq"], ["no command or trace 'qqqq'"]),
    (["who-blocked"], ["who-blocked needs TRACE", "who-blocked --help"]),
    (["chans", "a", "b"], ["chans takes only TRACE"]),
    (["goroutine", "a.gotape"], ["goroutine needs TRACE N"]),
    (["goroutine", "a.gotape", "x1"], ["'x1' is not the number of a goroutine"]),
    (["who-blocked", "a.gotape", "--chans", "x"], ["--chans", "did you mean --chan?"]),
    (["who-blocked", "a.gotape", "--by", "x"], ["wait, goroutine or site"]),
    (["who-blocked", "a.gotape", "--chan", "0xzz"], ["'0xzz' is no channel"]),
    (["who-blocked", "a.gotape", "--goroutine", "x"], ["--goroutine", "'x' is not a number"]),
    (["chans", "a.gotape", "--format", "xml"], ["--format", "xml", "table, json, jsonl or csv"]),
    (["chans", "a.gotape", "--limit", "-2"], ["--limit"]),
    (["chans", "a.gotape", "--since", "soon"], ["--since", "soon", "1.5s"]),
    (["chans", "a.gotape", "--until", "2026-02-30T00:00:00Z"], ["--until"]),
    (["schema", "a"], ["schema takes only options"]),
    (["--chan", "x", "a.gotape"], ["unknown option --chan"]),
])
def test_wrong_usage(replay, arguments, words):
    result = replay(*arguments, status=2)
    assert result.stdout == ""
    assert result.stderr.startswith("gotape-replay: ") and result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize("command", ["", "info", "who-blocked", "verify", "dump", "load"])
def test_missing_and_foreign_files(replay, tmp_path, command):
    arguments = [command] if command else []
    assert "No such file" in replay(*arguments, tmp_path / "none.gotape", status=1).stderr
    (tmp_path / "text.gotape").write_text("hello " * 100)
    result = replay(*arguments, tmp_path / "text.gotape", status=1)
    assert "text.gotape" in result.stderr and result.stdout == ""
    (tmp_path / "empty.gotape").write_bytes(b"")
    replay(*arguments, tmp_path / "empty.gotape", status=1)
    assert "directory" in replay(*arguments, tmp_path, status=1).stderr
    if command not in ("verify", "dump"):
        assert "standard input" in replay(*(arguments or ["info"]), "-", status=1).stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty.gotape", "text.gotape"]


def test_a_full_disk_is_an_error(replay):
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([REPLAY, "schema"], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=30)
    assert result.returncode == 1 and "cannot write the output" in result.stderr


def test_a_reader_that_goes_away_is_no_news(replay, trace):
    replay("load", trace)
    with subprocess.Popen([REPLAY, "sql", trace, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
                           "--format", "csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == -signal.SIGPIPE


def test_interrupt_ends_a_query(replay, trace):
    replay("load", trace)
    query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with subprocess.Popen([REPLAY, "sql", trace, query], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 128 + signal.SIGINT
        assert process.stdout.read() == b"" and process.stderr.read() == b""


def test_schema_explains_the_tables(replay):
    text = replay("schema").stdout
    assert "CREATE VIEW wait (" in text and "-- Every wait of a goroutine" in text and "CREATE VIEW wait_named" in text
    queries = replay("schema", "--queries").stdout
    assert "-- who_blocked\n-- Waits, longest first" in queries
