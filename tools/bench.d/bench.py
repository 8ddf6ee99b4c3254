"""Costs of recording, measured side by side: see tools/bench.

Every figure stands beside its peer from the same run. Runs of different kinds are interleaved, and the median of the rounds is
printed with their range, since virtual machines are noisy.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import probes

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORD = str(ROOT / "build/release/record/gotape-record")
REPLAY = str(ROOT / "build/release/replay/gotape-replay")
SYNTH = ROOT / "build/release/tools/trace_synth"
STORM = str(ROOT / "build/goprogs/default/storm")
ORDERS = str(ROOT / "build/goprogs/default/orders")
ORDERS_LOAD = str(ROOT / "build/goprogs/default/ordersload")

HITS_PER_ROUND_TRIP = 6  # park, ready and exec on either side
HOT = ("park", "ready", "exec")


def run(*argv, timeout=120, **kwargs):
    result = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                            check=False, **kwargs)
    if result.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, argv))}: status {result.returncode}\n{result.stderr[-2000:]}")
    return result


def storm_command(seconds):
    """One pair of goroutines on one processor: nothing but hand-overs, and the recorder has a CPU of its own."""
    return ["env", "GOMAXPROCS=1", STORM, "-rate", "0", "-pairs", "1", "-duration", f"{seconds}s"]


def round_trip_ns(output):
    return json.loads([line for line in output.splitlines() if '"done"' in line][0])["ns_per_round_trip"]


def events_of(group, names):
    return [argument for name in names for argument in ("-e", f"{group}:{name}")]


# -- nanoseconds a hit


def hit_modes(folder, seconds, groups):
    """name → function that returns ns per round trip."""
    command = storm_command(seconds)

    def bare():
        return round_trip_ns(run(*command).stdout)

    def counted():
        return round_trip_ns(run("perf", "stat", "-o", folder / "stat", *events_of(groups["counted"], HOT), "--", *command).stdout)

    def recorded():
        return round_trip_ns(run(RECORD, "-q", "--force", "-o", folder / "hit.gotape", "--", *command).stdout)

    def perf_entry():
        return round_trip_ns(run("perf", "record", "-q", "-o", folder / "entry.data", *events_of(groups["entries"], HOT), "--",
                                 *command).stdout)

    def perf_same():
        return round_trip_ns(run("perf", "record", "-q", "-o", folder / "same.data", "--user-callchains",
                                 *perf_same_events(groups["same"], HOT), "--", *command).stdout)

    return {"alone": bare, "counting-only uprobes at our sites (the floor)": counted, "gotape-record": recorded,
            "perf record, our sites, values and call chains": perf_same, "perf record, function entries": perf_entry}


def learn_storm(folder):
    with subprocess.Popen([STORM, "-wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as storm:
        storm.stdout.readline()
        try:
            return probes.learn(RECORD, storm.pid, STORM, folder)
        finally:
            storm.terminate()


def perf_same_events(group, names):
    """perf's options for the events as the recorder has them: with call chains where it takes them."""
    return [argument for name in names
            for argument in ("-e", f"{group}:{name}/call-graph={'fp' if name in ('park', 'create', 'ready') else 'no'}/")]


def measure_hits(folder, rounds, seconds):
    ours = learn_storm(folder)
    samples = {}
    with probes.defined(ours) as same, probes.defined(ours.without_values()) as counted, \
            probes.defined(ours.at_entries()) as entries:
        modes = hit_modes(folder, seconds, {"same": same, "counted": counted, "entries": entries})
        for _ in range(rounds):
            for name, measure in modes.items():
                samples.setdefault(name, []).append(measure())
    base = statistics.median(samples["alone"])
    rows = []
    for name, values in samples.items():
        hits = [(v - base) / HITS_PER_ROUND_TRIP for v in values]
        rows.append({"mode": name, "round_trip_ns": statistics.median(values), "hit_ns": statistics.median(hits),
                     "hit_ns_min": min(hits), "hit_ns_max": max(hits)})
    return rows


# -- a service: throughput and bytes an event


