"""Probe definitions for comparisons: the recorder's own, learnt while it runs, under event groups of this program's name. Only
definitions made here are ever deleted, and after everything that used them has ended."""

import contextlib
import os
import re
import subprocess
import time

from figure import Failed
from programs import Program

TRACEFS = next((p for p in ("/sys/kernel/tracing", "/sys/kernel/debug/tracing") if os.path.exists(f"{p}/uprobe_events")), None)
DEFINITION = re.compile(r"p:gotape_[^/]+/(?P<name>\S+) /proc/(?P<pid>\d+)/exe:(?P<offset>0x[0-9a-f]+)\s*(?P<values>.*)")
SITE = re.compile(r"^\s+(?P<name>\w+)\s+runtime\.\S+\+0x(?P<inside>[0-9a-f]+)\s", re.MULTILINE)
CALL_CHAINS = ("park", "create", "ready")  # as in record/go/probe_table.c
counter = iter(range(1000))


class ProbeSet:
    """name → (path, file offset, fetched values, distance from the function's entry)."""

    def __init__(self, probes):
        self.probes = probes
        self.group = f"gtbench_{os.getpid()}_{next(counter)}"

    def without_values(self):
        return ProbeSet({name: (path, offset, "", inside) for name, (path, offset, _, inside) in self.probes.items()})

    def at_entries(self):
        """The same functions where perf probe and others would put them. Functions entered from other stacks, whose first
        instruction is not the stack check, are left as they are."""
        return ProbeSet({name: (path, offset - inside if name in ("park", "ready", "exec") else offset, "", 0)
                         for name, (path, offset, _, inside) in self.probes.items()})


@contextlib.contextmanager
def defined(probe_set):
    """Defines them for the length of the with-block; gives the group's name."""
    done = []
    try:
        for name, (path, offset, values, _) in probe_set.probes.items():
            append(f"p:{probe_set.group}/{name} {path}:{offset:#x} {values}")
            done.append(name)
        yield probe_set.group
    finally:
        for name in done:
            delete(f"{probe_set.group}/{name}")


def append(line):
    fd = os.open(f"{TRACEFS}/uprobe_events", os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, line.encode() + b"\n")
    finally:
        os.close(fd)


def delete(event):
    """The kernel says busy as long as a closing descriptor is on its way."""
    for _ in range(50):
        try:
            append(f"-:{event}")
            return
        except OSError:
            time.sleep(0.1)


def learn(command, pid, binary):
    """The definitions that a recorder (a command with -v) makes for a running process, made anew for the binary's own path; with
    perf as its engine, because only then they fetch the values."""
    command = [*command[:-2], "--engine", "perf", *command[-2:]]
    check = [c for c in command if c not in ("--force", "-v")]
    sites = subprocess.run([check[0], "--check", *check[1:]], capture_output=True, text=True, timeout=60, check=False)
    if sites.returncode != 0:
        raise Failed(f"--check: {sites.stdout[-500:]} {sites.stderr[-500:]}")
    inside = {match["name"]: int(match["inside"], 16) for match in SITE.finditer(sites.stdout)}
    with Program(command) as recorder:
        recorder.await_words("armed")
        with open(f"{TRACEFS}/uprobe_events", encoding="utf-8") as lines:
            matches = [match for match in map(DEFINITION.match, lines) if match and int(match["pid"]) == pid]
        recorder.interrupt()
    found = {match["name"]: (binary, int(match["offset"], 16), match["values"].strip(), inside.get(match["name"], 0))
             for match in matches}
    if not found:
        raise Failed("the recorder's probe definitions were not found in uprobe_events")
    return ProbeSet(found)


def perf_events(group, names):
    return [argument for name in names for argument in ("-e", f"{group}:{name}")]


def perf_sampled_events(group, names):
    """perf's options for the events as the recorder has them: with call chains where it takes them."""
    return [argument for name in names
            for argument in ("-e", f"{group}:{name}/call-graph={'fp' if name in CALL_CHAINS else 'no'}/")]
