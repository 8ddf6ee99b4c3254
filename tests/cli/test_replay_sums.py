"""Answers come from sums made while loading, or from the rows themselves, sought in one way or another: always the same ones."""

import json
import pathlib
import shutil
import sqlite3
import subprocess

import pytest
from conftest import ROOT, TOOLS

SUMS = ROOT / "schema/sql/sums.sql"

# Table: its keys; what is added up, the greatest, and of what any row will do that has the greatest length.
TABLES = {
    "wait_sum": ("object stack_id reason is_system", "waits open_waits wakes wait_ns runnable_ns", "longest_ns longest_wake_ns"),
    "goroutine_sum": ("goid reason is_system", "waits open_waits wait_ns runnable_ns", "longest_ns"),
    "object_sum": ("object_id is_system", "waits open_waits wait_ns", "longest_ns last_wake_id"),
    "wake_sum": ("object reason is_system waker_stack_id", "waits wait_ns", "longest_ns"),
    "lock_sum": ("object_id waker_goid waker_stack_id goid is_open", "waits wait_ns", "longest_ns"),
    "lock_holder": ("object_id place waker_goid function_id file_id line waits wait_ns places", "", ""),
    "holder_sum": ("waker_goid function_id file_id line", "waits wait_ns", "longest_ns"),
    "gc_wait": ("id", "", ""),
    "object_people": ("object_id is_waker", "goroutines", ""),
    "site_people": ("function_id file_id line reason is_system", "goroutines", ""),
    "syscall_sum": ("name stack_id", "calls open_calls ns lost_p", "longest_ns"),
    "syscall_people": ("name is_site function_id file_id line", "goroutines", ""),
    "thread_sum": ("tid kind next_tid next_name_id", "stretches ns", ""),
}


def summed(db, table):
    keys, sums, most = (words.split() for words in TABLES[table])
    columns = keys + [f"sum({name})" for name in sums] + [f"max({name})" for name in most]
    group = ", ".join(str(i + 1) for i in range(len(keys)))
    rows = db.execute(f"SELECT {', '.join(columns)} FROM {table} GROUP BY {group}").fetchall()
    return sorted(rows, key=repr)


@pytest.fixture(scope="module", name="synthetic")
def fixture_synthetic(tmp_path_factory):
    path = tmp_path_factory.mktemp("synthetic") / "synthetic.gotape"
    subprocess.run([TOOLS / "trace_synth", "--events", "30000", "-o", path], check=True, timeout=60, capture_output=True)
    return path


@pytest.fixture(name="recording", params=["by hand", "synthetic"])
def fixture_recording(request, replay, make_trace, tmp_path):
    trace = tmp_path / "it.gotape"
    if request.param == "synthetic":
        shutil.copy(request.getfixturevalue("synthetic"), trace)
    else:
        make_trace(trace)
    replay("load", trace)
    return pathlib.Path(f"{trace}.db")


def test_sums_are_what_they_are_said_to_be(recording, tmp_path):
    again = tmp_path / "again.db"
    shutil.copy(recording, again)
    with sqlite3.connect(again) as db:
        db.executescript(SUMS.read_text(encoding="utf-8"))
    loaded = sqlite3.connect(f"file:{recording}?mode=ro", uri=True)
    made = sqlite3.connect(f"file:{again}?mode=ro", uri=True)
    for table in TABLES:
        assert summed(loaded, table) == summed(made, table), table
    for db in (loaded, made):
        for table, key in (("wait_sum", "longest_id"), ("goroutine_sum", "longest_id")):
            wrong = db.execute(f"SELECT * FROM {table} LEFT JOIN packed_wait ON id = {key}"
                               f" WHERE packed_wait.wait_ns IS NOT longest_ns").fetchall()
            assert not wrong, table


def test_blocks_of_waits_leave_none_out(recording):
    db = sqlite3.connect(f"file:{recording}?mode=ro", uri=True)
    limit, = db.execute("SELECT wait_ns FROM long_limit").fetchone()
    assert db.execute("SELECT count(*) FROM packed_wait WHERE wait_ns >= ?", (limit,)).fetchone() \
        == db.execute("SELECT count(*) FROM long_wait JOIN packed_wait USING (id, wait_ns, start_ns)").fetchone() \
        == db.execute("SELECT count(*) FROM long_wait").fetchone()
    left_out = db.execute("""
        SELECT count(*) FROM packed_wait AS w LEFT JOIN wait_block AS b ON b.id = w.id / 1024
        WHERE (w.wait_ns IS NULL OR w.wait_ns < ?)
          AND (b.id IS NULL OR w.start_ns < first_ns OR w.start_ns + coalesce(w.wait_ns, w.run_after_ns, 0) > last_ns)""",
        (limit,)).fetchone()
    assert left_out == (0,)


