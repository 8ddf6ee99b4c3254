"""Recordings in several files, limits of size, and disks that fill up: each file is complete in itself, and says the truth about
what began before it."""

import contextlib
import json
import os
import pathlib
import subprocess

import pytest

import harness


def parts(trace):
    stem = str(trace).removesuffix(".gotape")
    return sorted(pathlib.Path(stem).parent.glob(pathlib.Path(stem).name + ".[0-9]*.gotape"))


def start_ns(db):
    return int(harness.value(db, "SELECT value FROM meta WHERE key = 'record.start_ns'"))


def end_ns(db):
    return int(harness.value(db, "SELECT value FROM meta WHERE key = 'record.end_ns'"))


def assert_sound(db):
    """Nothing lost, nothing impossible, nobody in a state that is not known."""
    assert harness.value(db, "SELECT lost_count FROM recording") == 0
    assert harness.value(db, "SELECT damage_count FROM recording") == 0
    assert harness.rows(db, "SELECT * FROM transition_named WHERE flags & 1 LIMIT 10") == []
    assert harness.rows(db, "SELECT anomaly.* FROM anomaly JOIN anomaly_kind ON anomaly_kind.name = anomaly.kind"
                            " WHERE severity = 'error' LIMIT 10") == []
    assert harness.rows(db, "SELECT goid, reason, start_ns, doubt FROM wait_named WHERE doubt IS NOT NULL LIMIT 10") == []


def assert_knows_everybody(db):
    assert harness.rows(db, "SELECT * FROM interval_named WHERE state = 'unknown' LIMIT 10") == []


def test_rotation_of_churn(trace):
    """Goroutines and threads come and go by thousands; every creation and end is in exactly one file."""
    result = harness.launched(trace, harness.goprog("churn"), "-duration", "4s", options=["--rotate", "1s"])
    assert result.status == 0, result
    done = json.loads(result.out.splitlines()[-1])
    files = parts(trace)
    assert len(files) >= 4, result
    created = ended = 0
    before = None
    for number, file in enumerate(files, 1):
        db = harness.database(file)
        assert_sound(db)
        assert_knows_everybody(db)
        harness.assert_checked(file)
        assert harness.value(db, "SELECT value FROM meta WHERE key = 'record.part'") == str(number)
        assert before is None or start_ns(db) == before
        before = end_ns(db)
        created += harness.value(db, "SELECT count(*) FROM transition JOIN event_type ON event_type.id = event"
                                     " WHERE name = 'create' AND time_ns BETWEEN ? AND ?", done["begin_ns"], done["end_ns"])
        ended += harness.value(db, "SELECT count(*) FROM transition JOIN event_type ON event_type.id = event WHERE name = 'end'"
                                   " AND time_ns BETWEEN ? AND ?", done["begin_ns"], done["end_ns"])
    assert created >= done["created"] and ended >= done["created"] - 2


def test_waits_over_several_files(trace, tmp_path):
    """Two recorders of one process, one of them rotating: a wait that began before a file begins there when the other one saw it
    begin. Judged on all waits that cross a border."""
    whole = tmp_path / "whole.gotape"
    with harness.Background(harness.goprog("churn"), "-wait", "-duration", "5s") as target:
        target.json("ready")
        with harness.attached(target.pid, whole), harness.attached(target.pid, trace, "--rotate", "1s"):
            target.send()
            target.json("done", timeout=60)
    truth = {}
    for goid, start, reason in harness.rows(harness.database(whole), "SELECT goid, start_ns, reason FROM wait_named WHERE is_start_seen"):
        truth.setdefault((goid, reason), []).append(start)
    files = parts(trace)
    assert len(files) >= 4
    crossing = 0
    for file in files[1:]:
        db = harness.database(file)
        assert_sound(db)
        for goid, start, reason, length, seen in harness.rows(db, "SELECT goid, start_ns, reason, wait_ns, is_start_seen FROM wait_named"
                                                                  " WHERE start_ns < ?", start_ns(db)):
            if not seen:
                continue  # it began before the first file
            crossing += 1
            assert any(abs(start - true) < 20_000_000 for true in truth.get((goid, reason), [])), (file, goid, reason, start)
            assert length is None or length >= 0
    assert crossing >= 3


