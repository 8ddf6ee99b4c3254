"""Named queries and commands on a database of ten million events, by queries.py: the shortest of three runs of each, from the start of
the process to its end."""

import json
import sys

from figure import Skipped
from load import load_ours, synthesize
from programs import REPLAY, ROOT, run

NAME, TITLE = "asking", "named queries on a database of 10 million events"

SCRIPT = ROOT / "tools/bench.d/queries.py"


def measure(figure, plan):
    if not SCRIPT.exists():
        raise Skipped("tools/bench.d/queries.py is not there")
    synthesize(plan.folder, "asked", 1_000_000 if plan.quick else 10_000_000)
    loaded = load_ours(plan.folder, "asked")
    times = plan.folder / "queries.json"
    run(sys.executable, "-B", SCRIPT, plan.folder / "asked.db", "--rounds", "3", "--replay", REPLAY, "--json", times, timeout=600)
    rows = json.loads(times.read_text(encoding="utf-8"))
    figure.row("events", [loaded["events"]], "")
    for row in [row for row in rows if not row["rows"]][:8]:
        figure.row(row["query"], [row["ms"]], "ms")
    figure.row(f"queries, of which the slowest are above: {len(rows)}, median", [sorted(r["ms"] for r in rows)[len(rows) // 2]], "ms")
    if plan.quick:
        figure.note("--quick asks a database of 1 million events")
    for row in rows:
        if row["rows"]:
            figure.row(f"{row['query']}: a row, of {row['rows']}", [row["ms"] * 1e3 / row["rows"]], "us")
    figure.note("what prints all of its rows is told a row; the goal is for what prints the first twenty")
    figure.goal("the slowest query", [max(row["ms"] for row in rows if not row["rows"])], "<=", 200, "ms")
