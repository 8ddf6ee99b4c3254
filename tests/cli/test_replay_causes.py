"""gotape-replay: what the commands answer about data/service.txt: leaks, causes, system calls, threads, contexts, spans, snapshots."""

import csv
import io
import json
import re

import pytest

from conftest import DATA

MS = 1_000_000
LISTINGS = [["leaks"], ["leaks", "--by", "goroutine"], ["why", "40"], ["locks"], ["locks", "--by", "site"], ["locks", "--by", "holder"],
            ["syscalls"], ["syscalls", "--by", "name"], ["syscalls", "--by", "site"], ["syscalls", "--by", "goroutine"], ["threads"],
            ["gc"], ["stw"], ["stw", "--by", "reason"], ["contexts"], ["contexts", "--ignored"], ["spans"], ["spans", "--by", "probe"],
            ["snapshots"], ["snapshots", "1"], ["goroutine", "50"]]


@pytest.fixture(name="service")
def fixture_service(make_trace, tmp_path):
    return make_trace(tmp_path / "service.gotape", (DATA / "service.txt").read_text(encoding="utf-8"))


def rows(replay, service, command, *more):
    name, *operands = command.split()
    return json.loads(replay(name, service, *operands, *more, "--format", "json").stdout)


def test_leaks_tell_stuck_from_idle(replay, service):
    found = {row["function"]: row for row in rows(replay, service, "leaks")}
    assert {name: row["verdict"] for name, row in found.items()} == {
        "main.fetch": "stuck", "main.nobody": "stuck", "main.deadline": "stuck", "main.worker": "idle", "main.tick": "timer",
        "main.main": "net"}
    fetch, worker = found["main.fetch"], found["main.worker"]
    assert (fetch["goroutines"], fetch["object_count"], fetch["goids"], fetch["oldest_goid"]) == (2, 2, [10, 11], 10)
    assert fetch["wait_ns"] == 9889 * MS and fetch["start_seen"] is True and fetch["create_site"] == "main.main"
    assert "no other goroutine touched it" in fetch["why"] and "1 other wait here ended, after 0.001 s" in fetch["why"]
    assert "nil channel" in found["main.nobody"]["why"] and "listener" in found["main.main"]["why"]
    assert "nobody was woken by it in the recording" in found["main.deadline"]["why"]
    assert (worker["goroutines"], worker["object_count"], worker["last_use_goid"], worker["last_use_waker_goid"]) == (2, 1, 20, 1)
    assert worker["last_use_ns"] == 5000 * MS


def test_leaks_drop_nobody(replay, service):
    each = rows(replay, service, "leaks --by goroutine --all")
    ends = {row["goid"] for row in rows(replay, service, "goroutines") if row["state"] == "waiting"}
    assert {row["goid"] for row in each} == ends == {1, 10, 11, 13, 20, 21, 30, 50}
    assert [row["goid"] for row in rows(replay, service, "leaks --by goroutine --min-wait 9.85s")] == [10, 11, 13]
    assert "main.fetch  /src/app/fetch.go:20" in replay("leaks", service, "--stacks").stdout


def test_why_follows_the_chain(replay, service):
    lock, channel = rows(replay, service, "why 40")
    assert (lock["step"], lock["goid"], lock["cause"], lock["waker_goid"], lock["waker_site"]) == (0, 40, "lock", 41, "main.unlock")
    assert lock["waker_mostly"] == "waiting" and lock["stopped_ns"] == 25 * MS and lock["labels"] == {"tenant_id": "video-a"}
    assert (channel["step"], channel["goid"], channel["cause"], channel["waker_goid"]) == (1, 41, "goroutine", 42)
    assert (channel["waker_mostly"], channel["waker_syscall"], channel["waker_syscall_ns"]) == ("system_call", "fsync", 2700 * MS)
    assert channel["blamed_ns"] == 2710 * MS and channel["wait_ns"] == 2780 * MS
    assert len(rows(replay, service, "why 40", "--depth", "0")) == 1
    text = replay("why", service, "40").stdout
    assert re.search(r"^goroutine 40 main\.charge \[tenant_id=video-a\] waited 2\.800 s from \+0\.300000 s: .* mutex main\.mu ", text, re.M)
    assert re.search(r"^   2\.710 s of that, goroutine 41 ", text, re.M)
    assert re.search(r"^      meanwhile goroutine 42 was running 2\.710 s \(2\.700 s in system calls: fsync\)$", text, re.M)
    assert "--depth 1 shows more" in replay("why", service, "40", "--depth", "0").stdout
    assert rows(replay, service, "why 20", "--at", "1s")[0]["start_ns"] == 1151 * MS
    assert "nobody: it waits still" in replay("why", service, "10").stdout
    assert "was not seen waiting" in replay("why", service, "42").stdout


def test_labels_and_lower_bounds(replay, service):
    assert [row["goid"] for row in rows(replay, service, "who-blocked --label tenant_id=video-a")] == [40, 5]
    assert [row["goid"] for row in rows(replay, service, "goroutines --label tenant_id")] == [5, 40, 60]
    [before] = rows(replay, service, "who-blocked --goroutine 5")
    assert before["start_seen"] is False and before["labels"] == {"tenant_id": "video-a"}
    table = replay("who-blocked", service).stdout
    assert re.search(r"^ *>= 1\.000 s +\+0\.000000 s +5 main\.worker .* tenant_id=video-a$", table, re.M)
    assert ">= it began before anybody looked" in table and "(recv, fired)" in table
    assert "LABELS" not in replay("who-blocked", service, "--goroutine", "10").stdout
    assert "this trace has: tenant_id=video-a" in replay("who-blocked", service, "--label", "tenant_id=video-x", status=1).stderr


