"""The worst case: an HTTP service with next to no work a request, driven to its limit. Each measurement has a fresh service, and a
client in a process of its own on the same machine, so that the two share its processors as alone."""

import probes
from figure import Failed, each, interleave, pick, ratio
from programs import RECORD, RING_PAGES, Program, Service, await_perf, goprog, need, perf_samples, recorded, recorder, run

NAME, TITLE = "worst", "worst case: HTTP service with next to no work a request, at its limit"

WARM_UP = 0.4  # seconds
SCHED, BLOCK = "gotape-record --detail sched", "gotape-record --detail block"
SCOPE = f"{SCHED} --scope cpu"
COUNTED, PERF, GO_TRACE = "counting-only, probes of sched", "perf record, probes of sched", "Go's tracer, to a file"


def learn(folder, *options):
    """The probes that a recorder with these options arms in the service."""
    with Service() as service:
        return probes.learn(recorder("-v", *options, "-o", folder / "learn.gotape", "-p", service.pid), service.pid, goprog("hello"))


def alone(seconds):
    with Service() as service:
        service.load(WARM_UP)
        return service.load(seconds)


def go_traced(seconds, folder):
    with Service("-gotrace", folder / "go.trace") as service:
        service.load(WARM_UP)
        return service.load(seconds)


def ours(seconds, folder, *options):
    """With what the recorder says of events and losses."""
    with Service() as service:
        service.load(WARM_UP)
        with Program(recorder("-v", *options, "-o", folder / "service.gotape", "-p", service.pid)) as tool:
            tool.await_words("armed")
            result = service.load(seconds, tool=tool)
            return result | recorded(tool.interrupt().err)


def scope_modes(seconds, folder):
    """With events that belong to CPUs instead of threads, where the recorder has that."""
    if "--scope" not in run(RECORD, "--help").out:
        return {}
    return {SCOPE: lambda: ours(seconds, folder, "--detail", "sched", "--scope", "cpu")}


def counted(seconds, folder, group, names):
    with Service() as service:
        service.load(WARM_UP)
        command = [need("perf"), "stat", "-o", folder / "stat", *probes.perf_events(group, names), "-p", service.pid]
        with Program(command) as tool:
            await_perf(tool)
            result = service.load(seconds)
            tool.interrupt()
            return result


def perf_command(data, group, names, pid):
    """The same probes with the same values and call chains, the same thread switches, the same clock, rings of the same size."""
    return [need("perf"), "record", "-q", "-B", "-N", "-m", RING_PAGES, "-k", "CLOCK_MONOTONIC", "--user-callchains", "-o", data,
            *probes.perf_sampled_events(group, names), "-e", "sched:sched_switch/call-graph=no/", "-p", pid]


def perf_recorded(seconds, folder, group, names):
    data = folder / "service.data"
    with Service() as service:
        service.load(WARM_UP)
        with Program(perf_command(data, group, names, service.pid)) as tool:
            await_perf(tool)
            result = service.load(seconds, tool=tool)
            tool.interrupt()
    return result | perf_samples(data)


def note_losses(figure, samples, modes):
    for mode in modes:
        lost = [s["lost"] / max(1, s["lost"] + s["events"]) for s in samples[mode] if s]
        if any(lost):
            figure.note(f"{mode}: up to {max(lost) * 100:.1f} % of the events of a round were lost")


def measure(figure, plan):
    probe_set = learn(plan.folder, "--detail", "sched")
    names = list(probe_set.probes)
    seconds = plan.service_seconds
    with probes.defined(probe_set) as full, probes.defined(probe_set.without_values()) as bare:
        modes = {"alone": lambda: alone(seconds),
                 COUNTED: lambda: counted(seconds, plan.folder, bare, names),
                 SCHED: lambda: ours(seconds, plan.folder, "--detail", "sched"),
                 BLOCK: lambda: ours(seconds, plan.folder, "--detail", "block"),
                 **scope_modes(seconds, plan.folder),
                 PERF: lambda: perf_recorded(seconds, plan.folder, full, names),
                 GO_TRACE: lambda: go_traced(seconds, plan.folder)}
        samples = interleave(figure, modes, plan.rounds)
    if not any(samples["alone"]):
        raise Failed("the service gave no figures")
    rates = {mode: pick(values, "requests_per_second") for mode, values in samples.items()}
    for mode, values in rates.items():
        figure.row(mode, values, "requests/s")
    for mode, values in samples.items():
        figure.row(f"{mode}: CPU of the service", pick(values, "cpu_us_per_request"), "µs/request")
    for mode in (SCHED, BLOCK, *([SCOPE] if SCOPE in samples else []), PERF):
        figure.row(f"{mode}: CPU of the tool", pick(samples[mode], "tool_us_per_request"), "µs/request")
        figure.row(f"{mode}: events", each(lambda s: (s["events"] + s["lost"]) / s["requests"], samples[mode]), "a request")
    figure.goal("requests/s: sched / counting-only", each(lambda a, b: 100 * a / b, rates[SCHED], rates[COUNTED]), ">=", 90, "%")
    figure.goal("requests/s: sched / perf record", ratio(rates[SCHED], rates[PERF]), ">=", 1.4)
    figure.goal("requests/s: block / counting-only of the probes of sched", each(lambda a, b: 100 * a / b, rates[BLOCK], rates[COUNTED]),
                ">=", 95, "%")
    note_losses(figure, samples, (SCHED, BLOCK, PERF))
