"""What the end-to-end tests share: running our programs and Go programs with a time limit, reading a recording back, and
evidence about the kernel's probes that does not come from our own programs."""

import contextlib
import ctypes
import functools
import json
import os
import pathlib
import pwd
import re
import select
import shutil
import signal
import sqlite3
import struct
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORD = os.environ.get("GOTAPE_RECORD") or str(ROOT / "build/release/record/gotape-record")
REPLAY = os.environ.get("GOTAPE_REPLAY") or str(ROOT / "build/release/replay/gotape-replay")
ALL = os.environ.get("GOTAPE_TEST_ALL") == "yes"
GO = os.environ.get("GOTAPE_TEST_GO", shutil.which("go") or "")
GOPROGS = ROOT / "tests/goprogs"

# Releases that the recorder promises to know. The normal run takes the oldest, one from the middle, and the newest two.
VERSIONS_ALL = ["go1.18.10", "go1.19.13", "go1.20.14", "go1.21.13", "go1.22.12", "go1.23.12", "go1.24.11", "go1.25.0", "go1.26.8", "go1.27.1"]
VERSIONS_NORMAL = ["go1.21.13", "go1.23.12", "go1.26.8", "go1.27.1"]
VERSIONS = VERSIONS_ALL if ALL else VERSIONS_NORMAL

PROBES_AT_LEAST = 10  # the minimal set; selects and coroutines are probed in programs that have them


# -- processes


class Result:
    def __init__(self, status, out, err, max_rss_kb=0):
        self.status, self.out, self.err, self.max_rss_kb = status, out, err, max_rss_kb

    def __repr__(self):
        return f"status {self.status}\n--- stdout\n{text(self.out)[-3000:]}\n--- stderr\n{text(self.err)[-3000:]}"


def text(data):
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else data


def run(*argv, input=b"", timeout=60, env=None, cwd=None, raw=False, umask=None):
    """Runs to the end with a time limit. The status is negative for a signal, as in subprocess."""
    process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=env, cwd=cwd, umask=-1 if umask is None else umask)
    try:
        out, err = process.communicate(input, timeout=timeout)
    except subprocess.TimeoutExpired:
        terminate(process)
        out, err = process.communicate()
        pytest.fail(f"{argv} did not end within {timeout} s\n{text(err)[-3000:]}")
    return Result(process.returncode, out if raw else text(out), text(err))


def run_measured(*argv, timeout=60):
    """Like run(), with the peak memory of the process (its output goes nowhere but for stderr)."""
    with open(os.devnull, "rb") as nothing:
        process = subprocess.Popen([str(a) for a in argv], stdin=nothing, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    err = b""
    deadline = time.monotonic() + timeout
    while True:
        readable, _, _ = select.select([process.stderr], [], [], max(0, deadline - time.monotonic()))
        if not readable:
            terminate(process)
            pytest.fail(f"{argv} did not end within {timeout} s")
        data = os.read(process.stderr.fileno(), 65536)
        if not data:
            break
        err += data
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    return Result(process.returncode, "", text(err), usage.ru_maxrss)


def terminate(process):
    """Ends a process gently first: a recorder that is killed leaves definitions behind."""
    for number, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        if process.poll() is None:
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)


class Background:
    """A process whose output is read line by line while it runs. Ended at the latest with the with-block."""

    def __init__(self, *argv, stderr=None, env=None, cwd=None):
        self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=stderr, env=env, cwd=cwd)
        self.pid = self.process.pid
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        terminate(self.process)
        self.process.stdout.close()

    def line(self, timeout=60):
        deadline = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            readable, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 65536) if readable else b""
            assert data, f"no line within {timeout} s, so far {self.buffer!r}, exit status {self.process.poll()}"
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode()

    def json(self, kind=None, timeout=60):
        """The next line of JSON; with a kind, the next of that kind."""
        while True:
            value = json.loads(self.line(timeout))
            if kind is None or value["kind"] == kind:
                return value

    def send(self, line=b"\n"):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def end(self, timeout=60):
        """Closes its input and awaits the end: the exit status."""
        self.process.stdin.close()
        status = self.process.wait(timeout)
        return status


