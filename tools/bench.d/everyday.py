"""The everyday case: the service with half a millisecond of work a request, at half of the load that it bears alone. Requests come
at a fixed rate, and the time of each counts from when it was due. The work is bounded in instructions, not in time: more CPU time is
what the tool costs."""

from figure import each, interleave, pick
from programs import Program, Service, recorded, recorder

NAME, TITLE = "everyday", "everyday case: 0.5 ms of work a request, half load"

WORK = ("-work", "500us")
WARM_UP = 0.5
SCHED, BLOCK, GO_TRACE = "gotape-record --detail sched", "gotape-record --detail block", "Go's tracer, to a file"


def highest_rate(seconds):
    with Service(*WORK) as service:
        service.load(WARM_UP)
        return service.load(seconds)["requests_per_second"]


def alone(seconds, rate, *options):
    with Service(*WORK, *options) as service:
        service.load(WARM_UP, rate)
        return service.load(seconds, rate)


def ours(seconds, rate, folder, detail):
    with Service(*WORK) as service:
        service.load(WARM_UP, rate)
        with Program(recorder("-v", "--detail", detail, "-o", folder / "everyday.gotape", "-p", service.pid)) as tool:
            tool.await_words("armed")
            result = service.load(seconds, rate, tool)
            return result | recorded(tool.interrupt().err)


def more(values, base):
    """Per cent above the same round alone."""
    return each(lambda a, b: 100 * (a / b - 1), values, base)


def measure(figure, plan):
    rate = highest_rate(1 if plan.quick else 3) / 2
    seconds = 2 * plan.service_seconds
    modes = {"alone": lambda: alone(seconds, rate),
             SCHED: lambda: ours(seconds, rate, plan.folder, "sched"),
             BLOCK: lambda: ours(seconds, rate, plan.folder, "block"),
             GO_TRACE: lambda: alone(seconds, rate, "-gotrace", plan.folder / "go.trace")}
    samples = interleave(figure, modes, plan.rounds)
    figure.row("rate", [rate], "requests/s")
    for key, what, unit in (("cpu_us_per_request", "CPU of the service", "µs/request"), ("median_ms", "p50", "ms"), ("p99_ms", "p99", "ms")):
        for mode, values in samples.items():
            figure.row(f"{mode}: {what}", pick(values, key), unit)
    for mode in (SCHED, BLOCK):
        figure.row(f"{mode}: CPU of the tool", pick(samples[mode], "tool_us_per_request"), "µs/request")
    for key, what, bound in (("cpu_us_per_request", "CPU of the service", 4), ("p99_ms", "p99", 5)):
        base = pick(samples["alone"], key)
        figure.row(f"{what}: Go's tracer above alone", more(pick(samples[GO_TRACE], key), base), "%")
        figure.goal(f"{what}: sched above alone", more(pick(samples[SCHED], key), base), "<=", bound, "%")
