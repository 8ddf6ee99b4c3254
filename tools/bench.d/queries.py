#!/usr/bin/env python3
"""Times every named query and command of gotape-replay on a database, and prints the slowest first.

usage: tools/bench.d/queries.py DATABASE [--limit-ms 200] [--rounds 3] [--json FILE] [--replay PROGRAM]

A figure is the shortest of the rounds: from the start of the process to its end, so it includes opening and checking the
database. Goroutines, channels, places and times to ask about are taken from the database itself: the busiest, and one in the
middle. Beside the time on the clock stands the CPU time, which other programs on the machine disturb less. What prints all of its
rows (--limit=0) takes its time for each row: it is told a row, and not held against the limit.
"""

import argparse
import json
import pathlib
import resource
import sqlite3
import subprocess
import sys
import time

TIMEOUT_S = 10
ROOT = pathlib.Path(__file__).resolve().parents[2]


def value(db, sql):
    row = db.execute(sql).fetchone()
    return row[0] if row else None


def questions(path):
    """Commands with arguments, as lists of words."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    start, end = db.execute("SELECT start_ns, end_ns FROM recording").fetchone()
    middle = (end - start) / 2e9
    busy = value(db, "SELECT goid FROM goroutine WHERE is_system = 0 ORDER BY wait_count DESC LIMIT 1")
    some = value(db, "SELECT goid FROM goroutine WHERE is_system = 0 AND wait_count > 0 LIMIT 1 OFFSET"
                     " (SELECT count(*) / 2 FROM goroutine WHERE is_system = 0 AND wait_count > 0)")
    chan = value(db, "SELECT printf('0x%x', addr) FROM object WHERE kind = 'chan' LIMIT 1")
    element = value(db, "SELECT type FROM object WHERE kind = 'chan' AND type IS NOT NULL GROUP BY type ORDER BY count(*) LIMIT 1")
    label = value(db, "SELECT key || '=' || value FROM labels, json_each(labels.json) LIMIT 1")
    span = [f"--since={middle:.6f}s", f"--until={middle + 0.1:.6f}s"]
    listed = [[""], ["info"], ["who-blocked"], ["who-blocked", "--all"], ["who-blocked", "--by=site"], ["who-blocked", "--by=goroutine"],
              ["who-blocked", "--reason=mutex"], ["who-blocked", *span], ["leaks"], ["leaks", "--by=goroutine"], ["locks"],
              ["locks", "--by=site"], ["locks", "--by=holder"], ["chans"], ["chans", *span], ["goroutines"], ["goroutines", "--limit=0"],
              ["syscalls"], ["syscalls", "--by=name"], ["syscalls", "--by=site"], ["syscalls", "--by=goroutine"], ["threads"],
              ["gc"], ["stw"], ["stw", "--by=reason"], ["contexts"], ["contexts", "--ignored"], ["spans"], ["snapshots"]]
    for goid in {busy, some} - {None}:
        listed += [["why", goid], ["goroutine", goid], ["goroutine", goid, *span]]
    if chan:
        listed += [["who-blocked", f"--chan={chan}"]]
    if element:
        listed += [["who-blocked", f"--chan={element}"], ["who-blocked", f"--chan={element}", "--by=site"]]
    if label:
        listed += [["who-blocked", f"--label={label}"]]
    return [[str(word) for word in words] for words in listed]


def run(program, path, words):
    command = [program, str(path)] if words == [""] else [program, words[0], str(path), *words[1:]]
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        result = subprocess.run(command, capture_output=True, check=False, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        result = subprocess.CompletedProcess(command, f"given up after {TIMEOUT_S} s", "", "")
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall * 1e3, cpu * 1e3, result


def is_over(row, limit_ms):
    return row["ms"] > limit_ms and not row["rows"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=pathlib.Path)
    parser.add_argument("--limit-ms", type=float, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--replay", default=str(ROOT / "build/release/replay/gotape-replay"))
    options = parser.parse_args()
    rows = []
    for words in questions(options.database):
        runs = [run(options.replay, options.database, words)]
        # What is slow is not worth waiting for again.
        while len(runs) < options.rounds and runs[-1][0] < 2000:
            runs.append(run(options.replay, options.database, words))
        status = runs[0][2].returncode
        is_whole = "--limit=0" in words
        if status == 2:
            print(f"not asked: {' '.join(words)}: {runs[0][2].stderr.strip()}", file=sys.stderr)
            continue
        rows.append({"query": " ".join(words).strip() or "(summary)", "ms": min(ms for ms, _, _ in runs),
                     "cpu_ms": min(cpu for _, cpu, _ in runs), "status": status,
                     "rows": runs[0][2].stdout.count("\n") if is_whole else None})
    rows.sort(key=lambda row: -row["ms"])
    for row in rows:
        mark = "  over" if is_over(row, options.limit_ms) else ""
        if row["rows"]:
            mark = f"  {row['rows']} rows, {row['ms'] * 1e3 / row['rows']:.1f} us each"
        note = f"  status {row['status']}" if row["status"] else ""
        print(f"{row['ms']:10.1f} ms {row['cpu_ms']:10.1f} ms CPU  {row['query']}{note}{mark}")
    over = sum(is_over(row, options.limit_ms) for row in rows)
    print(f"{len(rows)} queries, {over} over {options.limit_ms:g} ms")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