# -- Go programs


@functools.lru_cache(maxsize=None)
def owner():
    """Who builds: the owner of the source tree, so that root leaves nothing in it."""
    status = os.stat(ROOT)
    if os.geteuid() != 0 or status.st_uid == 0:
        return None
    return status


def go_command(version, *arguments, cwd, env=()):
    # Go 1.19 from the module cache fails with an index of its standard library; others do not mind.
    environment = dict(os.environ, GOTOOLCHAIN="local" if version == "local" else version, GOFLAGS="-buildvcs=false",
                       GOWORK="off", GODEBUG="goindex=0", **dict(env))
    command = [GO, *arguments]
    who = owner()
    if who:
        with contextlib.suppress(KeyError):
            environment["HOME"] = pwd.getpwuid(who.st_uid).pw_dir
        command = ["setpriv", f"--reuid={who.st_uid}", f"--regid={who.st_gid}", "--clear-groups", "--", *command]
    return run(*command, cwd=cwd, env=environment, timeout=600)


@functools.lru_cache(maxsize=None)
def toolchain(version):
    """The reason why a toolchain cannot be used, or None. Fetches it when it is missing."""
    if not GO:
        return "no Go 1.21 or newer on this machine"
    result = go_command(version, "version", cwd="/")
    if result.status != 0:
        return f"{version} is not to be had: {result.err.strip().splitlines()[-1] if result.err.strip() else result.status}"
    return None


@functools.lru_cache(maxsize=None)
def goprog(name, version="local", mode="exe", flags=(), env=()):
    """Builds one of tests/goprogs and returns its path. Skips the test when there is no such toolchain."""
    reason = toolchain(version)
    if reason:
        pytest.skip(reason)
    folder = ROOT / "build/goprogs" / "-".join([version, mode, *[re.sub(r"\W+", "_", f) for f in flags],
                                             *["_".join(e) for e in env]])
    target = folder / name
    result = go_command(version, "build", f"-buildmode={mode}", *flags, "-o", f"{folder}/", f"./{name}", cwd=GOPROGS,
                        env=env)
    assert result.status == 0, result
    return str(target)


# -- recording


def exactly(options):
    """These tests look for every event: nothing is thinned out, whatever it costs, unless a test asks for it."""
    return [] if "--budget" in options else ["--budget", "off"]


class Recorder:
    """gotape-record in the background, attached and armed. stop() ends it by a signal."""

    def __init__(self, process, trace):
        self.process, self.trace, self.err = process, str(trace), ""
        self.result = None

    def read_until(self, word, timeout=30):
        """Reads its messages until one has the word."""
        deadline = time.monotonic() + timeout
        while word not in self.err:
            readable, _, _ = select.select([self.process.stderr], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self.process.stderr.fileno(), 65536) if readable else b""
            if not data:
                terminate(self.process)
                pytest.fail(f"the recorder said no {word!r}, status {self.process.poll()}:\n{self.err}")
            self.err += text(data)

    def stop(self, number=signal.SIGINT, timeout=60):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait(timeout)

    def wait(self, timeout=60):
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            terminate(self.process)
            pytest.fail(f"the recorder did not end within {timeout} s:\n{self.err}")
        self.err += text(err)
        self.result = Result(self.process.returncode, text(out or b""), self.err)
        return self.result