def test_indexes_hold_what_their_tables_hold(recording):
    """Also those whose rows the loader writes itself."""
    db = sqlite3.connect(f"file:{recording}?mode=ro", uri=True)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    for question, index in (("SELECT * FROM wait WHERE goid = 1", "packed_wait_goid"),
                            ("SELECT * FROM packed_wait WHERE object = 1 AND (object < 0 OR facts & 3072)", "packed_wait_object")):
        assert any(index in row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {question}")), question
    waits = db.execute("SELECT count(*) FROM packed_wait").fetchone()
    assert waits[0] > 0
    assert db.execute("SELECT count(*) FROM packed_wait INDEXED BY packed_wait_goid WHERE goid IS NOT NULL").fetchone() == waits
    chans = "FROM packed_wait JOIN object ON object.id = packed_wait.object WHERE kind = 'chan'"
    assert db.execute(f"SELECT count(*) {chans} AND NOT facts & 3072").fetchone() == (0,)


def test_waits_are_found_by_time(recording):
    db = sqlite3.connect(f"file:{recording}?mode=ro", uri=True)
    assert db.execute("SELECT * FROM wait ORDER BY id").fetchall() == [row[2:] for row in db.execute("SELECT * FROM wait_by_time ORDER BY id")]
    ended = "coalesce(wake_ns, run_ns, start_ns + wait_ns, start_ns)"
    assert db.execute(f"SELECT count(*) FROM wait_by_time WHERE start_ns < since_ns OR {ended} > until_ns").fetchone() == (0,)
    for span in filter(None, spans(db)):
        exact = f"start_ns <= {span[1]} AND {ended} >= {span[0]}"
        quick = f"FROM wait_by_time WHERE since_ns <= {span[1]} AND until_ns >= {span[0]} AND {exact}"
        assert db.execute(f"SELECT id {quick} ORDER BY id").fetchall() == db.execute(f"SELECT id FROM wait WHERE {exact} ORDER BY id").fetchall()
        for question in (f"SELECT * {quick}", f"SELECT reason, count(*) {quick} GROUP BY 1"):
            plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {question}")]
            assert not any(step.startswith("SCAN packed_wait") for step in plan), plan


BLOCKING = "reason_class IN ('chan_recv', 'chan_send', 'select', 'mutex', 'rwmutex', 'cond', 'waitgroup') AND is_system = 0"
LOCKS = "reason_class IN ('mutex', 'rwmutex') AND is_system = 0"
IN_TIME = "start_ns <= :until AND start_ns + coalesce(wait_ns, run_ns - start_ns, 0) >= :since"


def spans(db):
    """No restriction, and some times: inside, at an edge, before everything."""
    start, end = db.execute("SELECT start_ns, end_ns FROM recording").fetchone()
    length = end - start
    return [None] + [(start + int(length * a), start + int(length * b)) for a, b in ((0.4, 0.45), (0.0, 0.2), (0.9, 1.0), (0.5, 0.5))]


def test_answers_are_those_of_the_views(replay, recording):
    db = sqlite3.connect(f"file:{recording}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    start = db.execute("SELECT start_ns FROM recording").fetchone()[0]

    def ask(span, *words):
        times = [] if not span else [f"--since={(span[0] - start) / 1e9:.9f}s", f"--until={(span[1] - start) / 1e9:.9f}s"]
        result = replay(words[0], recording, *words[1:], *times, "--limit=0", "--format=json", status=ask.status)
        return json.loads(result.stdout)

    ask.status = 3 if db.execute("SELECT count(*) FROM lost").fetchone()[0] or not db.execute(
        "SELECT is_clean_end FROM recording").fetchone()[0] else 0

    def view(span, sql):
        return db.execute(sql.replace("IN_TIME", IN_TIME if span else "true"), dict(zip(("since", "until"), span)) if span else {}).fetchall()

    for span in spans(db):
        waits = ask(span, "who-blocked")
        expected = view(span, f"SELECT goid, start_ns, wait_ns, reason FROM wait_named WHERE {BLOCKING} AND IN_TIME")
        assert sorted((w["goid"], w["start_ns"], w["wait_ns"] or 0, w["reason"]) for w in waits) \
            == sorted((w["goid"], w["start_ns"], w["wait_ns"] or 0, w["reason"]) for w in expected), span
        sites = {(r["site"], r["file"], r["line"], r["reason"]): (r["waits"], r["goroutines"], r["total_wait_ns"])
                 for r in ask(span, "who-blocked", "--by=site")}
        assert sites == {tuple(r)[:4]: tuple(r)[4:] for r in view(span, f"""
            SELECT site, file, line, reason, count(*), count(DISTINCT goid), coalesce(sum(wait_ns), 0) FROM wait_named
            WHERE {BLOCKING} AND IN_TIME GROUP BY 1, 2, 3, 4""")}, span
        people = {r["goid"]: (r["waits"], r["total_wait_ns"], r["longest_wait_ns"]) for r in ask(span, "who-blocked", "--by=goroutine")}
        assert people == {r[0]: tuple(r)[1:] for r in view(span, f"""
            SELECT goid, count(*), coalesce(sum(wait_ns), 0), max(wait_ns) FROM wait_named WHERE {BLOCKING} AND IN_TIME GROUP BY 1""")}, span
        locks = {(r["addr"], r["generation"]): (r["waits"], r["waiters"], r["total_wait_ns"]) for r in ask(span, "locks")}
        assert locks == {tuple(r)[:2]: tuple(r)[2:] for r in view(span, f"""
            SELECT printf('0x%llx', addr), generation, count(*), count(DISTINCT goid), coalesce(sum(wait_ns), 0) FROM wait_named
            LEFT JOIN wait_object ON wait_id = wait_named.id LEFT JOIN object ON object.id = object_id
            WHERE {LOCKS} AND IN_TIME GROUP BY object_id""")}, span
        holders = {(r["goid"], r["site"], r["line"]): (r["waits"], r["waiters"], r["locks"], r["total_wait_ns"])
                   for r in ask(span, "locks", "--by=holder")}
        assert holders == {tuple(r)[:3]: tuple(r)[3:] for r in view(span, f"""
            SELECT waker_goid, waker_site, (SELECT site_line FROM stack WHERE stack.id = waker_stack_id), count(*), count(DISTINCT goid),
                   count(DISTINCT object_id), coalesce(sum(wait_ns), 0)
            FROM wait_named LEFT JOIN wait_object ON wait_id = wait_named.id
            WHERE {LOCKS} AND is_open = 0 AND IN_TIME GROUP BY 1, 2, 3""")}, span
        chans = {(r["addr"], r["generation"]): (r["waits"], r["waiters"], r["wakers"], r["total_wait_ns"])
                 for r in ask(span, "chans") if r["waits"]}
        assert chans == {tuple(r)[:2]: tuple(r)[2:] for r in view(span, """
            SELECT printf('0x%llx', addr), generation, count(*), count(DISTINCT goid), count(DISTINCT waker_goid), coalesce(sum(wait_ns), 0)
            FROM wait CROSS JOIN wait_object ON wait_id = wait.id JOIN object ON object.id = object_id
            WHERE kind = 'chan' AND IN_TIME GROUP BY object.id""")}, span


def test_calls_and_threads_are_those_of_the_views(replay, recording):
    db = sqlite3.connect(f"file:{recording}?mode=ro", uri=True)
    ended = db.execute("SELECT is_clean_end AND NOT EXISTS (SELECT 1 FROM lost) FROM recording").fetchone()[0]

    def ask(*words):
        return json.loads(replay(words[0], recording, *words[1:], "--limit=0", "--format=json", status=0 if ended else 3).stdout)

    end = "coalesce(end_ns, (SELECT end_ns FROM recording))"
    for words in ((), ("--min=1us",)):
        least = 1000 if words else 0
        names = {r["name"]: (r["calls"], r["goroutines"], r["total_ns"], r["longest_ns"]) for r in ask("syscalls", "--by=name", *words)}
        assert names == {r[0]: r[1:] for r in db.execute(f"""
            SELECT name, count(*), count(DISTINCT goid), sum({end} - start_ns), max({end} - start_ns) FROM syscall_named
            WHERE {end} - start_ns >= {least} GROUP BY 1""")}
        sites = {(r["site"], r["line"], r["name"]): (r["calls"], r["goroutines"], r["total_ns"]) for r in ask("syscalls", "--by=site", *words)}
        assert sites == {r[:3]: r[3:] for r in db.execute(f"""
            SELECT site, line, name, count(*), count(DISTINCT goid), sum({end} - start_ns) FROM syscall_named
            WHERE {end} - start_ns >= {least} GROUP BY 1, file, 2, 3""")}
    people = {r["goid"]: (r["calls"], r["total_ns"]) for r in ask("syscalls", "--by=goroutine")}
    assert people == {r[0]: r[1:] for r in db.execute(f"SELECT goid, count(*), sum({end} - start_ns) FROM syscall GROUP BY 1")}
    threads = {r["tid"]: (r["on_cpu_ns"], r["preempted_ns"], r["idle_ns"]) for r in ask("threads") if r["on_cpu_ns"] is not None}
    assert threads == {r[0]: r[1:] for r in db.execute(f"""
        SELECT tid, coalesce(sum({end} - start_ns) FILTER (WHERE is_on_cpu), 0),
               coalesce(sum({end} - start_ns) FILTER (WHERE NOT is_on_cpu AND state = 0), 0),
               coalesce(sum({end} - start_ns) FILTER (WHERE NOT is_on_cpu AND state <> 0 AND activity = 'idle'), 0)
        FROM thread_interval GROUP BY 1""")}
    waiting = {r["goid"]: {key: ns for key, ns in r["waiting_by_reason"].items()} for r in ask("goroutines")}
    expected = {goid: {} for goid in waiting}
    for goid, kind, ns in db.execute("SELECT goid, reason_class, sum(wait_ns) FROM wait_named WHERE wait_ns IS NOT NULL GROUP BY 1, 2"):
        expected[goid][kind] = ns
    assert waiting == expected
