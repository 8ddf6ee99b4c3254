"""System calls and what threads sleep for, told by thread switches alone: against a program that times its own calls."""

import json
import shutil

import pytest

import harness

VERSIONS = harness.VERSIONS if harness.ALL else ["go1.21.13", "local"]

# Functions that say what a sleeping thread waits for, whoever called them.
MEANING = """
SELECT DISTINCT activity FROM thread_switch JOIN stack_frame USING (stack_id)
WHERE NOT is_in AND state = 1 AND function = ?"""


def truth(result):
    assert result.status == 0, result
    return [json.loads(line) for line in result.out.splitlines() if line.startswith("{")]


def functions(db, stack):
    return [name for (name,) in harness.rows(db, "SELECT function FROM stack_frame WHERE stack_id = ? ORDER BY depth", stack)]


def found_call(db, call):
    found = harness.rows(db, "SELECT start_ns, syscall_ns, lost_p, stack_id FROM syscall_named WHERE goid = ? AND name = ?"
                             " AND start_ns BETWEEN ? AND ? ORDER BY syscall_ns DESC",
                         call["goid"], call["name"], call["before_ns"], call["after_ns"])
    assert found, f"no {call}: {harness.rows(db, 'SELECT * FROM syscall_named WHERE goid = ?', call['goid'])}"
    return found


def check_call(db, call):
    took = call["after_ns"] - call["before_ns"]
    found = found_call(db, call)
    # The program's own clock is read outside of the call: it may be preempted in between.
    assert sum(row[1] for row in found) <= took + 1_000_000, (call, found)
    if call["asked_ns"] == 0:
        return
    start_ns, length, _, stack = found[0]
    assert length >= min(call["asked_ns"], took) - 5_000_000, (call, found)
    assert start_ns + length <= call["after_ns"] + 1_000_000, (call, found)
    names = functions(db, stack)
    assert any(name.startswith(call["func"]) for name in names), (call, names)


def check_threads(db):
    """The runtime's own sleeps are no system calls of the program."""
    for function, activity in (("runtime.stopm", "idle"), ("runtime.netpoll", "idle"), ("runtime.stoplockedm", "idle"),
                               ("runtime.sysmon", "runtime"), ("runtime.templateThread", "runtime")):
        seen = [a for (a,) in harness.rows(db, MEANING, function)]
        assert seen in ([], [activity]), (function, seen)
    assert harness.rows(db, MEANING, "runtime.netpoll") and harness.rows(db, MEANING, "runtime.sysmon")
    asleep, unknown = harness.rows(db, "SELECT count(*), sum(activity IS NULL) FROM thread_switch WHERE NOT is_in AND state = 1")[0]
    assert asleep > 20 and unknown == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_named_and_timed(trace, version):
    program = harness.goprog("syscalls", version)
    result = harness.launched(trace, program, options=("--detail", "all"))
    calls = truth(result)
    assert len(calls) == 11
    harness.assert_checked(trace)
    db = harness.database(trace)
    for call in calls:
        check_call(db, call)

    # Whoever sleeps for so long in a system call has no P any more; the runtime's monitor may come late once or twice.
    lost = [found_call(db, call)[0][2] for call in calls if call["asked_ns"]]
    assert None not in lost and sum(lost) >= len(lost) - 2, lost

    # Nobody else was in a system call for long, but the goroutine of os/signal.
    goids = {call["goid"] for call in calls}
    others = [row for row in harness.rows(db, "SELECT goid, syscall_ns, site, stack_id FROM syscall_named"
                                              " WHERE coalesce(syscall_ns, 1 << 62) > 25000000") if row[0] not in goids]
    assert len({row[0] for row in others}) == 1, others
    assert all("os/signal.signal_recv" in functions(db, row[3]) for row in others), others
    check_threads(db)


def test_cgo(trace):
    if not shutil.which("gcc"):
        pytest.skip("no C compiler for cgo")
    program = harness.goprog("cgosleep")
    call, = truth(harness.launched(trace, program, options=("--detail", "all")))
    db = harness.database(trace)
    found = harness.rows(db, "SELECT syscall_ns, lost_p FROM syscall_named WHERE goid = ? AND name = 'cgo' AND start_ns BETWEEN ? AND ?"
                             " ORDER BY syscall_ns DESC", call["goid"], call["before_ns"], call["after_ns"])
    assert found, harness.rows(db, "SELECT * FROM syscall_named")
    took = call["after_ns"] - call["before_ns"]
    assert took - 5_000_000 <= found[0][0] <= took + 1_000_000, (call, found)
    # in which system call of the kernel it slept, the instructions of the C library tell
    numbers = harness.rows(db, "SELECT DISTINCT syscall FROM thread_switch WHERE activity = 'foreign' AND state = 1")
    assert numbers and numbers != [(None,)], numbers


def test_names_of_threads_that_were_there(trace):
    program = harness.goprog("truth")
    with harness.Background(program, "-wait", "-hold") as target:
        target.json("ready")
        with harness.attached(target.pid, trace):
            there = harness.threads(target.pid)
        names = dict(harness.rows(harness.database(trace), "SELECT tid, name FROM thread"))
    assert there and {tid: names.get(tid) for tid in there} == {tid: "truth" for tid in there}
