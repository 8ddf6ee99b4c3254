"""Nanoseconds a hit: goroutines hand a value to and fro on one processor, so that the program does nothing but what is probed.
Single probes, one without and one with a call chain, are armed alone; the CPU time of the program is compared with that of the
same program alone in the same round."""

import json
import os

import probes
from figure import each, interleave, ratio
from programs import Program, goprog, need, recorder, run

NAME, TITLE = "hit", "a hit (channel ping-pong; CPU time of the program)"

SINGLES = {"exec": "runtime.execute", "park": "runtime.gopark"}  # 2 hits a round trip each
ALL = ("park", "ready", "exec")                                  # 6 hits
KINDS = {"exec": "lean (exec)", "park": "with call chain (park)"}
SAME, ENTRY = "perf record, same instruction", "perf record, function entry"


def round_trip(text):
    return json.loads([line for line in text.splitlines() if '"done"' in line][0])["cpu_ns_per_round_trip"]


def learn(folder):
    with Program([goprog("storm"), "-rate", "1000", "-duration", "60s"]) as storm:
        return probes.learn(recorder("-v", "--detail", "sched", "-o", folder / "learn.gotape", "-p", storm.pid), storm.pid,
                            goprog("storm"))


class Modes:
    """name → function that gives the CPU time of a round trip in ns."""

    def __init__(self, plan, groups):
        self.plan, self.groups = plan, groups
        self.env = dict(os.environ, GOMAXPROCS="1")
        self.storm = [goprog("storm"), "-rate", "0", "-pairs", "1", "-duration", f"{plan.seconds:.2f}s"]

    def under(self, *command):
        """What the program printed that ran under a tool."""
        return round_trip(run(*command, env=self.env).out)

    def alone(self):
        return self.under(*self.storm)

    def ours(self, *names):
        return lambda: self.under(*recorder("-q", "--detail", "sched", *(["--only", ",".join(names)] if names else []), "-o",
                                            self.plan.folder / "hit.gotape", "--"), *self.storm)

    def counted(self, *names):
        return lambda: self.under(need("perf"), "stat", "-o", self.plan.folder / "stat",
                                  *probes.perf_events(self.groups["counted"], names), "--", *self.storm)

    def perf(self, group, name):
        return lambda: self.under(need("perf"), "record", "-q", "-m", "2048", "-o", self.plan.folder / "hit.data", "--user-callchains",
                                  *probes.perf_sampled_events(self.groups[group], [name]), "--", *self.storm)

    def bpftrace(self, name):
        key = "[ustack(127)]" if name in probes.CALL_CHAINS else ""
        program = f'uprobe:{self.storm[0]}:"{SINGLES[name]}" {{ @hits{key} = count(); }}'
        return lambda: self.under(need("bpftrace"), "-e", program, "-c", " ".join(self.storm))

    def table(self):
        modes = {"alone": self.alone, "gotape-record, all three": self.ours(*ALL), "counted, all three": self.counted(*ALL)}
        for name in SINGLES:
            modes |= {f"gotape-record, {name}": self.ours(name), f"counted, {name}": self.counted(name),
                      f"{SAME}, {name}": self.perf("same", name), f"{ENTRY}, {name}": self.perf("entries", name),
                      f"bpftrace, function entry, {name}": self.bpftrace(name)}
        return modes


def measure(figure, plan):
    ours = learn(plan.folder)
    with probes.defined(ours) as same, probes.defined(ours.without_values()) as counted, \
            probes.defined(ours.at_entries()) as entries:
        modes = Modes(plan, {"same": same, "counted": counted, "entries": entries}).table()
        samples = interleave(figure, modes, plan.rounds)
    hits = {}
    figure.row("a round trip alone", samples["alone"], "ns")
    for mode, values in samples.items():
        if mode != "alone":
            count = 6 if mode.endswith("three") else 2
            hits[mode] = each(lambda with_hits, alone, n=count: (with_hits - alone) / n, values, samples["alone"])
            figure.row(mode, hits[mode], "ns")
    for name, kind in KINDS.items():
        bound = 1.6 if name == "exec" else 3.5
        figure.goal(f"{kind}: ours / counting-only", ratio(hits[f"gotape-record, {name}"], hits[f"counted, {name}"]), "<=", bound)
    for name, kind in KINDS.items():
        for peer in (ENTRY, "bpftrace, function entry"):
            figure.goal(f"{kind}: {peer} / ours", ratio(hits[f"{peer}, {name}"], hits[f"gotape-record, {name}"]), ">=", 8)
    figure.note("counted: the same instructions probed, hits only counted (perf stat): the kernel's own price")
    figure.note("bpftrace only counts too, by call chain where ours has one")
