"""The report: facts of the machine, and the figures as text."""

import datetime
import os
import platform
import re
import shutil
import subprocess

from figure import Failed
from programs import RECORD, goprog, run

RELATIONS = {"<=": "≤", ">=": "≥"}


def version_of(*command):
    if not shutil.which(command[0]):
        return None
    result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    match = re.search(r"\d+\.\d[\w.]*", result.stdout + result.stderr)
    return match[0] if match else None


def go_version():
    try:
        with open(goprog("storm"), "rb") as program:
            match = re.search(rb"go1\.\d+[\w.]*", program.read())
    except OSError:
        return None
    return match[0].decode() if match else None


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), platform.machine())
    try:
        ours = run(RECORD, "--version").out.split()[-1]
    except Failed:
        ours = None
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": platform.release(), "gotape": ours, "go": go_version(),
            "perf": version_of("perf", "--version"), "bpftrace": version_of("bpftrace", "--version"),
            "trace-cmd": version_of("trace-cmd", "--version"), "load_average": os.getloadavg()[0],
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")}


def number(value):
    """Four digits are enough: 12,345 · 1,234 · 12.34 · 0.1234."""
    size = abs(value)
    for limit, digits in ((100, 0), (10, 1), (1, 2)):
        if size >= limit:
            return f"{value:,.{digits}f}"
    return f"{value:.3g}" if value else "0"


def span(row):
    return f"{number(row['min'])} – {number(row['max'])}" if len(row["values"]) > 1 else ""


def print_goal(goal):
    bound = f"{RELATIONS[goal['relation']]} {goal['bound']:g} {goal['unit']}"
    if goal["outcome"] == "skipped":
        print(f"  {'skipped':<8}{goal['what']:<66}{'':>14}   goal {bound}")
    else:
        measured = f"{number(goal['median'])} {goal['unit']}"
        print(f"  {goal['outcome']:<8}{goal['what']:<66}{measured:>14}   goal {bound:<18} {span(goal)}")


def print_figure(figure):
    print(f"\n{figure['name']}: {figure['title']}")
    for row in figure["rows"]:
        print(f"  {row['what']:<66}{number(row['median']):>12} {row['unit']:<14} {span(row)}")
    for goal in figure["goals"]:
        print_goal(goal)
    for kind in ("skipped", "failed"):
        for item in figure[kind]:
            print(f"  {kind}: {item['what']}: {item['reason']}")
    for note in figure["notes"]:
        print(f"  ({note})")


def print_head(report):
    m = report["machine"]
    peers = ", ".join(f"{name} {m[name]}" for name in ("perf", "bpftrace", "trace-cmd") if m[name])
    print(f"\n{m['cpu']}, {m['cpus']} CPUs, Linux {m['kernel']}, {m['go']}, gotape {m['gotape']}, {peers}; {m['date']}")
    if m["load_average"] > 0.5:
        print(f"The machine was not quiet when this began (load average {m['load_average']:.1f}): the figures are doubtful.")
    print("Medians of interleaved rounds, with their range; a ratio is taken within each round.")


def print_tail(report):
    goals = [goal for figure in report["figures"] for goal in figure["goals"]]
    counts = {outcome: sum(goal["outcome"] == outcome for goal in goals) for outcome in ("ok", "missed", "skipped")}
    failed = sum(len(figure["failed"]) for figure in report["figures"])
    print(f"\n{counts['ok']} goals reached, {counts['missed']} missed, {counts['skipped']} not measured"
          + (f"; {failed} measurements failed" if failed else "") + f"; {report['seconds']:.0f} s")
