"""Programs that the figures run: ours, the peers, and the measured Go programs. Everything is ended with its with-block."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from figure import Failed, Skipped

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORD = str(ROOT / "build/release/record/gotape-record")
REPLAY = str(ROOT / "build/release/replay/gotape-replay")
TOOLS = ROOT / "build/release/tools"
GOPROGS = pathlib.Path(os.environ.get("GOTAPE_GOPROGS") or ROOT / "build/goprogs/default")
RING_PAGES = "2048"  # perf's rings as large as ours: 8 MiB a CPU


class Usage:
    """What a program that has ended took: wall and CPU seconds (with children), peak memory in MiB, and what it printed."""

    def __init__(self, seconds, resources, out, err):
        self.seconds, self.cpu = seconds, resources.ru_utime + resources.ru_stime
        self.rss_mib = resources.ru_maxrss / 1024
        self.out, self.err = out, err


def goprog(name):
    return str(GOPROGS / name)


def need(program):
    """The path of a peer's program."""
    path = shutil.which(program)
    if not path:
        raise Skipped(f"{program} is not installed")
    return path


class Program:
    """A program in the background; wait() or interrupt() for its Usage. Ends with the with-block at the latest."""

    def __init__(self, command, env=None, discard=False):
        self.command = [str(c) for c in command]
        self.out, self.err = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")
        self.began, self.usage = time.monotonic(), None
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL if discard else self.out,
                                        stderr=self.err, env=env)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.usage is None:
            self.end(signal.SIGTERM, 20, None)
        self.out.close()
        self.err.close()

    def said(self):
        """What it has printed so far, on either stream."""
        return "".join(pathlib.Path(f"/proc/self/fd/{stream.fileno()}").read_text(encoding="utf-8", errors="replace")
                       for stream in (self.out, self.err))

    def age(self):
        return time.monotonic() - self.began

    def has_ended(self):
        """Without collecting it: its resources are asked for once, by wait()."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def await_words(self, words, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            said = self.said()
            if words in said:
                return said
            if self.has_ended():
                break
            time.sleep(0.02)
        raise Failed(f"{' '.join(self.command)}: did not say '{words}': {self.said()[-1000:]}")

    def wait(self, timeout=300, accepted=(0,)):
        return self.end(None, timeout, accepted)

    def interrupt(self, timeout=60):
        return self.end(signal.SIGINT, timeout, None)

    def end(self, number, timeout, accepted):
        """Sends a signal, if any, and collects it; accepted statuses, None: any but that of the time limit."""
        timer = threading.Timer(timeout, self.process.kill)
        timer.start()
        try:
            if number is not None:
                os.kill(self.pid, number)  # not send_signal(): it would collect a program that has ended
            _, status, resources = os.wait4(self.pid, 0)
        finally:
            timer.cancel()
        self.process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for stream in (self.out, self.err):
            stream.seek(0)
            texts.append(stream.read())
        self.usage = Usage(time.monotonic() - self.began, resources, *texts)
        if self.process.returncode == -signal.SIGKILL or (accepted is not None and self.process.returncode not in accepted):
            raise Failed(f"{' '.join(self.command)}: status {self.process.returncode}: {texts[1][-1000:]}")
        return self.usage


def run(*command, timeout=300, env=None, discard=False, accepted=(0,)):
    with Program(command, env, discard) as program:
        return program.wait(timeout, accepted)


def cpu_seconds(pid):
    """CPU that a running process and its children have used, to a hundredth of a second."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(map(cpu_seconds, children))


# -- gotape-record and perf


def recorder(*arguments):
    """A command of the recorder, without its budget: what is measured is the whole cost."""
    options = ["--force"]
    if "--budget" not in arguments and "--budget" in run(RECORD, "--help").out:
        options += ["--budget", "off"]
    return [RECORD, *options, *map(str, arguments)]


def recorded(text):
    """What the recorder says at its end: events and losses."""
    events = re.search(r"^([\d,]+) events", text, re.MULTILINE)
    if not events:
        raise Failed(f"the recorder did not say what it recorded: {text[-500:]}")
    lost = re.search(r"lost ([\d,]+) records", text)
    return {"events": int(events[1].replace(",", "")), "lost": int(lost[1].replace(",", "")) if lost else 0}


def perf_samples(data):
    """Samples and losses of a perf.data."""
    stats = run("perf", "report", "--stats", "-i", data).out
    samples = re.search(r"SAMPLE events: +(\d+)", stats)
    lost = re.search(r"LOST_SAMPLES events: +(\d+)", stats) or re.search(r"LOST events: +(\d+)", stats)
    return {"events": int(samples[1]) if samples else 0, "lost": int(lost[1]) if lost else 0}


def await_perf(program, seconds=30):
    """Until a peer has opened its events and no further ones come."""
    deadline, before = time.monotonic() + seconds, -1
    while time.monotonic() < deadline and not program.has_ended():
        count = 0
        for fd in pathlib.Path(f"/proc/{program.pid}/fd").iterdir():
            try:
                count += "perf_event" in os.readlink(fd)
            except OSError:
                pass
        if count and count == before:
            return
        before = count
        time.sleep(0.2)
    raise Failed(f"{program.command[0]} opened no events: {program.said()[-1000:]}")


# -- Go's tracer


def go_tool():
    """The program behind `go tool trace`, so that building it is not part of the time."""
    go = os.environ.get("GOTAPE_GO") or shutil.which("go") or "/usr/local/go/bin/go"
    if not os.access(go, os.X_OK):
        raise Skipped("no go command")
    return run(go, "tool", "-n", "trace", timeout=180).out.strip()


def go_events(trace):
    """Events of a trace of Go's own tracer."""
    return int(run("sh", "-c", '"$1" -d=parsed "$2" | grep -c "^M="', "count", go_tool(), trace).out)


# -- the measured service


def client():
    """Another file than the service's, so that probes that a peer sets for all processes do not meet it."""
    copy = goprog("hello_client")
    return copy if os.access(copy, os.X_OK) else goprog("hello")


class Service:
    """tests/goprogs/hello in a process of its own, and its client in another."""

    def __init__(self, *arguments):
        self.program = Program([goprog("hello"), "-listen", "127.0.0.1:0", *arguments])

    def __enter__(self):
        self.url = self.program.await_words("http://").split()[-1]
        self.pid = self.program.pid
        return self

    def __exit__(self, *_):
        self.program.__exit__()

    def stop(self):
        """Ends it orderly, so that Go's tracer writes what it has."""
        self.program.end(signal.SIGTERM, 30, None)

    def load(self, seconds, rate=0.0, tool=None):
        """requests, requests_per_second, median_ms, p99_ms; of the service cpu_us_per_request and cpu_seconds, of a tool that
        runs beside it tool_us_per_request."""
        before, tool_before = cpu_seconds(self.pid), cpu_seconds(tool.pid) if tool else 0
        command = [client(), "-load", self.url, "-duration", f"{seconds}s", "-rate", f"{rate:.1f}"]
        result = json.loads(run(*command, timeout=seconds + 60).out)
        result["cpu_seconds"] = cpu_seconds(self.pid) - before
        result["cpu_us_per_request"] = result["cpu_seconds"] / result["requests"] * 1e6
        result["tool_us_per_request"] = (cpu_seconds(tool.pid) - tool_before) / result["requests"] * 1e6 if tool else None
        return result