def test_rotation_by_size_keeps_the_newest(trace):
    with harness.Background(harness.goprog("storm"), "-wait", "-rate", "120000", "-duration", "5s") as target:
        target.json("ready")
        with harness.attached(target.pid, trace, "--rotate", "64k", "--keep", "3") as recorder:
            target.send()
            target.json("done", timeout=60)
            result = recorder.stop()
    files = parts(trace)
    assert len(files) == 3 and files[0].name.split(".")[-2] >= "0002", (files, result)
    assert "were removed" in result.err
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600
        assert file == files[-1] or file.stat().st_size < 512 << 10
        db = harness.database(file)
        assert_sound(db)
        assert_knows_everybody(db)


def test_numbers_that_are_taken_are_passed_over(trace):
    taken = pathlib.Path(str(trace).removesuffix(".gotape") + ".0001.gotape")
    taken.write_text("mine")
    result = harness.launched(trace, harness.goprog("storm"), "-duration", "100ms", options=["--rotate", "1h", "--keep", "1"])
    assert result.status == 0, result
    assert taken.read_text() == "mine"
    assert [file.name.split(".")[-2] for file in parts(trace)] == ["0001", "0002"]


def test_snapshots_alone_rotate_too(trace):
    with harness.Background(harness.goprog("storm"), "-wait", "-duration", "1s") as target:
        target.json("ready")
        recorder = subprocess.Popen([harness.RECORD, "--detail", "snapshot", "--snapshot-interval", "100ms", "--rotate", "1s", "-d", "2500ms",
                                     "-o", trace, "-p", str(target.pid)], stderr=subprocess.PIPE, text=True)
        _, err = recorder.communicate(timeout=30)
        assert recorder.returncode == 0, err
    files = parts(trace)
    assert len(files) == 3, err
    for file in files:
        db = harness.database(file)
        assert harness.value(db, "SELECT kind FROM snapshot ORDER BY id LIMIT 1") == "start"
        assert harness.value(db, "SELECT count(*) FROM wait") > 0


def test_max_size(trace):
    result = harness.run(harness.RECORD, "--budget", "off", "--max-size", "300k", "--kill", "-o", trace, "--", harness.goprog("storm"), "-rate", "120000",
                         "-duration", "30s")
    assert result.status == 0 and "--max-size is reached" in result.err, result
    assert 100_000 < os.path.getsize(trace) <= 300 << 10
    db = harness.database(trace)
    harness.assert_balanced(db)
    assert harness.value(db, "SELECT value FROM meta WHERE key = 'record.end_reason'") == "--max-size is reached"


@contextlib.contextmanager
def small_disk(folder, size):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=777", "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_nearly_full(tmp_path):
    with small_disk(tmp_path / "disk", "2m") as disk:
        trace = disk / "t.gotape"
        result = harness.run(harness.RECORD, "--budget", "off", "--kill", "-z", "1", "-o", trace, "--", harness.goprog("storm"), "-rate", "120000", "-duration", "60s", timeout=90)
        assert result.status == 0 and "disk is nearly full" in result.err, result
        assert os.statvfs(disk).f_bavail > 0
        verified = harness.run(harness.REPLAY, "verify", trace)
        assert verified.status == 0 and "ended cleanly" in verified.out, verified
        db = harness.run(harness.REPLAY, "load", trace, "-o", tmp_path / "t.db", timeout=120)
        assert db.status == 0, db


def test_a_disk_that_others_fill(tmp_path):
    """From one look at the room to the next everything is taken: the file has its end all the same."""
    with small_disk(tmp_path / "disk", "8m") as disk:
        trace = disk / "t.gotape"
        with harness.Background(harness.goprog("storm"), "-wait", "-rate", "120000", "-duration", "20s") as target:
            target.json("ready")
            with harness.attached(target.pid, trace) as recorder:
                target.send()
                filler = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
                with contextlib.suppress(OSError):
                    while os.write(filler, b"x" * 8192):
                        pass
                os.close(filler)
                result = recorder.wait(timeout=30)
        assert result.status == 0 and "nearly full" in result.err, result
        verified = harness.run(harness.REPLAY, "verify", trace)
        assert verified.status == 0 and "ended cleanly" in verified.out, verified
