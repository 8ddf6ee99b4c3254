"""What the finer levels of a recording tell, held against a program that prints what it did: contexts, labels, stops of the
world, GOMAXPROCS, calls of a function, the cases of selects, names of locks and of connections."""

import json
import os
import re

import pytest

import harness

CLOCK_STEP_NS = 1000
PROBE = "main.handleOrder(id=+8(%ax):u64,pad=+0(%ax):u64)"
CASES = [pytest.param(version, "exe", id=version) for version in harness.VERSIONS] + [pytest.param("local", "pie", id="local-pie")]

EVENT = re.compile(r"(\d+) cpu=(\d+) tid=(\d+) (\w+)((?: \w+=\S+)*)")


class Dump:
    """A trace as text: facts, definitions, and events in the order of time."""

    def __init__(self, trace):
        result = harness.run(harness.REPLAY, "dump", "--whole", trace)
        assert result.status == 0, result
        self.meta, self.end, self.objects, self.sets, self.strings, self.events = {}, {}, {}, {}, {}, []
        for line in result.out.splitlines():
            self.take(line.removeprefix("# "))
        self.events.sort(key=lambda e: e["time"])

    def take(self, line):
        word, _, rest = line.partition(" ")
        if word in ("meta", "end"):
            key, _, text = rest.partition(" ")
            getattr(self, word)[key] = unquote(text)
        elif word == "string":
            number, _, text = rest.partition(" ")
            self.strings[number] = unquote(text)
        elif word == "object":
            number, kind, *fields = re.findall(r'(?:[^\s"]|"(?:\\.|[^"])*")+', rest)
            values = dict(f.split("=", 1) for f in fields if "=" in f)
            self.objects[number] = {"kind": kind, "addr": values["addr"], "type": unquote(values.get("type", ""))}
        elif word == "set":
            number, *cases = rest.split()
            self.sets[number] = [tuple(c.split(":")) for c in cases if ":" in c] if "incomplete" not in rest else None
        else:
            match = EVENT.match(line)
            if match:
                fields = dict(f.split("=", 1) for f in match[5].split())
                self.events.append({"time": int(match[1]), "tid": int(match[3]), "event": match[4], **fields})

    def of(self, *names, goid=None):
        return [e for e in self.events if e["event"] in names and (goid is None or e.get("goid") == str(goid))]

    def address(self, number):
        return self.objects[number]["addr"] if number != "0" else "0x0"


def unquote(text):
    return json.loads(text) if text.startswith('"') else text


def recorded(folder, version, *options, mode="exe"):
    program = harness.goprog("detail", version, mode)
    trace = folder / f"detail-{len(list(folder.iterdir()))}.gotape"
    with harness.Background(program, "-hold") as process:
        with harness.attached(process.pid, trace, *options):
            process.send()
            facts = []
            while not facts or facts[-1]["kind"] != "done":
                facts.append(json.loads(process.line()))
        assert process.end() == 0
    return Dump(trace), facts


def of(facts, kind):
    found = [f for f in facts if f["kind"] == kind]
    assert found
    return found


def inside(fact, time_ns):
    return fact["before_ns"] - CLOCK_STEP_NS <= time_ns <= fact["after_ns"] + CLOCK_STEP_NS


def check_world(dump, facts, minor):
    names = {key.rsplit(".", 1)[1]: text for key, text in dump.meta.items() if key.startswith("go.stw_reason.")}
    stops = dump.of("stw")
    ends = [e for e in stops if e["phase"] == "1"]
    for fact in of(facts, "stw"):
        mine = [e for e in stops if e["goid"] == str(fact["goid"]) and inside(fact, e["time"])]
        assert [e["phase"] for e in mine] == (["0", "1"] if minor < 23 else ["1"]), fact
        if minor >= 21:
            assert names[mine[0]["reason"]] == fact["reason"]
        if minor >= 22:
            assert names[mine[-1]["reason"]] == fact["reason"] and inside(fact, int(mine[-1]["begin"]))
        if minor >= 23:
            assert int(mine[-1]["begin"]) <= int(mine[-1]["stopped"]) <= mine[-1]["time"]
    for fact in of(facts, "gc"):
        within = [e for e in ends if inside(fact, e["time"])]
        assert len(within) == 2
        if minor >= 22:
            assert [names[e["reason"]] for e in within] == ["GC sweep termination", "GC mark termination"]
        assert len([e for e in dump.of("gc") if e["step"] == "2" and inside(fact, e["time"])]) == 1
    told = [(e["before"], e["count"]) for e in dump.of("gomaxprocs")]
    assert told == [(str(f["before"]), str(f["count"])) for f in of(facts, "gomaxprocs")]
    assert dump.end["end.gomaxprocs"] == told[-1][1] == dump.meta["go.gomaxprocs"]
    if minor >= 19:
        assert dump.meta["go.gogc"] == "100" and dump.end["end.memory_limit"] == str(2**63 - 1)


def check_contexts(dump, facts):
    made = {e["context"]: e for e in dump.of("context")}
    for fact in of(facts, "context"):
        event = made.pop(fact["address"])
        assert event["goid"] == str(fact["goid"]) and event["parent"] == fact["parent"]
        assert fact["from_ns"] <= int(event["deadline"]) <= fact["to_ns"]
    assert not made
    ended = {e["context"]: e for e in dump.of("context_end")}
    causes = {"canceled": "1", "deadline": "2"}
    for fact in of(facts, "context_end"):
        event = ended.pop(fact["address"])
        assert event["goid"] == str(fact["goid"]) or fact["goid"] < 0
        assert event["cause"] == causes[fact["cause"]]
        assert dump.strings.get(event["error"], "") == fact["error"]
        assert dump.address(event["done"]) == fact["done"]
    assert not ended