class Service:
    """The example service without its slow ledger, so that the processor is the limit."""

    def __enter__(self):
        self.process = subprocess.Popen([ORDERS, "-listen", "127.0.0.1:0", "-ledger", "0"], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.process.stdout.close()

    def load(self, seconds, rate=0):
        result = run(ORDERS_LOAD, "-url", self.url, "-duration", f"{seconds}s", "-customers", "16", "-rate", str(rate), "-json")
        return json.loads(result.stdout)["requests_per_second"]


def attached(command, ready, action):
    """Runs a tool beside an action and stops it by SIGINT; returns the action's result and the tool's messages."""
    with tempfile.TemporaryFile("w+") as messages:
        tool = subprocess.Popen([str(a) for a in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=messages)
        try:
            ready(messages)
            outcome = action()
            tool.send_signal(signal.SIGINT)
            tool.wait(60)
        finally:
            if tool.poll() is None:
                tool.terminate()
                tool.wait(20)
        messages.seek(0)
        return outcome, messages.read()


def when_said(word):
    def ready(messages):
        for _ in range(100):
            messages.seek(0)
            if word in messages.read():
                return
            time.sleep(0.1)
        sys.exit(f"bench: the recorder did not say {word!r}")
    return ready


def after_a_second(_):
    time.sleep(1)


def measure_service(folder, rounds, seconds):
    """Highest throughput alone and recorded; then bytes an event of both tools at the same moderate rate."""
    samples = {"alone": [], "gotape-record": []}
    sizes = {"gotape-record": [], "perf record -z": []}
    for _ in range(rounds):
        with Service() as service:
            samples["alone"].append(service.load(seconds))
            trace = folder / "service.gotape"
            command = [RECORD, "-v", "--force", "-o", trace, "-p", service.process.pid]
            throughput, _ = attached(command, when_said("armed"), lambda: service.load(seconds))
            samples["gotape-record"].append(throughput)
            rate = 0.5 * throughput
            _, told = attached(command, when_said("armed"), lambda: service.load(seconds, rate))
            events = int(re.search(r"([\d,]+) events", told)[1].replace(",", ""))
            sizes["gotape-record"].append((trace.stat().st_size / events, events))
            sizes["perf record -z"].append(perf_bytes(folder, service, seconds, rate))
    throughput = [{"mode": name, "requests_per_second": statistics.median(values), "min": min(values), "max": max(values)}
                  for name, values in samples.items()]
    size = [{"mode": name, "bytes_per_event": statistics.median(b for b, _ in values), "events": sum(n for _, n in values)}
            for name, values in sizes.items()]
    return throughput, size


def perf_bytes(folder, service, seconds, rate):
    """The same definitions, the same thread switches, the same clock, compressed by perf itself."""
    data = folder / "service.data"
    ours = probes.learn(RECORD, service.process.pid, ORDERS, folder)
    with probes.defined(ours) as group:
        command = ["perf", "record", "-q", "-z", "-k", "CLOCK_MONOTONIC", "--user-callchains", "-o", data,
                   *perf_same_events(group, ours.probes), "-e", "sched:sched_switch/call-graph=no/", "-p", service.process.pid]
        attached(command, after_a_second, lambda: service.load(seconds, rate))
    samples = int(re.search(r"SAMPLE events: +(\d+)", run("perf", "report", "--stats", "-i", data).stdout)[1])
    return data.stat().st_size / samples, samples


# -- loading


def measure_load(folder, rounds, events):
    trace, source = folder / "hit.gotape", "the ping-pong recording"
    if os.access(SYNTH, os.X_OK):
        trace, source = folder / "synth.gotape", "trace_synth"
        run(SYNTH, "--events", str(events), "-o", trace)
    rates = []
    count = 0
    for _ in range(rounds):
        began = time.monotonic()
        run(REPLAY, "load", "--force", trace, "-o", folder / "load.db", timeout=600)
        took = time.monotonic() - began
        count = int(run(REPLAY, "sql", folder / "load.db", "SELECT event_count FROM recording", "--format", "csv").stdout.split()[-1])
        rates.append(count / took)
    return {"source": source, "events": count, "events_per_second": statistics.median(rates), "min": min(rates), "max": max(rates)}


# -- the report


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": platform.release(), "perf": run("perf", "--version").stdout.split()[-1],
            "go": json.loads(run(STORM, "-duration", "20ms").stdout)["go"]}


def print_report(report):
    m = report["machine"]
    print(f"\n{m['cpu']}, {m['cpus']} CPUs, Linux {m['kernel']}, {m['go']}, perf {m['perf']}; medians of {report['rounds']} interleaved rounds")
    print(f"\n{'a hit (channel ping-pong, 6 hits a round trip)':<52}{'round trip':>12}{'a hit':>11}   range")
    for row in report["hits"]:
        span = "" if row["mode"] == "alone" else f"   {row['hit_ns_min']:.0f}–{row['hit_ns_max']:.0f}"
        hit = "" if row["mode"] == "alone" else f"{row['hit_ns']:.0f} ns"
        print(f"{row['mode']:<52}{row['round_trip_ns']:>9.0f} ns{hit:>11}{span}")
    print(f"\n{'example service at its limit':<52}{'requests/s':>12}{'':>11}   range")
    for row in report["throughput"]:
        print(f"{row['mode']:<52}{row['requests_per_second']:>12.0f}{'':>11}   {row['min']:.0f}–{row['max']:.0f}")
    print(f"\n{'size (example service, the same probes)':<52}{'bytes/event':>12}{'events':>11}")
    for row in report["size"]:
        print(f"{row['mode']:<52}{row['bytes_per_event']:>12.1f}{row['events']:>11}")
    load = report["load"]
    print(f"\n{'gotape-replay load (' + load['source'] + ')':<52}{load['events_per_second']:>10.0f}/s{load['events']:>11}"
          f"   {load['min']:.0f}–{load['max']:.0f}")


def main():
    parser = argparse.ArgumentParser(prog="tools/bench", description="Costs of recording, side by side with perf in one run.")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default 5)")
    parser.add_argument("--seconds", type=int, default=2, help="length of one measurement (default 2)")
    parser.add_argument("--events", type=int, default=2_000_000, help="events of the synthetic trace that is loaded")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well, - for standard output")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="gotape-bench-") as name:
        folder = pathlib.Path(name)
        hits = measure_hits(folder, options.rounds, options.seconds)
        throughput, size = measure_service(folder, max(1, options.rounds // 2), options.seconds)
        report = {"machine": machine(), "rounds": options.rounds, "hits": hits, "throughput": throughput, "size": size,
                  "load": measure_load(folder, 3, options.events)}
    print_report(report)
    if options.json == "-":
        print(json.dumps(report, indent=2))
    elif options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


main()
