"""What tools/bench holds the loading against: SQLite with the same rows and nothing else. And the coder of events alone."""

import json
import os
import pathlib
import sqlite3
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/dev"
REPLAY = os.environ.get("GOTAPE_REPLAY") or str(BUILD / "replay/gotape-replay")
BARE_INSERT, SYNTH = str(BUILD / "tools/bare_insert"), str(BUILD / "tools/trace_synth")
CODEC_SPEED = str(BUILD / "tools/codec_speed")

pytestmark = pytest.mark.skipif(not os.access(BARE_INSERT, os.X_OK), reason=f"{BARE_INSERT} has not been built")


def run(*command):
    return subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=True)


def rows_of(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        return {table: db.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables}


def test_bare_insert_copies_every_row(tmp_path):
    trace, loaded, bare = (tmp_path / name for name in ("t.gotape", "t.db", "bare.db"))
    run(SYNTH, "--events", "20000", "-o", trace)
    run(REPLAY, "load", trace, "-o", loaded)
    told = json.loads(run(BARE_INSERT, loaded, bare).stdout)
    assert rows_of(bare) == rows_of(loaded)
    assert told["rows"] == sum(rows_of(loaded).values()) > 5000 and told["seconds"] > 0
    # Over an old file too.
    assert json.loads(run(BARE_INSERT, loaded, bare).stdout)["rows"] == told["rows"]


def test_bare_insert_fails_on_what_is_no_database(tmp_path):
    wrong = tmp_path / "wrong.db"
    wrong.write_text("no database at all\n" * 100)
    result = subprocess.run([BARE_INSERT, wrong, tmp_path / "out.db"], capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1 and "bare_insert" in result.stderr and result.stdout == ""


def test_codec_speed_codes_what_is_in_a_recording(tmp_path):
    trace = tmp_path / "t.gotape"
    run(SYNTH, "--events", "20000", "-o", trace)
    told = json.loads(run(CODEC_SPEED, trace, "2").stdout)
    assert 20000 <= told["events"] < 30000 and told["chunks"] >= 1
    assert 0 < told["bytes_per_event"] < 10 and told["encode_ns"] > 0 and told["decode_ns"] > 0


def test_codec_speed_fails_on_what_is_no_recording(tmp_path):
    wrong = tmp_path / "wrong.gotape"
    wrong.write_text("no recording at all\n" * 100)
    result = subprocess.run([CODEC_SPEED, wrong], capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1 and "codec_speed" in result.stderr and result.stdout == ""