def check_labels(dump, facts):
    """The labels in force at each sleep of the goroutines that set some."""
    found, known = {}, {str(f["goid"]) for f in of(facts, "labels")}
    sleep = next(k.rsplit(".", 1)[1] for k, v in dump.meta.items() if k.startswith("go.wait_reason.") and v == "sleep")
    now = {}
    for event in dump.of("labels", "park"):
        goid = event["goid"]
        if event["event"] == "labels":
            now[goid] = json.loads(dump.strings[event["labels"]]) if event["labels"] != "0" else None
        elif goid in known and event["reason"] == sleep:
            found.setdefault(goid, []).append(now.get(goid))
    for goid in known:
        expected = [f["labels"] for f in of(facts, "labels") if str(f["goid"]) == goid]
        assert found[goid][-len(expected):] == expected
        assert all(labels is None for labels in found[goid][:-len(expected)])


def check_spans(dump, facts):
    assert dump.meta["user_probe.1"] == PROBE
    assert dump.meta["user_probe.1.function"] == "main.handleOrder" and dump.meta["user_probe.1.values"] == "id,pad"
    spans = of(facts, "span")
    events = dump.of("span_begin", "span_end", goid=spans[0]["goid"])
    assert len(events) == len(dump.of("span_begin", "span_end")) == 2 * len(spans)
    for fact, begin, end in zip(spans, events[::2], events[1::2]):
        assert (begin["event"], end["event"], begin["probe"], end["probe"]) == ("span_begin", "span_end", "1", "1")
        assert (begin["value_1"], begin["value_2"], begin["value_3"]) == (str(fact["id"]), "0", "0")
        assert inside(fact, begin["time"]) and inside(fact, end["time"])


def check_selects(dump, facts):
    for fact in of(facts, "select"):
        (event,) = dump.of("select", goid=fact["goid"])
        cases = dump.sets[event["set"]]
        assert [dump.address(number) for _, number in cases] == fact["objects"]
        assert [direction for direction, _ in cases] == ["send" if i < fact["sends"] else "recv" for i in range(len(cases))]
        (fired,) = dump.of("fired", goid=fact["goid"])
        assert dump.address(fired["object"]) == fact["fired"]
        ready = next(e for e in dump.of("ready", goid=fact["goid"]) if e["time"] >= fired["time"])
        assert (ready["time"], ready["tid"]) == (fired["time"], fired["tid"])


def check_names(dump, facts):
    objects = dump.objects.values()
    for fact in of(facts, "variable"):
        assert [o["type"] for o in objects if o["addr"] == fact["address"]] == [fact["name"]]
    for fact in of(facts, "net"):
        name = f"tcp {fact['local']}->{fact['remote']} fd {fact['fd']}"
        (park,) = [e for e in dump.of("park", goid=fact["goid"]) if dump.objects.get(e["object"], {}).get("type") == name]
        assert dump.objects[park["object"]]["kind"] == "polldesc"


@pytest.mark.parametrize("version, mode", CASES)
def test_all_that_can_be_told(tmp_path, version, mode):
    dump, facts = recorded(tmp_path, version, "--detail", "all", "--probe", PROBE, mode=mode)
    minor = int(dump.meta["go.version"].split(".")[1])
    assert dump.meta["record.detail"] == "all"
    check_world(dump, facts, minor)
    check_contexts(dump, facts)
    check_labels(dump, facts)
    check_spans(dump, facts)
    check_selects(dump, facts)
    check_names(dump, facts)


def test_levels_have_what_they_say(tmp_path):
    dumps = {level: recorded(tmp_path, "local", "--detail", level)[0] for level in ("block", "sched")}
    events = {level: {e["event"] for e in dump.events} for level, dump in dumps.items()}
    for level in events:
        assert dumps[level].meta["record.detail"] == level
        assert {"create", "end", "park", "ready", "select", "net", "stw", "gomaxprocs"} <= events[level]
        assert not {"context", "context_end", "fired", "p_lost", "p_handoff", "assist", "m_new", "span_begin"} & events[level]
    assert "exec" not in events["block"] and "probe.exec" not in dumps["block"].meta and "probe.sched" in dumps["block"].meta
    assert "labels" in events["block"] and {"exec", "labels"} <= events["sched"]
    facts = recorded(tmp_path, "local", "--detail", "block")
    check_world(*facts, int(facts[0].meta["go.version"].split(".")[1]))


@pytest.mark.parametrize("flags", [(), ("-ldflags=-s -w",)], ids=["plain", "stripped"])
def test_limits_of_a_started_program(trace, flags):
    """The runtime sets them after the start, and the program has gone at the end."""
    environment = dict(os.environ, GOGC="77", GOMEMLIMIT="2GiB")
    result = harness.launched(trace, harness.goprog("truth", flags=flags), "-rounds", "2", env=environment)
    assert result.status == 0, result
    facts = {row["key"]: row["value"] for row in harness.replay_json(trace, "info")}
    for when in ("go", "end"):
        assert facts[f"{when}.gogc"] == "77" and facts[f"{when}.memory_limit"] == str(2 << 30), facts
    assert facts["end.gomaxprocs"]


def test_unknown_functions_are_named(tmp_path):
    program = harness.goprog("detail")
    result = harness.launched(tmp_path / "x.gotape", program, options=["--probe", "main.handelOrder"])
    assert result.status == 125 and "did you mean main.handleOrder?" in result.err
    result = harness.run(harness.RECORD, "--check", "--probe", PROBE, "--", program)
    assert result.status == 0, result
    assert "span_1_end_1" in result.out and "single-step" in result.out
