"""Adds up what tests/run ran: steps (a line each: outcome, tab, name) and the JUnit reports of ctest and pytest.

Prints failures, the reasons of skipped tests, and last "N passed, N failed[, N skipped]". Exits 1 when anything failed or
nothing passed.
"""

import collections
import glob
import os
import sys
import xml.etree.ElementTree as xml


def outcomes(steps_path, results_dir):
    """Yields (outcome, name, reason)."""
    if os.path.exists(steps_path):
        with open(steps_path, encoding="utf-8") as steps:
            for line in steps:
                outcome, name = line.rstrip("\n").split("\t", 1)
                yield outcome, name, ""
    for path in sorted(glob.glob(os.path.join(results_dir, "*.xml"))):
        yield from report(path)


def report(path):
    suite = os.path.splitext(os.path.basename(path))[0]
    try:
        cases = list(xml.parse(path).getroot().iter("testcase"))
    except xml.ParseError as error:
        yield "failed", f"{suite}: unreadable report", str(error)
        return
    if not cases:
        yield "failed", f"{suite}: no tests", ""
    for case in cases:
        name = f"{suite}: {case.get('classname', '')}.{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            yield "failed", name, ""
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            node = case.find("skipped")
            yield "skipped", name, node.get("message", "") if node is not None else "not run"
        else:
            yield "passed", name, ""


def main():
    counts = collections.Counter()
    reasons = collections.Counter()
    for outcome, name, reason in outcomes(sys.argv[1], sys.argv[2]):
        counts[outcome] += 1
        if outcome == "failed":
            print(f"FAILED  {name}")
        elif outcome == "skipped":
            reasons[reason or name] += 1
    for reason, count in sorted(reasons.items()):
        print(f"SKIPPED {count}: {reason}")
    line = f"{counts['passed']} passed, {counts['failed']} failed"
    if counts["skipped"]:
        line += f", {counts['skipped']} skipped"
    print(line)
    return 1 if counts["failed"] or not counts["passed"] else 0


sys.exit(main())