def test_locks(replay, service):
    [lock] = rows(replay, service, "locks")
    assert (lock["kind"], lock["name"], lock["waits"], lock["total_wait_ns"]) == ("mutex", "main.mu", 1, 2800 * MS)
    assert [(holder["goid"], holder["site"]) for holder in lock["holders"]] == [(41, "main.unlock")]
    assert [row["goid"] for row in rows(replay, service, "locks --by holder")] == [41]


def test_system_calls_and_threads(replay, service):
    [call] = rows(replay, service, "syscalls")
    assert (call["goid"], call["name"], call["duration_ns"], call["tid"], call["site"]) == (42, "fsync", 2780 * MS, 102, "main.flush")
    assert rows(replay, service, "syscalls --name read") == [] == rows(replay, service, "syscalls --min 3s")
    threads = {row["tid"]: row for row in rows(replay, service, "threads")}
    assert threads[102]["syscall_ns"] == 2780 * MS and threads[101]["idle_ns"] == 5000 * MS
    assert threads[100]["preempted_ns"] == 1900 * MS and threads[100]["preempted_by"][0]["tid"] == 999


def test_collector_and_stops(replay, service):
    [cycle] = rows(replay, service, "gc")
    assert [stop["reason"] for stop in cycle["stops"]] == ["GC sweep termination", "GC mark termination"]
    assert (cycle["waiters"], cycle["longest_goid"], cycle["longest_wait_ns"]) == (1, 60, 10 * MS)
    assert [(row["reason"], row["total_ns"]) for row in rows(replay, service, "stw")] == [
        ("GC mark termination", 15 * MS), ("GC sweep termination", 10 * MS)]


def test_contexts_and_who_ignored_them(replay, service):
    [context] = rows(replay, service, "contexts")
    assert (context["goid"], context["timeout_ns"], context["cause"], context["ended_by_goid"]) == (50, 100 * MS, "deadline", None)
    [ignored] = rows(replay, service, "contexts --ignored")
    assert (ignored["goid"], ignored["was_waiting"], ignored["past_ns"], ignored["reason"]) == (50, True, 9580 * MS, "chan receive")


def test_spans(replay, service):
    [span] = rows(replay, service, "spans")
    assert (span["function"], span["value"], span["duration_ns"]) == ("main.handleOrder", {"id": 17}, 280 * MS)
    assert (span["running_ns"], span["waiting_ns"], span["waiting_by_reason"]) == (270 * MS, 10 * MS, {"gc": 10 * MS})
    assert rows(replay, service, "spans --by probe")[0]["calls"] == 1


def test_snapshots(replay, service):
    assert [(row["snapshot"], row["kind"], row["goroutines"], row["waiting"]) for row in rows(replay, service, "snapshots")] == [
        (1, "start", 2, 1)]
    stacks = {row["state"]: row for row in rows(replay, service, "snapshots 1")}
    assert stacks["waiting"]["goids"] == [5] and stacks["waiting"]["stack"][1]["function"] == "main.worker"
    assert stacks["waiting"]["wait_ns"] == 999010000 and stacks["running"]["goids"] == [1]
    assert "no snapshot 7: this trace has 1" in replay("snapshots", service, "7", status=1).stderr
    assert "is not the number" in replay("snapshots", service, "x", status=2).stderr


def test_goroutine_shows_what_happened_within(replay, service):
    kinds = [(row["kind"], row["what"]) for row in rows(replay, service, "goroutine 50") if row["kind"] != "state"]
    assert kinds == [("context", "context 0xc000050000, deadline in 0.100 s"), ("context_end", "context 0xc000050000 ended: deadline by a timer")]
    assert [row["kind"] for row in rows(replay, service, "goroutine 42")] == ["state", "state", "syscall"]
    assert [row["kind"] for row in rows(replay, service, "goroutine 5")][:2] == ["state", "snapshot"]


def test_summary_names_what_was_recorded(replay, service):
    text = replay(service).stdout
    for words in ("Snapshots: 1; the last found 2 goroutines", "Labels: tenant_id=video-a (2)", "Garbage collector: 1 cycle,",
                  "World stopped: 2 times", "System calls in which a thread left its CPU: 1", "Threads: 3"):
        assert words in text, words


def test_info_shows_limits(replay, make_trace, tmp_path):
    text = (DATA / "service.txt").read_text(encoding="utf-8").replace(
        "meta process.pid 4712\n", "meta process.pid 4712\nmeta container.id 0123abcd\nmeta cgroup.cpu_max 50000 100000\n"
        "meta go.gomaxprocs 4\nmeta go.gogc -1\n"
        "meta end.memory_limit 9223372036854775807\n")
    trace = make_trace(tmp_path / "limits.gotape", text)
    facts = {(row["section"], row["key"]): row["value"] for row in json.loads(replay("info", trace, "--format", "json").stdout)}
    assert facts["limits", "container.id"] == "0123abcd" and facts["limits", "cgroup.cpus"] == "0.50"
    assert facts["limits", "go.gomaxprocs"] == "4" and facts["recording", "record.detail"] == "all"
    assert facts["limits", "end.memory_limit"] == str(2**63 - 1)
    shown = replay("info", trace).stdout
    assert "-1 (off)" in shown and "(none)" in shown


@pytest.mark.parametrize("listing", LISTINGS, ids=" ".join)
def test_every_format(replay, service, listing):
    name, *rest = listing
    as_json = json.loads(replay(name, service, *rest, "--format", "json").stdout)
    assert as_json
    lines = list(csv.reader(io.StringIO(replay(name, service, *rest, "--format", "csv").stdout)))
    assert lines[0] == list(as_json[0]) and len(lines) == len(as_json) + 1
    table = replay(name, service, *rest).stdout
    assert "\033" not in table and len(table.splitlines()) > 2 and not re.search(r" $", table, re.M)
