"""Bytes and CPU time an event and a request. The same service gets the same moderate load from one mode to the next; perf and
trace-cmd have the recorder's probes with its values, perf its call chains and thread switches too. What a tool uses to begin and
to end is measured beside an idle service, and taken off."""

import os
import pathlib
import statistics

import probes
from figure import Failed, Skipped, each, interleave, ratio
from programs import Program, Service, await_perf, go_events, need, perf_samples, recorded, recorder, run
from worst import WARM_UP, learn, note_losses, perf_command

NAME, TITLE = "size", "bytes and recorder's CPU an event (the same service at half of the load that it bears while recorded)"

SCHED, BLOCK, PERF = "gotape-record --detail sched", "gotape-record --detail block", "perf record -z"
TRACE_CMD, GO_TRACE = "trace-cmd", "Go's tracer, then zstd -3"
INSTANCE = f"gotape_bench_{os.getpid()}"


def size_of(path):
    return path.stat().st_size


def ours(service, load, folder, detail):
    trace = folder / "size.gotape"
    with Program(recorder("-v", "--detail", detail, "-o", trace, "-p", service.pid)) as tool:
        tool.await_words("armed")
        result = load()
        usage = tool.interrupt()
    return result | recorded(usage.err) | {"bytes": size_of(trace), "cpu": usage.cpu}


def perf(service, load, folder, group, names):
    data = folder / "size.data"
    command = perf_command(data, group, names, service.pid)
    command[command.index("-q"):command.index("-q") + 1] = ["-q", "-z"]
    with Program(command) as tool:
        await_perf(tool)
        result = load()
        usage = tool.interrupt()
    return result | perf_samples(data) | {"bytes": size_of(data), "cpu": usage.cpu}


def trace_cmd(service, load, folder, group, names):
    """In a trace instance of its own. The file has the same values, but no call chains, since the kernel's tracer has none of
    user stacks here; thread switches belong to it."""
    data = folder / "size.dat"
    threads = [word for tid in os.listdir(f"/proc/{service.pid}/task") for word in ("-P", tid)]
    events = probes.perf_events(group, names)
    command = [need("trace-cmd"), "record", "-q", "-B", INSTANCE, *events, "-e", "sched:sched_switch", *threads, "-c", "-C", "mono",
               "-o", data]
    instance = pathlib.Path(probes.TRACEFS) / "instances" / INSTANCE
    try:
        with Program(command) as tool:
            try:
                tool.await_words("Hit Ctrl^C")
            except Failed as reason:
                raise Skipped(f"trace-cmd does not work here: {' '.join(tool.said().split())}") from reason
            result = load()
            usage = tool.interrupt()
    finally:
        if instance.exists():
            instance.rmdir()
    # Its report has a line for each event.
    lines = run("sh", "-c", 'trace-cmd report -i "$1" | grep -c -v -e "^cpus=" -e "^version"', "count", data).out
    return result | {"bytes": size_of(data), "cpu": usage.cpu, "events": int(lines), "lost": 0}


def go_trace(seconds, rate, folder):
    raw, packed = folder / "size.trace", folder / "size.trace.zst"
    with Service("-gotrace", raw) as service:
        result = service.load(seconds, rate)
        service.stop()
    run(need("zstd"), "-q", "-3", "-f", raw, "-o", packed)
    return result | {"bytes": size_of(packed), "events": go_events(raw), "cpu": None, "lost": 0}


def on_service(function, seconds, rate, *arguments):
    """One mode under load, with a fresh service; without a rate the service stays idle for a moment."""
    with Service() as service:
        service.load(WARM_UP)
        if rate:
            return function(service, lambda: service.load(seconds, rate), *arguments)
        return function(service, lambda: {"requests": 0}, *arguments)


def moderate_rate(folder, seconds):
    with Service() as service:
        service.load(WARM_UP)
        return ours(service, lambda: service.load(seconds), folder, "sched")["requests_per_second"] / 2


def above_idle(samples, idle):
    """CPU an event in µs, without what beginning and ending take; None where the difference drowns in that."""
    base = [i["cpu"] for i in idle if i]
    if not base:
        return [None] * len(samples)
    cost = each(lambda s: (s["cpu"] - statistics.median(base)) / s["events"] * 1e6, samples)
    return [c if c is not None and c > 0 else None for c in cost]


def measure(figure, plan):
    probe_set = learn(plan.folder, "--detail", "sched")
    names = list(probe_set.probes)
    seconds, folder = 2 * plan.service_seconds, plan.folder
    rate = moderate_rate(folder, 1 if plan.quick else 3)
    with probes.defined(probe_set) as full:
        tools = {SCHED: (ours, folder, "sched"), BLOCK: (ours, folder, "block"), PERF: (perf, folder, full, names),
                 TRACE_CMD: (trace_cmd, folder, full, names)}
        modes = {mode: lambda t=t: on_service(t[0], seconds, rate, *t[1:]) for mode, t in tools.items()}
        modes |= {f"{mode}, idle": lambda t=t: on_service(t[0], seconds, 0, *t[1:]) for mode, t in tools.items() if mode != TRACE_CMD}
        modes[GO_TRACE] = lambda: go_trace(seconds, rate, folder)
        samples = interleave(figure, modes, plan.rounds)
    if not any(samples[SCHED]):
        raise Failed("nothing was recorded")
    report(figure, samples, rate)


def report(figure, samples, rate):
    measured = (SCHED, BLOCK, PERF, TRACE_CMD, GO_TRACE)
    figure.row("rate", [rate], "requests/s")
    per_event, per_request, cpu = {}, {}, {}
    for mode in measured:
        per_event[mode] = each(lambda s: s["bytes"] / s["events"], samples[mode])
        per_request[mode] = each(lambda s: s["bytes"] / s["requests"], samples[mode])
    for mode in (SCHED, BLOCK, PERF):
        cpu[mode] = above_idle(samples[mode], samples[f"{mode}, idle"])
    for mode in measured:
        figure.row(f"{mode}: bytes", per_event[mode], "an event")
        figure.row(f"{mode}: bytes", per_request[mode], "a request")
        figure.row(f"{mode}: events", each(lambda s: s["events"] / s["requests"], samples[mode]), "a request")
    for mode, values in cpu.items():
        figure.row(f"{mode}: CPU of the tool", values, "µs/event")
    figure.goal("bytes an event, sched", per_event[SCHED], "<=", 3, "bytes")
    figure.goal("bytes an event, block", per_event[BLOCK], "<=", 3, "bytes")
    figure.goal("bytes an event: sched / perf record -z", ratio(per_event[SCHED], per_event[PERF]), "<=", 0.5)
    figure.goal("bytes a request: sched / Go's trace after zstd -3", ratio(per_request[SCHED], per_request[GO_TRACE]), "<=", 1)
    figure.goal("bytes a request: block / Go's trace after zstd -3", ratio(per_request[BLOCK], per_request[GO_TRACE]), "<=", 1)
    figure.goal("recorder's CPU an event: sched / perf record -z", ratio(cpu[SCHED], cpu[PERF]), "<=", 1)
    figure.goal("recorder's CPU an event: sched / perf record -z, the further goal", ratio(cpu[SCHED], cpu[PERF]), "<=", 0.5)
    note_losses(figure, samples, (SCHED, BLOCK, PERF))
    figure.note("trace-cmd's events have no call chains; Go's tracer has no objects, and stacks of its own choice")
