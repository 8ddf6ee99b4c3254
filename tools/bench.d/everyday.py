"""The everyday case: the service with half a millisecond of work a request, at half of the load that it bears alone. Requests come
at a fixed rate, and the time of each counts from when it was due. The work is bounded in instructions, not in time: more CPU time is
what the tool costs."""

from figure import each, interleave, pick
from programs import Program, Service, recorded, recorder

NAME, TITLE = "everyday", "everyday case: 0.5 ms of work a request, half load"

WORK_NS = 500_000
WARM_UP = 0.5
SCHED, BLOCK, GO_TRACE = "gotape-record --detail sched", "gotape-record --detail block", "Go's tracer, to a file"


class Everyday:
    """The service with a fixed amount of work, found once, so that it is the same in each process."""

    def __init__(self, folder, seconds):
        self.folder, self.seconds = folder, seconds
        guess = 20
        with Service("-steps", str(guess)) as service:
            service.load(WARM_UP)
            each_step_us = service.load(1, 200)["cpu_us_per_request"] / guess
        self.work = ("-steps", str(max(1, round(WORK_NS / 1e3 / each_step_us))))
        with Service(*self.work) as service:
            service.load(WARM_UP)
            self.rate = service.load(max(1, seconds / 3))["requests_per_second"] / 2

    def alone(self, *options):
        with Service(*self.work, *options) as service:
            service.load(WARM_UP, self.rate)
            return service.load(self.seconds, self.rate)

    def ours(self, detail):
        with Service(*self.work) as service:
            service.load(WARM_UP, self.rate)
            with Program(recorder("-v", "--detail", detail, "-o", self.folder / "everyday.gotape", "-p", service.pid)) as tool:
                tool.await_words("armed")
                result = service.load(self.seconds, self.rate, tool)
                return result | recorded(tool.interrupt().err)


def more(values, base):
    """Per cent above the same round alone."""
    return each(lambda a, b: 100 * (a / b - 1), values, base)


def measure(figure, plan):
    everyday = Everyday(plan.folder, 2 * plan.service_seconds)
    modes = {"alone": everyday.alone, SCHED: lambda: everyday.ours("sched"), BLOCK: lambda: everyday.ours("block"),
             GO_TRACE: lambda: everyday.alone("-gotrace", plan.folder / "go.trace")}
    samples = interleave(figure, modes, plan.rounds)
    figure.row("rate", [everyday.rate], "requests/s")
    for key, what, unit in (("cpu_us_per_request", "CPU of the service", "µs/request"), ("median_ms", "p50", "ms"), ("p99_ms", "p99", "ms")):
        for mode, values in samples.items():
            figure.row(f"{mode}: {what}", pick(values, key), unit)
    for mode in (SCHED, BLOCK):
        figure.row(f"{mode}: CPU of the tool", pick(samples[mode], "tool_us_per_request"), "µs/request")
    for key, what, bound in (("cpu_us_per_request", "CPU of the service", 4), ("p99_ms", "p99", 5)):
        base = pick(samples["alone"], key)
        figure.row(f"{what}: Go's tracer above alone", more(pick(samples[GO_TRACE], key), base), "%")
        figure.goal(f"{what}: sched above alone", more(pick(samples[SCHED], key), base), "<=", bound, "%")
