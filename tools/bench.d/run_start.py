#!/usr/bin/env python3
"""How well is the start of a run inferred where no probe tells it (gotape-record --detail block)?

    tools/bench.d/run_start.py TRACE...

Each TRACE was recorded with --detail sched, which tells every start. It is loaded twice: as it is, and as a copy without its exec
events. Each inferred start is compared with the one that was seen; printed are the errors, and how often the true start lay outside
of the bound that the database gives.
"""

import bisect
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPLAY = str(ROOT / "build/release/replay/gotape-replay")
FROM_TEXT = str(ROOT / "build/release/tools/trace_from_text")
GOOD_ENOUGH_NS = 20_000
SHOW = os.environ.get("SHOW")  # so many of the worst


def run(*argv, fine=(0,), **kwargs):
    status = subprocess.run([str(a) for a in argv], check=False, **kwargs).returncode
    if status not in fine:
        sys.exit(f"{argv}: status {status}")


def without_exec(trace, target):
    """The same trace as if --detail block had made it: no exec event, none of labels."""
    text = target.with_suffix(".txt")
    with open(text, "wb") as out:
        dump = subprocess.Popen([REPLAY, "dump", "--whole", str(trace)], stdout=subprocess.PIPE)
        for line in dump.stdout:
            if line.startswith(b"meta record.detail "):
                line = b"meta record.detail block\n"
            elif line.startswith(b"meta probe.exec"):
                continue
            words = line.split(b" ", 4)
            if len(words) > 3 and words[3].strip() in (b"exec", b"labels") and words[0].isdigit():
                continue
            out.write(line)
        if dump.wait() != 0:
            sys.exit(f"{trace}: gotape-replay dump failed")
    run(FROM_TEXT, text, target)
    text.unlink()


def runs(database):
    """(goid, moment the run ended) → (when it began, bound). What ends a run is there in both databases; what began it is the
    transition before that leads to running."""
    connection = sqlite3.connect(database)
    names = {row[1] for row in connection.execute("SELECT * FROM pragma_table_info('transition')")}
    bound = "bound_ns" if "bound_ns" in names else "NULL"
    states = dict(connection.execute("SELECT name, id FROM state"))
    found, began = {}, {}
    for time_ns, goid, before, after, flags, bound_ns in connection.execute(
            f"SELECT time_ns, goid, from_state, to_state, flags, {bound} FROM transition ORDER BY goid, time_ns, id"):
        if after == states["running"]:
            began[goid] = (time_ns, bound_ns, flags)
        elif before == states["running"] and goid in began:
            found[goid, time_ns] = began.pop(goid)
    anomalies = connection.execute("SELECT count(*) FROM anomaly").fetchone()[0]
    return found, anomalies


def percentile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))]


def compare(trace, folder):
    block = folder / "block.gotape"
    without_exec(trace, block)
    for name, source in (("seen", trace), ("inferred", block)):
        run(REPLAY, "load", "--force", source, "-o", folder / f"{name}.db", fine=(0, 3), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen, anomalies = runs(folder / "seen.db")
    inferred, anomalies_inferred = runs(folder / "inferred.db")
    common = seen.keys() & inferred.keys()
    differences = sorted(seen[key][0] - inferred[key][0] for key in common if inferred[key][2] & 2)
    errors = sorted(abs(d) for d in differences)
    if not errors:
        sys.exit(f"{trace}: nothing to compare")
    slices = sorted(end - seen[goid, end][0] for goid, end in common)
    within = bisect.bisect_right(errors, GOOD_ENOUGH_NS) / len(errors)
    bounds = [key for key in common if inferred[key][1] is not None]
    outside = sum(not -1000 <= seen[key][0] - inferred[key][0] <= inferred[key][1] + 1000 for key in bounds)
    print(f"{trace}: {len(seen)} runs seen, {len(inferred)} told without exec events, {len(common)} the same"
          f"\n  median slice {percentile(slices, 0.5) / 1000:.2f} us"
          f"\n  error of an inferred start: median {percentile(errors, 0.5) / 1000:.2f} us, 90 % {percentile(errors, 0.9) / 1000:.2f},"
          f" 99 % {percentile(errors, 0.99) / 1000:.2f}, 99.9 % {percentile(errors, 0.999) / 1000:.2f}, most {errors[-1] / 1000:.0f} us"
          f"\n  within {GOOD_ENOUGH_NS // 1000} us: {100 * within:.2f} %; too late: {sum(d < -1000 for d in differences)}"
          f"\n  true start outside of the bound: {outside} of {len(bounds)}; anomalies {anomalies} and {anomalies_inferred}")
    worst = sorted((k for k in common if inferred[k][2] & 2), key=lambda k: seen[k][0] - inferred[k][0])[-int(SHOW):] if SHOW else []
    for goid, end in worst:
        print(f"  goroutine {goid}: seen {seen[goid, end][0]}, inferred {inferred[goid, end][0]}, ended {end}")


def main():
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    for trace in sys.argv[1:]:
        with tempfile.TemporaryDirectory(prefix="gotape-run-start-") as folder:
            compare(pathlib.Path(trace), pathlib.Path(folder))


if __name__ == "__main__":
    main()
