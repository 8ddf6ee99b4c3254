"""Costs of recording, measured side by side with peers: see tools/bench. Each figure is a module with NAME, TITLE and
measure(figure, plan); what they share is in figure.py, programs.py and probes.py."""

import argparse
import importlib
import importlib.util
import json
import pathlib
import signal
import sys
import tempfile
import time
import traceback

import report
from figure import Failed, Figure, Skipped
from programs import ROOT

FIGURES = ("hit", "worst", "everyday", "budget", "size", "load", "asking")


class Plan:
    """How thorough this run is."""

    def __init__(self, options, folder):
        self.quick, self.large, self.folder = options.quick, options.large, folder
        self.rounds = options.rounds or (2 if options.quick else 5)
        self.seconds = options.seconds or (0.3 if options.quick else 1.5)  # one measurement of a hit
        self.service_seconds = options.seconds or (1 if options.quick else 4)  # one measurement of a service


def parse():
    names = [name for name in FIGURES if importlib.util.find_spec(name)]
    parser = argparse.ArgumentParser(
        prog="tools/bench", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures what recording costs, how large the files are and how fast they load, each beside its peers in the\n"
                    "same run (perf, bpftrace, trace-cmd, Go's tracer and its viewer, SQLite), and holds the goals against it.",
        epilog="Figures:\n"
               + "".join(f"  {name:<10} {importlib.import_module(name).TITLE}\n" for name in names) +
               "\nExamples:\n"
               "  sudo tools/bench                        everything, about 20 minutes on a quiet machine\n"
               "  sudo tools/bench --quick                the same in about 3 minutes: are the goals near?\n"
               "  sudo tools/bench --only hit --only size while working on one thing\n\n"
               "Exit status: 0 when everything was measured (whether or not goals are missed), 1 when a measurement failed.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--only", action="append", choices=names, metavar="FIGURE", help="only this figure; may be repeated")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (default 5; 2 with --quick)")
    parser.add_argument("--seconds", type=float, help="length of one measurement (default: 1.5 a hit, 4 a service)")
    parser.add_argument("--large", action="store_true", help="also load a trace of 100 million events (needs 5 GB and minutes)")
    parser.add_argument("--json", metavar="FILE", default=str(ROOT / "build/bench.json"),
                        help="where the figures go as JSON (default build/bench.json), - for standard output")
    options = parser.parse_args()
    options.only = [name for name in names if not options.only or name in options.only]
    return options


def measure(name, plan):
    module = importlib.import_module(name)
    figure = Figure(name, module.TITLE)
    began = time.monotonic()
    try:
        module.measure(figure, plan)
    except Skipped as reason:
        figure.skip("the whole figure", reason)
    except (Failed, OSError, ValueError, KeyError, IndexError) as reason:
        figure.fail("the whole figure", reason if isinstance(reason, Failed) else traceback.format_exc(limit=-3))
    return {**figure.as_json(), "seconds": time.monotonic() - began}


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    whole = {"machine": report.machine(), "quick": options.quick, "figures": []}
    # Standard output belongs to the JSON when it is wanted there.
    text = sys.stderr if options.json == "-" else sys.stdout
    out, sys.stdout = sys.stdout, text
    report.print_head(whole)
    with tempfile.TemporaryDirectory(prefix="gotape-bench-", dir=ROOT / "build") as folder:
        plan = Plan(options, pathlib.Path(folder))
        for name in options.only:
            whole["figures"].append(measure(name, plan))
            report.print_figure(whole["figures"][-1])
            sys.stdout.flush()
    whole["seconds"] = time.monotonic() - began
    report.print_tail(whole)
    if options.json == "-":
        json.dump(whole, out, indent=1)
    else:
        pathlib.Path(options.json).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
        print(f"figures as JSON: {options.json}")
    return 1 if any(figure["failed"] for figure in whole["figures"]) else 0


sys.exit(main())
