"""The worst case with a budget: what the program loses once the recorder has thinned out, and what the trace says of it."""

import re

from figure import Skipped, each, interleave, pick
from programs import RECORD, REPLAY, Program, Service, recorder, run
from worst import WARM_UP, alone

NAME, TITLE = "budget", "the worst case with --budget 5%,10%"

BUDGET = "5%,10%"
OURS = f"gotape-record --budget {BUDGET}"


def with_budget(seconds, settle, folder):
    """Measured after the recorder had some seconds to notice."""
    trace = folder / "budget.gotape"
    with Service() as service:
        service.load(WARM_UP)
        with Program(recorder("-v", "--budget", BUDGET, "-o", trace, "-p", service.pid)) as tool:
            tool.await_words("armed")
            service.load(settle)
            result = service.load(seconds)
            told = tool.interrupt().err
    own = re.search(r"^cost: about ([\d.]+) %", told, re.MULTILINE)
    return result | {"told": [line for line in told.splitlines() if re.search(r"budget|goes on|all of the time|short windows|^cost:", line)],
                     "steps": steps_in(trace), "own_share": float(own[1]) if own else None}


def steps_in(trace):
    """Events of the trace that tell a step of the budget."""
    return int(run("sh", "-c", '"$1" dump "$2" | grep -cE "^[0-9]+( [a-z]+=[^ ]+)* budget " || :', "count", REPLAY, trace).out)


def measure(figure, plan):
    if "--budget" not in run(RECORD, "--help").out:
        raise Skipped("this recorder has no --budget yet")
    seconds, settle = max(3, plan.service_seconds), 3 if plan.quick else 6
    modes = {"alone": lambda: alone(seconds), OURS: lambda: with_budget(seconds, settle, plan.folder)}
    samples = interleave(figure, modes, min(3, plan.rounds))
    for mode, values in samples.items():
        figure.row(mode, pick(values, "requests_per_second"), "requests/s")
        figure.row(f"{mode}: CPU of the service", pick(values, "cpu_us_per_request"), "µs/request")
    lost = each(lambda a, b: 100 * (1 - a["requests_per_second"] / b["requests_per_second"]), samples[OURS], samples["alone"])
    dearer = each(lambda a, b: 100 * (1 - b["cpu_us_per_request"] / a["cpu_us_per_request"]), samples[OURS], samples["alone"])
    figure.goal("share of the service's CPU time that is the recording's, once thinned", dearer, "<=", 10, "%")
    figure.goal("requests/s below alone, once thinned", lost, "<=", 10, "%")
    told = [values["told"] for values in samples[OURS] if values]
    figure.row("the same share as the recorder tells it, thinned or not", pick(samples[OURS], "own_share"), "%")
    figure.goal("steps that the trace tells", pick(samples[OURS], "steps"), ">=", 1, "events")
    for line in told[-1] if told else []:
        figure.note(line)
