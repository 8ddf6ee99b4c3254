"""The flight recorder: files of the last seconds, written when somebody asks, a trigger fires, or the target ends; and --follow."""

import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

import harness
from test_long import assert_knows_everybody, assert_sound, end_ns, parts, start_ns


def await_file(trace, number, timeout=30):
    """The file of this number, when it is complete."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        for file in parts(trace):
            if file.name.split(".")[-2] == f"{number:04d}" and harness.run(harness.REPLAY, "verify", file).status == 0:
                return file
        time.sleep(0.1)
    pytest.fail(f"no file {number} within {timeout} s: {parts(trace)}")


def meta(db, key):
    return harness.value(db, "SELECT value FROM meta WHERE key = ?", key)


def check_file(file, window_s, reason):
    db = harness.database(file)
    assert_sound(db)
    assert_knows_everybody(db)
    harness.assert_checked(file)
    assert reason in meta(db, "trigger.reason")
    length = (end_ns(db) - start_ns(db)) / 1e9
    assert window_s <= length <= window_s * 9 / 8 + 1, length
    assert harness.value(db, "SELECT count(*) FROM snapshot WHERE kind = 'carried'") >= 1
    info = harness.run(harness.REPLAY, "info", file)
    assert "trigger.reason" in info.out and reason in info.out
    return db


def test_signal_and_sigkill_of_the_target(trace):
    with harness.Background(harness.goprog("churn"), "-wait", "-duration", "60s") as target:
        target.json("ready")
        with harness.attached(target.pid, trace, "--flight", "2s") as recorder:
            target.send()
            time.sleep(4)
            recorder.process.send_signal(signal.SIGUSR2)
            first = await_file(trace, 1)
            time.sleep(3)
            os.kill(target.pid, signal.SIGKILL)
            result = recorder.wait()
    assert result.status == 0, result
    assert len(parts(trace)) == 2, result
    check_file(first, 2, "SIGUSR2")
    check_file(parts(trace)[1], 2, "the target exited")


def test_nothing_is_written_when_nobody_asks(trace):
    with harness.Background(harness.goprog("storm"), "-wait", "-duration", "10s") as target:
        target.json("ready")
        with harness.attached(target.pid, trace, "--flight", "2s") as recorder:
            target.send()
            time.sleep(1)
            result = recorder.stop()
    assert "\nno records lost\n" in result.err and "no file was asked for" in result.err
    assert parts(trace) == []


@pytest.mark.parametrize("condition, detail, words", [
    ("goroutines>5", "block", "goroutines>5: there are"),
    ("runnable-p99>1us", "sched", "for a CPU"),
])
def test_trigger(trace, condition, detail, words):
    with harness.Background(harness.goprog("storm"), "-wait", "-rate", "60000", "-duration", "12s") as target:
        target.json("ready")
        with harness.attached(target.pid, trace, "--flight", "1s", "--detail", detail, "--trigger", condition, "--cooldown", "1h") as recorder:
            target.send()
            file = await_file(trace, 1)
            time.sleep(1)
            recorder.stop()
    assert len(parts(trace)) == 1
    db = harness.database(file)
    assert words in meta(db, "trigger.reason")
    assert_sound(db)


def test_trigger_blocked(trace):
    """A goroutine of the program waits for long on a channel, in the middle of a recording; with its true start in the file."""
    with harness.Background(harness.goprog("churn"), "-wait", "-duration", "8s") as target:
        target.json("ready")
        with harness.attached(target.pid, trace, "--flight", "1s", "--trigger", "blocked>3s") as recorder:
            target.send()
            file = await_file(trace, 1)
            recorder.stop()
    db = harness.database(file)
    reason = meta(db, "trigger.reason")
    assert reason.startswith("blocked>3s: goroutine ") and " has waited " in reason
    goid = int(reason.split("goroutine ")[1].split()[0])
    start, length, name = harness.rows(db, "SELECT start_ns, wait_ns, reason FROM wait_named WHERE goid = ? AND is_open", goid)[0]
    assert name not in ("sleep", "IO wait")
    assert length > 3e9 and start < start_ns(db)


def test_follow(trace, tmp_path):
    """It waits for the program, records it, and the next one of that name; every end of a target is a file."""
    program = tmp_path / "gotape-followed"
    shutil.copy(harness.goprog("storm"), program)
    recorder = subprocess.Popen([harness.RECORD, "--budget", "off", "--follow", "--name", program.name, "--flight", "5s", "-o", trace],
                                stderr=subprocess.PIPE, text=True)
    try:
        for number in (1, 2):
            time.sleep(1)
            assert recorder.poll() is None
            target = harness.run(program, "-rate", "20000", "-duration", "3s")
            assert target.status == 0, target
            db = harness.database(await_file(trace, number))
            assert "the target exited" in meta(db, "trigger.reason")
            assert_sound(db)
        recorder.send_signal(signal.SIGTERM)
        _, err = recorder.communicate(timeout=30)
        assert recorder.returncode == 0 and "waiting" in err, err
    finally:
        recorder.kill()
        recorder.wait()
    assert pathlib.Path(harness.ROOT / "record/gotape-record@.service").read_text(encoding="utf-8").count("--follow") == 1
