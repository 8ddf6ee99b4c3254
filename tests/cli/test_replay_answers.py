"""gotape-replay: what the commands answer about data/orders.txt."""

import csv
import io
import json
import pathlib
import re

import pytest

LISTINGS = [["who-blocked"], ["who-blocked", "--all"], ["who-blocked", "--by", "goroutine"], ["who-blocked", "--by", "site"], ["chans"],
            ["goroutines"], ["goroutine", "18"], ["info"]]
MS = 1_000_000


def arguments(listing, trace):
    return [listing[0], trace, *listing[1:]]


def waits(replay, trace, *more, status=0):
    return json.loads(replay("who-blocked", trace, "--format", "json", *more, status=status).stdout)


def starts(rows):
    return [(row["goid"], (row["start_ns"] - 1_000_000_000) // MS) for row in rows]


def test_who_blocked_tells_who_for_what_where_and_who_woke(replay, trace):
    rows = waits(replay, trace)
    assert starts(rows) == [(7, 2900), (18, 500), (18, 4000), (18, 3000)]
    left, received, locked, selected = rows
    assert left["open"] is True and left["wait_ns"] == 7100 * MS and left["runnable_ns"] is None
    assert (left["waker_kind"], left["waker_goid"], left["waker_site"]) == ("none_yet", None, None)
    assert (left["reason"], left["reason_class"]) == ("chan send", "chan_send")
    assert {key: received[key] for key in ("goid", "reason", "reason_class", "start_ns", "wait_ns", "runnable_ns", "open", "site", "file",
                                           "line", "stack", "waker_goid", "waker_kind", "waker_site")} == {
        "goid": 18, "reason": "chan receive", "reason_class": "chan_recv", "start_ns": 1500 * MS, "wait_ns": 2300 * MS,
        "runnable_ns": 50_000, "open": False, "site": "main.worker", "file": "/src/app/worker.go", "line": 31,
        "stack": ["runtime.gopark", "runtime.chanrecv1", "main.worker"], "waker_goid": 7, "waker_kind": "goroutine",
        "waker_site": "main.producer"}
    [channel] = received["objects"]
    assert {key: channel[key] for key in ("kind", "addr", "type", "cap")} == {
        "kind": "chan", "addr": "0xc000102060", "type": "main.Job", "cap": 8}
    assert [(o["addr"], o["type"], o["direction"]) for o in selected["objects"]] == [
        ("0xc000103000", "struct {}", "send"), ("0xc000104000", "time.Time", "recv")]
    assert selected["waker_kind"] == "timer" and selected["waker_goid"] is None
    assert locked["objects"][0]["kind"] == "mutex" and locked["site"] == "example.com/orders/store.(*Cache).Get"


def test_who_blocked_all_adds_sleep(replay, trace):
    assert (1, 300) in starts(waits(replay, trace, "--all"))
    [sleep] = waits(replay, trace, "--reason", "sleep")
    assert sleep["sleep_ns"] == 9000 * MS and sleep["waker_kind"] == "timer"


@pytest.mark.parametrize("pattern, expected", [
    ("0xc000102060", [(7, 2900), (18, 500)]),
    ("chan main.Job", [(7, 2900), (18, 500)]),
    ("main.Job", [(7, 2900), (18, 500)]),
    ("<-chan main.Job", [(7, 2900), (18, 500)]),
    ("struct{}", [(18, 3000)]),
    ("main.worker", [(18, 500), (18, 3000)]),
    ("main.producer", [(7, 2900)]),
    ("worker.go:31", [(18, 500)]),
    ("app/worker.go:31", [(18, 500)]),
    ("worker.go", [(18, 500), (18, 3000)]),
    ("0xc000200000", [(18, 4000)]),
])
def test_chan_describes_channels(replay, trace, pattern, expected):
    assert starts(waits(replay, trace, "--chan", pattern)) == expected


@pytest.mark.parametrize("pattern, nearest", [
    ("main.Jobs", "main.Job"), ("main.workr", "main.worker"), ("worker.go:32", "worker.go:31"), ("0xc000102061", "0xc000102060"),
    ("chan main.Jab", "chan main.Job"), ("orker.go:31", "worker.go:31"), ("cache.go:77", "sync.Mutex.Lock"),
])
def test_chan_without_match_names_candidates(replay, trace, pattern, nearest):
    for form in ("table", "json"):
        result = replay("who-blocked", trace, "--chan", pattern, "--format", form, status=1)
        assert result.stdout == "" and pattern in result.stderr and nearest in result.stderr.split("matches", 1)[1]


def test_other_filters(replay, trace):
    assert starts(waits(replay, trace, "--goroutine", "7")) == [(7, 2900)]
    assert starts(waits(replay, trace, "--reason", "chan_recv")) == [(18, 500)]
    assert starts(waits(replay, trace, "--reason", "chan receive")) == [(18, 500)]
    assert starts(waits(replay, trace, "--limit", "1")) == [(7, 2900)]
    assert waits(replay, trace, "--reason", "net", "--goroutine", "7") == []
    assert "goroutine 99" in replay("who-blocked", trace, "--goroutine", "99", status=1).stderr
    assert "'chan receive' (chan_recv)" in replay("who-blocked", trace, "--reason", "chan recv", status=1).stderr


@pytest.mark.parametrize("window, expected", [
    (["--until", "1s"], [(18, 500)]),
    (["--since", "5s"], [(7, 2900)]),
    (["--since", "-6s", "--until", "-5.5s"], [(7, 2900), (18, 4000)]),
    (["--since", "2026-11-22T17:00:03Z", "--until", "2026-11-22T17:00:03.5Z"], [(7, 2900), (18, 3000)]),
])
def test_since_and_until(replay, trace, window, expected):
    assert starts(waits(replay, trace, *window)) == expected


def test_sums(replay, trace):
    goroutines = waits(replay, trace, "--by", "goroutine")
    assert [(row["goid"], row["waits"], row["total_wait_ns"]) for row in goroutines] == [(7, 1, 7100 * MS), (18, 3, 2900 * MS)]
    places = waits(replay, trace, "--by", "site")
    assert [(row["site"], row["line"], row["waits"]) for row in places] == [
        ("main.producer", 40, 1), ("main.worker", 31, 1), ("example.com/orders/store.(*Cache).Get", 77, 1), ("main.worker", 44, 1)]


def test_chans(replay, trace):
    rows = json.loads(replay("chans", trace, "--format", "json").stdout)
    assert [(row["addr"], row["type"], row["cap"], row["waits"]) for row in rows] == [
        ("0xc000102060", "main.Job", 8, 2), ("0xc000103000", "struct {}", 0, 1), ("0xc000104000", "time.Time", 1, 1)]
    assert rows[0]["total_wait_ns"] == 9400 * MS and rows[0]["longest_wait_ns"] == 7100 * MS
    assert rows[0]["waiters"] == 2 and rows[0]["wakers"] == 1 and rows[0]["generation"] == 1 and rows[0]["open_waits"] == 1
    assert {site["site"] for site in rows[0]["sites"]} == {"main.producer", "main.worker"}
    assert rows[2]["timer"] is True


def test_goroutines(replay, trace):
    rows = {row["goid"]: row for row in json.loads(replay("goroutines", trace, "--format", "json").stdout)}
    assert set(rows) == {1, 7, 18}
    worker = rows[18]
    assert (worker["function"], worker["creator_goid"], worker["create_site"]) == ("main.worker", 1, "main.main")
    assert worker["state"] == "dead" and worker["ended_ns"] == 9000 * MS and worker["life_ns"] == 7800 * MS
    assert worker["waiting_ns"] == 2900 * MS == sum(worker["waiting_by_reason"].values())
    assert rows[7]["ended_ns"] is None and rows[7]["state"] == "waiting"


def test_goroutine_is_a_time_line(replay, trace):
    rows = json.loads(replay("goroutine", trace, "18", "--format", "json").stdout)
    assert [row["state"] for row in rows] == ["runnable", "running", "waiting", "runnable", "running", "waiting", "runnable", "running",
                                              "waiting", "runnable", "running"]
    assert all(a["end_ns"] == b["start_ns"] for a, b in zip(rows, rows[1:]))
    assert rows[2]["reason"] == "chan receive" and rows[2]["waker_goid"] == 7
    table = replay("goroutine", trace, "18", "--stacks").stdout
    assert "goroutine 18 main.worker, created by goroutine 1 in main.main main.go:12" in table
    assert "        runtime.chanrecv1  /go/src/runtime/chan.go:440\n" in table
    assert "from 1 to 18" in replay("goroutine", trace, "99", status=1).stderr


def test_tables_read_well(replay, trace):
    table = replay("who-blocked", trace).stdout
    assert table.startswith("orders (pid 4711, go1.26.8), recorded 10.00 s from 2026-11-22 17:00:00 UTC: ")
    assert re.search(r"^ +2\.300 s +\+0\.500000 s +18 main\.worker +chan receive +chan main\.Job cap 8 0xc000102060 +"
                     r"main\.worker worker\.go:31 +goroutine 7 in main\.producer main\.go:40 +50\.00 us$", table, re.M)
    assert re.search(r"^ *7\.100 s\+ .*\(still waiting\)$", table, re.M) and "+ not over when the recording ended" in table
    assert "\033" not in table and "…" not in table
    assert "There are more waits: --limit 0 shows all." in replay("who-blocked", trace, "--limit", "2").stdout


def test_summary_and_info(replay, trace):
    text = replay(trace).stdout
    for words in ("Longest waits", "Busiest channels", "0 lost", "main.Job", "who-blocked"):
        assert words in text
    assert len(text.splitlines()) <= 24
    facts = {(row["section"], row["key"]): row["value"] for row in json.loads(replay("info", trace, "--format", "json").stdout)}
    assert facts["go", "go.module"] == "example.com/orders" and facts["quality", "clean_end"] == "yes"
    assert "10000000000 (10.00 s)" in replay("info", trace).stdout


@pytest.mark.parametrize("listing", LISTINGS)
def test_formats_agree(replay, trace, listing):
    as_json = json.loads(replay(*arguments(listing, trace), "--format", "json").stdout)
    assert as_json
    as_lines = [json.loads(line) for line in replay(*arguments(listing, trace), "--format", "jsonl").stdout.splitlines()]
    assert as_lines == as_json
    raw = replay(*arguments(listing, trace), "--format", "csv").stdout
    rows = list(csv.reader(io.StringIO(raw, newline="")))
    assert rows[0] == list(as_json[0])

    def as_text(value):
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    assert rows[1:] == [[as_text(value) for value in row.values()] for row in as_json]


def test_hostile_names(replay, make_trace, tmp_path):
    text = 'string 99 "\\"\\x1b[31m\\\\evil\\xff,\\n\u00e9"\n' + \
        'meta process.name "\\x1b]0;title\\x07"\nmeta record.start_ns 1000\nmeta go.wait_reason.14 chan receive\n' + \
        'location 1 pc=0x1 "main.\\x1b[2J\\"q\\",\\n\\xff" /src/a.go:1\nstack 1 1\n' + \
        'object 1 chan addr=0x10 gen=1 "type=\\x1b[1m\\xc3(" cap=0\n' + \
        '1000 cpu=0 tid=1 exec goid=5 g=0x5 p=0\n2000 cpu=0 tid=1 park goid=5 g=0x5 reason=14 object=1 stack=1\n'
    trace = make_trace(tmp_path / "evil.gotape", text)
    for listing in ("who-blocked", "chans", "goroutines"):
        assert json.loads(replay(listing, trace, "--format", "json").stdout)
    for table in (["who-blocked"], ["chans"], ["goroutines"], ["info"], ["dump"], []):
        assert "\033" not in replay(*table[:1], trace, *table[1:]).stdout


def test_verify_and_dump(replay, trace):
    assert "no damage" in replay("verify", trace).stdout
    assert "chunk 0 at byte 0: meta" in replay("verify", trace, "--chunks").stdout
    lines = replay("dump", trace).stdout.splitlines()
    assert len(lines) == 21 and all(re.match(r"\d+ cpu=\d+ tid=\d+ [a-z_]+", line) for line in lines)
    assert len(replay("dump", trace, "--limit", "3").stdout.splitlines()) == 3
    assert len(replay("dump", trace, "--since", "-2s").stdout.splitlines()) == 4
    assert len(replay("dump", trace, "--since", "2026-11-22T17:00:00Z", "--until", "0.25s").stdout.splitlines()) == 4


def test_dump_of_the_whole_is_the_trace(replay, trace, make_trace, tmp_path):
    text = replay("dump", trace, "--whole").stdout
    assert make_trace(tmp_path / "again.gotape", text).read_bytes() == trace.read_bytes()


def test_cut_files_are_answered_with_status_3(replay, trace, tmp_path):
    whole = trace.read_bytes()
    cut = tmp_path / "cut.gotape"
    cut.write_bytes(whole[:-300])
    for command in ([], ["info"], ["who-blocked"], ["chans"], ["goroutines"], ["dump"], ["verify"]):
        result = replay(*command, cut, status=3)
        assert result.stdout and result.stderr.startswith("gotape-replay: ") and result.stderr.count("\n") == 1
    replay("sql", cut, "SELECT 1", status=3)
    assert waits(replay, cut, status=3)
    assert "verify" in replay("who-blocked", cut, status=3).stderr
    assert "damage at byte" in replay("verify", cut, status=3).stdout


def test_lost_records_are_status_3(replay, make_trace, tmp_path):
    text = "meta record.start_ns 1000\n1000 cpu=0 tid=1 exec goid=5 g=0x5 p=0\n9000 cpu=0 tid=1 lost count=12 since=2000\n"
    trace = make_trace(tmp_path / "lost.gotape", text)
    assert "12 records lost" in replay("goroutines", trace, status=3).stderr
    assert "12 lost" in replay("goroutines", trace, status=3).stdout


def test_sizes_make_up_the_file(replay, trace):
    rows = json.loads(replay("info", trace, "--sizes", "--format", "json").stdout)
    whole = {of: sum(row["bytes"] for row in rows if row["of"] == of and row["part"] is None) for of in ("file", "database")}
    assert abs(whole["file"] - trace.stat().st_size) <= len(rows)
    assert abs(sum(row["share"] for row in rows if row["of"] == "file" and row["part"] is None) - 1) < 1e-6
    for what in {(row["of"], row["what"]) for row in rows if row["part"]}:
        parts = sum(row["bytes"] for row in rows if (row["of"], row["what"]) == what and row["part"])
        assert abs(parts - next(row["bytes"] for row in rows if (row["of"], row["what"]) == what and not row["part"])) <= 16, what
    # How many there are is what the database has.
    parks = next(row for row in rows if row["what"] == "event park" and row["part"] is None)
    counted = json.loads(replay("sql", trace, "SELECT count(*) AS n FROM transition_named WHERE event = 'park'", "--format", "json").stdout)
    assert parks["count"] == counted[0]["n"]
    if whole["database"]:
        assert whole["database"] == pathlib.Path(f"{trace}.db").stat().st_size
        assert any(row["what"] == "packed_wait" and row["part"] == "packed_wait_goid" for row in rows)
    table = replay("info", trace, "--sizes").stdout
    assert "event park" in table and "BYTES/EVENT" in table and "less than 1 %" in table
    # A database does not know what was in the file.
    assert "Name the trace" in replay("info", f"{trace}.db", "--sizes").stdout


def test_goroutines_in_another_order(replay, trace):
    rows = json.loads(replay("goroutines", trace, "--format", "json").stdout)
    assert [row["goid"] for row in rows] == sorted(row["goid"] for row in rows)
    for order, column in (("running", "running_ns"), ("runnable", "runnable_ns"), ("waiting", "waiting_ns"), ("waits", "waits"), ("life", "life_ns")):
        sorted_rows = json.loads(replay("goroutines", trace, "--sort", order, "--format", "json").stdout)
        assert sorted_rows == sorted(rows, key=lambda row, column=column: (-row[column], row["goid"])), order
        first = json.loads(replay("goroutines", trace, "--sort", order, "--limit", "1", "--format", "json").stdout)
        assert first == sorted_rows[:1]
    assert "--sort: 'age' is not" in replay("goroutines", trace, "--sort", "age", status=2).stderr
    # No state lasts longer than the life that it is part of.
    for row in rows:
        assert row["running_ns"] + row["runnable_ns"] + row["waiting_ns"] + row["unknown_ns"] <= row["life_ns"], row


def test_nothing_between_two_times(replay, trace):
    assert "nothing lies between" in replay("who-blocked", trace, "--since=3s", "--until=2s", status=1).stderr


def test_an_empty_answer_says_whether_it_was_restricted(replay, trace):
    assert "No calls match" in replay("syscalls", trace, "--name", "nosuch").stdout
    assert "No spans: gotape-record --probe" in replay("spans", trace).stdout
    assert "No spans match" in replay("spans", trace, "--since=1s").stdout