@contextlib.contextmanager
def attached(pid, trace, *options, env=None):
    """Records a running process for the length of the with-block (or until stop() is called in it)."""
    process = subprocess.Popen([RECORD, "-v", *exactly(options), *map(str, options), "-o", str(trace), "-p", str(pid)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    recorder = Recorder(process, trace)
    try:
        recorder.read_until("armed")
        yield recorder
        if recorder.result is None:
            result = recorder.stop()
            assert result.status == 0, result
    finally:
        terminate(process)


def launched(trace, *argv, options=(), **kwargs):
    """Records a program from its start to its end."""
    return run(RECORD, *exactly(options), *options, "-o", trace, "--", *argv, **kwargs)


# -- reading back


def replay_json(trace, command, *arguments, status=0, timeout=120):
    result = run(REPLAY, command, trace, *arguments, "--format", "json", timeout=timeout)
    assert result.status == status, result
    return json.loads(result.out)


def database(trace, status=0, timeout=300):
    """Loads a trace and opens the database with Python's own SQLite."""
    path = f"{trace}.db"
    result = run(REPLAY, "load", trace, "-o", path, timeout=timeout)
    assert result.status == status, result
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def rows(db, sql, *parameters):
    return db.execute(sql, parameters).fetchall()


def value(db, sql, *parameters):
    return rows(db, sql, *parameters)[0][0]


# Waits that the scheduler itself ends, without making the goroutine runnable first.
SILENT_WAKES = ("GC worker (idle)", "GC worker (active)", "GC assist wait", "GC assist marking", "GC sweep wait",
                "GC scavenge wait", "GC weak to strong wait", "GC mark termination", "force gc (idle)", "wait for GC cycle", "garbage collection scan",
                "finalizer wait", "cleanup wait", "GOMAXPROCS updater (idle)", "trace reader (blocked)")

# A park that the runtime took back at once (what it wanted had come) is an exec, with nothing else on that thread between.
# The runtime's own goroutines that sleep (the scavenger) are woken by injectglist as well.
UNMATCHED = """
WITH step AS (
  SELECT time_ns, event_type.name AS event, goid, reason.name AS reason,
         lead(event_type.name) OVER of_goroutine AS next_event,
         lead(transition.id) OVER of_goroutine = lead(transition.id) OVER of_thread AS is_next_on_thread
  FROM transition JOIN event_type ON event_type.id = transition.event LEFT JOIN reason ON reason.number = transition.reason
  WINDOW of_goroutine AS (PARTITION BY goid ORDER BY time_ns, transition.id), of_thread AS (PARTITION BY tid ORDER BY time_ns, transition.id))
SELECT time_ns, step.goid, reason, next_event FROM step JOIN goroutine ON goroutine.goid = step.goid
WHERE event = 'park' AND next_event IS NOT NULL AND next_event NOT IN ('ready', 'net')
  AND NOT (next_event = 'exec' AND is_next_on_thread) AND NOT (reason = 'sleep' AND is_system)
  AND NOT EXISTS (SELECT 1 FROM wait WHERE wait.goid = step.goid AND start_ns = time_ns AND waker_kind = 'net' AND wake_ns IS NULL)
"""


# A waker may have passed its probe before the recording began, and be preempted there until after the first snapshot.
WOKEN_AT_START = """
(start_ns = (SELECT start_ns FROM recording) AND coalesce(doubt, '') = 'wake_missing'
 AND goid IN (SELECT goid FROM anomaly WHERE kind = 'snapshot_differs_briefly'))
"""


def assert_balanced(db):
    """Each park is followed by what ends it, or by nothing until the end; nothing illegal, nothing lost."""
    assert value(db, "SELECT lost_count FROM recording") == 0
    assert value(db, "SELECT damage_count FROM recording") == 0
    illegal = rows(db, "SELECT * FROM transition_named WHERE flags & 1 LIMIT 10")
    assert illegal == [], illegal
    errors = rows(db, "SELECT anomaly.* FROM anomaly JOIN anomaly_kind ON anomaly_kind.name = anomaly.kind"
                      " WHERE severity = 'error' LIMIT 10")
    assert errors == [], errors
    unmatched = [row for row in rows(db, UNMATCHED) if row[2] not in SILENT_WAKES]
    assert unmatched == [], unmatched[:10]
    doubtful = rows(db, f"SELECT goid, reason, start_ns, doubt FROM wait_named WHERE doubt IS NOT NULL AND NOT {WOKEN_AT_START}"
                        " LIMIT 10")
    assert doubtful == [], doubtful
    # Only what the collector and the scheduler end by themselves has no moment of waking, and who parked while netpollready ran.
    assert rows(db, "SELECT goid, reason, start_ns FROM wait_named WHERE wake_ns IS NULL AND NOT is_open"
                    " AND NOT (waker_kind = 'gc' AND reason_class = 'gc') AND NOT (waker_kind = 'scheduler' AND is_system)"
                    f" AND waker_kind <> 'net' AND NOT {WOKEN_AT_START} LIMIT 10") == []
    parks = value(db, "SELECT count(*) FROM transition JOIN event_type ON event_type.id = event WHERE name = 'park'")
    assert parks > 0
    return parks


def assert_checked(trace):
    """The second validator, which shares no code with the loader."""
    checker = pathlib.Path(REPLAY).resolve().parents[1] / "tools/trace_check"
    assert checker.exists(), f"{checker} has not been built"
    result = run(checker, "--format", "json", trace, timeout=300)
    assert result.status == 0, result


# -- evidence from outside


def tracefs():
    for path in ("/sys/kernel/tracing", "/sys/kernel/debug/tracing"):
        if os.path.exists(f"{path}/uprobe_events"):
            return path
    return None


def definitions(pid=None):
    """The lines of uprobe_events that belong to recorders, or to one."""
    path = tracefs()
    if not path:
        return []
    with open(f"{path}/uprobe_events", encoding="utf-8") as lines:
        return [line.strip() for line in lines if f":gotape_{pid or ''}" in line]


def orphans():
    """Those whose recorder is gone."""
    return [line for line in definitions() if not os.path.exists(f"/proc/{line.split('_')[1]}")]


def keeper_of(recorder):
    """The process beside a recorder that has kept its rights; None when there is none (any more)."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
            stat = file.read()
            if "(gotape-keeper)" in stat and int(stat.rsplit(")", 1)[1].split()[1]) == recorder:
                return int(name)
    return None


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as children:
            return children.read().split()
    except OSError:
        return []


def await_no_definitions(recorder, timeout=30):
    """The keeper of a recorder that died needs a moment: the kernel takes its perf events down first."""
    deadline = time.monotonic() + timeout
    while definitions(f"{recorder}_"):
        assert time.monotonic() < deadline, f"definitions of recorder {recorder} were left behind"
        time.sleep(0.02)


def breakpoints(pid):
    """Addresses at which a process's code differs from its file: where somebody has put breakpoints."""
    found = []
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        regions = [line.split() for line in maps]
    exe = os.stat(f"/proc/{pid}/exe")
    with open(f"/proc/{pid}/mem", "rb") as memory, open(f"/proc/{pid}/exe", "rb") as file:
        for region in regions:
            if "x" not in region[1] or region[4] != str(exe.st_ino):
                continue
            start, end = (int(x, 16) for x in region[0].split("-"))
            memory.seek(start)
            live = memory.read(end - start)
            file.seek(int(region[2], 16))
            original = file.read(end - start)
            if live[:len(original)] != original:
                found += [start + i for i, (a, b) in enumerate(zip(live, original)) if a != b]
    return found


def threads(pid):
    return sorted(int(t) for t in os.listdir(f"/proc/{pid}/task"))


def perf_permitted():
    """Can this process open a perf event at all? (perf_event_open of a task clock on itself)"""
    attr = struct.pack("=II8Q", 1, 128, 1, 0, 0, 0, 0, 0, 0, 0).ljust(128, b"\0")
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(298, attr, 0, -1, -1, 0)
    if fd < 0:
        return False
    os.close(fd)
    return True


def missing_rights():
    """Why end-to-end tests cannot run here, or None."""
    if os.uname().machine != "x86_64":
        return "the recorder supports amd64 only"
    if os.geteuid() != 0:
        return "recording needs root"
    if not tracefs():
        return "no tracefs with uprobe_events"
    try:
        os.close(os.open(f"{tracefs()}/uprobe_events", os.O_WRONLY | os.O_APPEND))
    except OSError as error:
        return f"uprobe_events cannot be written: {error.strerror}"
    if not perf_permitted():
        return "perf events are not permitted here"
    for program in (RECORD, REPLAY):
        if not os.access(program, os.X_OK):
            return f"{program} has not been built"
    return None


