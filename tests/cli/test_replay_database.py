"""gotape-replay: where databases are made, when they are used again, and that they can do no harm."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

from conftest import DATA, REPLAY, TOOLS


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_first_use_makes_the_database_beside_and_uses_it_again(replay, trace, tmp_path):
    replay("who-blocked", trace)
    database = tmp_path / "orders.gotape.db"
    assert names(tmp_path) == ["orders.gotape", "orders.gotape.db"]
    assert database.stat().st_mode & 0o077 == 0
    before = database.stat()
    replay("chans", trace)
    after = database.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_database_is_a_trace_too(replay, trace, tmp_path):
    expected = replay("who-blocked", trace, "--format", "json").stdout
    moved = tmp_path / "moved.sqlite"
    (tmp_path / "orders.gotape.db").rename(moved)
    trace.unlink()
    assert replay("who-blocked", moved, "--format", "json").stdout == expected
    assert names(tmp_path) == ["moved.sqlite"]
    for command in ("verify", "dump", "load"):
        assert "is a database" in replay(command, moved, status=2).stderr


def test_another_trace_in_its_place_is_loaded(replay, trace, make_trace):
    assert len(json.loads(replay("goroutines", trace, "--format", "json").stdout)) == 3
    text = (DATA / "orders.txt").read_text(encoding="utf-8")
    make_trace(trace, text + "11000001000 cpu=0 tid=100 exec goid=30 g=0xc000030000 p=0\n")
    assert {row["goid"] for row in json.loads(replay("goroutines", trace, "--format", "json").stdout)} == {1, 7, 18, 30}


@pytest.mark.parametrize("pragma", ["user_version = 99", "user_version = 0"])
def test_another_schema_version_is_loaded_again(replay, trace, tmp_path, pragma):
    replay("load", trace)
    database = tmp_path / "orders.gotape.db"
    with sqlite3.connect(database) as connection:
        connection.execute(f"PRAGMA {pragma}")
    connection.close()
    assert "version" in replay("info", database, status=1).stderr
    replay("info", trace)
    replay("info", database)


def test_what_another_loader_made_is_loaded_again(replay, trace, tmp_path):
    replay("load", trace)
    database = tmp_path / "orders.gotape.db"

    def loader():
        return sqlite3.connect(f"file:{database}?mode=ro", uri=True).execute("SELECT loader FROM recording").fetchone()[0]

    ours = loader()
    assert re.fullmatch("[0-9a-f]{16}", ours)
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE recording SET loader = 'another'")
    connection.close()
    replay("info", database)
    assert loader() == "another"
    replay("info", trace)
    assert loader() == ours


def test_what_is_not_ours_is_not_replaced(replay, trace, tmp_path):
    database = tmp_path / "orders.gotape.db"
    for content in (b"my notes", b""):
        database.write_bytes(content)
        for command in ("info", "load"):
            assert "in the way" in replay(command, trace, status=1).stderr
        assert database.read_bytes() == content
    database.unlink()
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE precious (x)")
    connection.close()
    assert "in the way" in replay("info", trace, status=1).stderr
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM precious").fetchone() == (0,)
    connection.close()


def test_load(replay, trace, tmp_path):
    result = replay("load", trace)
    assert "orders.gotape.db: 21 events" in result.stdout and result.stderr == ""
    assert "up to date" in replay("load", trace).stdout
    assert "21 events" in replay("load", trace, "--force").stdout
    other = tmp_path / "other.db"
    replay("load", trace, "-o", other)
    assert replay("info", other).stdout
    other.write_text("something else")
    replay("load", trace, "-o", other, status=1)
    replay("load", trace, "-o", other, "--force")
    assert "trace itself" in replay("load", trace, "-o", trace, "--force", status=2).stderr
    assert trace.stat().st_size > 1000
    replay("load", trace, "-o", tmp_path / "no" / "folder.db", status=1)
    assert names(tmp_path) == ["orders.gotape", "orders.gotape.db", "other.db"]


def test_read_only_folder_uses_the_cache(replay, trace, tmp_path):
    """Root may write into any folder but one on a read-only mount."""
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.move(trace, folder)
    home = tmp_path / "home"
    home.mkdir()
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'

    def run(*arguments, **environment):
        return subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", folder, REPLAY, *arguments], capture_output=True, text=True,
                              check=False, timeout=60, env=replay.environment | {"HOME": str(home)} | environment)

    if os.geteuid() == 0:
        result = run("who-blocked", folder / "orders.gotape", "--format", "json")
        if "mount" in result.stderr or "unshare" in result.stderr:
            pytest.skip("no right to mount")
    else:
        folder.chmod(0o500)
        result = replay("who-blocked", folder / "orders.gotape", "--format", "json", HOME=str(home))
    assert result.returncode == 0 and json.loads(result.stdout)
    [database] = (home / ".cache/gotape").iterdir()
    assert database.name == b"gotape from text".hex() + ".db"
    assert (home / ".cache/gotape").stat().st_mode & 0o077 == 0
    assert names(folder) == ["orders.gotape"]
    before = database.stat().st_mtime_ns
    if os.geteuid() == 0:
        assert run("info", folder / "orders.gotape").returncode == 0
        assert database.stat().st_mtime_ns == before
        assert run("info", folder / "orders.gotape", XDG_CACHE_HOME=str(tmp_path / "xdg")).returncode == 0
        assert names(tmp_path / "xdg/gotape") == [database.name]
    folder.chmod(0o700)


def test_interrupted_load_leaves_nothing(replay, tmp_path):
    synth = TOOLS / "trace_synth"
    if not os.access(synth, os.X_OK):
        pytest.skip(f"{synth} has not been built")
    trace = tmp_path / "big.gotape"
    subprocess.run([synth, "--events", "300000", "-o", trace], check=True, timeout=120, capture_output=True)
    with subprocess.Popen([REPLAY, "load", trace], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 30
        while len(names(tmp_path)) < 2 and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 128 + signal.SIGINT
        assert process.stdout.read() == b"" and process.stderr.read() == b""
    assert names(tmp_path) == ["big.gotape"]


def test_more_goroutines_than_are_kept_whole(replay, tmp_path):
    synth, parked = TOOLS / "trace_synth", 50000
    if not os.access(synth, os.X_OK):
        pytest.skip(f"{synth} has not been built")
    trace = tmp_path / "parked.gotape"
    subprocess.run([synth, "--events", "200000", "--parked", str(parked), "-o", trace], check=True, timeout=120, capture_output=True)
    query = f"""SELECT count(*) AS goroutines, sum(created_ns = first_ns) AS created, sum(state = 3) AS waiting, sum(wait_count) AS waits,
        (SELECT count(*) FROM transition WHERE goid <= {parked}) AS transitions, (SELECT count(*) FROM interval WHERE goid <= {parked}) AS intervals,
        (SELECT count(*) FROM wait WHERE goid <= {parked} AND is_open AND wait_ns = (SELECT end_ns FROM recording) - start_ns) AS open,
        (SELECT count(*) FROM anomaly WHERE kind <> 'no_end') AS doubts FROM goroutine WHERE goid <= {parked}"""
    [row] = json.loads(replay("sql", trace, query, "--format", "json").stdout)
    assert row == {"goroutines": parked, "created": parked, "waiting": parked, "waits": parked, "transitions": 3 * parked,
                   "intervals": 3 * parked, "open": parked, "doubts": 0}


@pytest.mark.parametrize("query", [
    "DELETE FROM wait", "UPDATE meta SET value = 1", "DROP TABLE wait", "CREATE TABLE x (a)", "CREATE TEMP TABLE x (a)", "VACUUM",
    "VACUUM INTO 'stolen.db'", "ATTACH 'stolen.db' AS x", "PRAGMA writable_schema = 1", "PRAGMA journal_mode = WAL",
    "SELECT load_extension('x.so')", "SELECT writefile('stolen.db', 'x')", "SELECT readfile('/etc/passwd')", "SELEC", "", "SELECT 1; SELECT 2",
])
def test_sql_only_reads(replay, trace, tmp_path, query):
    replay("load", trace)
    database = tmp_path / "orders.gotape.db"
    before = database.read_bytes()
    result = replay("sql", trace, query, status=1)
    assert result.stdout == "" and result.stderr.startswith("gotape-replay: ")
    assert database.read_bytes() == before and names(tmp_path) == ["orders.gotape", "orders.gotape.db"]


def test_sql_answers(replay, trace):
    query = "SELECT goid, x'00ff' AS raw, NULL AS empty, 0.5 AS half, 'a,\"b' AS text FROM goroutine ORDER BY goid;"
    rows = json.loads(replay("sql", trace, query, "--format", "json").stdout)
    assert rows[0] == {"goid": 1, "raw": "00ff", "empty": None, "half": 0.5, "text": 'a,"b'} and len(rows) == 3
    assert replay("sql", trace, query, "--format", "csv", "--limit", "1").stdout.splitlines()[1] == '1,00ff,,0.5,"a,""b"'
    assert json.loads(replay("sql", trace, "SELECT 'x' AS \"a:json\", '{' AS \"b:bool\"", "--format", "json").stdout) == [
        {"a:json": "x", "b:bool": "{"}]


@pytest.mark.parametrize("path", [None, "/nonexistent"])
def test_sql_shell(replay, trace, tmp_path, path):
    replay("load", trace)
    before = (tmp_path / "orders.gotape.db").read_bytes()
    environment = {"PATH": path} if path else {}
    if path is None and not shutil.which("sqlite3"):
        pytest.skip("sqlite3 is not installed")
    assert "18" in replay("sql", trace, stdin="SELECT max(goid)\nFROM goroutine;\n", **environment).stdout
    replay("sql", trace, stdin="DELETE FROM wait;\n", status=1, **environment)
    replay("sql", trace, stdin=f"ATTACH '{tmp_path}/stolen.db' AS x;\n", status=1, **environment)
    assert (tmp_path / "orders.gotape.db").read_bytes() == before and not (tmp_path / "stolen.db").exists()


def test_hostile_databases(replay, trace, tmp_path):
    replay("load", trace)
    good = tmp_path / "orders.gotape.db"
    attacks = [
        "DROP VIEW wait_named; CREATE VIEW wait_named AS SELECT writefile('{folder}/stolen', 'x') AS id",
        "DROP VIEW wait_named; CREATE VIEW wait_named AS SELECT load_extension('{folder}/x.so') AS id",
        "CREATE TRIGGER t AFTER INSERT ON packed_wait BEGIN DELETE FROM meta; END",
        "DROP TABLE meta; CREATE VIEW meta AS SELECT 'trace.id' AS key, readfile('/etc/passwd') AS value",
        "DROP TABLE recording",
        "DELETE FROM recording",
    ]
    for number, attack in enumerate(attacks):
        evil = tmp_path / f"evil{number}.db"
        shutil.copy(good, evil)
        with sqlite3.connect(evil) as connection:
            connection.executescript(attack.format(folder=tmp_path))
        connection.close()
        before = evil.read_bytes()
        for command in (["info"], ["who-blocked"], ["sql", "SELECT * FROM wait_named"], ["sql", "SELECT * FROM meta"]):
            result = subprocess.run([REPLAY, command[0], evil, *command[1:]], capture_output=True, check=False, timeout=60,
                                    env=replay.environment)
            assert result.returncode in (0, 1, 3) and b"root:" not in result.stdout
        assert evil.read_bytes() == before and not (tmp_path / "stolen").exists()


def test_damaged_databases(replay, trace, tmp_path):
    replay("load", trace)
    content = (tmp_path / "orders.gotape.db").read_bytes()
    broken = tmp_path / "broken.db"
    for size in (16, 100, 4096, len(content) // 2):
        broken.write_bytes(content[:size])
        assert replay("who-blocked", broken, status=1).stderr.startswith("gotape-replay: ")
