"""gotape(5) is enough to read a file: a decoder written from the page alone finds what gotape-replay finds, to the last event."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from format_page import Page
from format_trace import Trace

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPLAY = os.environ.get("GOTAPE_REPLAY") or str(ROOT / "build/dev/replay/gotape-replay")
TOOLS = pathlib.Path(os.environ.get("GOTAPE_TOOLS") or ROOT / "build/dev/tools")
REFERS = ("string", "location", "stack", "object", "set")  # in the order of the dump
OBJECT_FLAGS = ((1, "doubt"), (2, "unread"), (4, "timer"))
ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}

pytestmark = pytest.mark.skipif(not shutil.which("zstd"), reason="no zstd program")


# -- what gotape-replay says


def unquoted(text):
    if not text.startswith('"'):
        return text
    return re.sub(r"\\(x..|.)", lambda m: chr(int(m[1][1:], 16)) if m[1][0] == "x" else ESCAPES[m[1]], text[1:-1])


def dumped(path):
    """The lines of `dump --whole` as words, without what they explain."""
    result = subprocess.run([REPLAY, "dump", "--whole", path], capture_output=True, text=True, encoding="utf-8", errors="surrogateescape",
                            timeout=120, check=False)
    assert result.returncode in (0, 3), result.stderr  # 3: the recording has lost events
    for line in result.stdout.splitlines():
        line = line.replace("# end ", "end ", 1) if line.startswith("# end ") else line
        words = line.split(" ", 2)
        if words[0] in ("meta", "end", "string"):
            yield [*words[:2], unquoted(words[2])]
        else:
            words = re.findall(r'(?:[^ "]|"(?:[^"\\]|\\.)*")+', line.split("  # ")[0])
            yield [re.sub(r'"(?:[^"\\]|\\.)*"', lambda m: unquoted(m[0]), word) for word in words]


# -- what the decoder says, in the same words


class Told:
    def __init__(self, trace):
        self.trace, self.page, self.epoch, self.known = trace, trace.page, 1, {}

    def name(self, number):
        return "-" if number == 0 else self.known.get(("string", number), "lost")

    def id(self, kind, number):
        return str(number) if number == 0 or (kind, number) in self.known else "lost"

    def definition(self, kind, number, what):
        head = [kind, str(number)]
        if kind == "string":
            return [*head, what.decode(errors="surrogateescape")]
        if kind == "location":
            frames = [word for function, file, line in what[1] for word in (self.name(function), f"{self.name(file)}:{line}")]
            return [*head, f"pc={what[0]:#x}", *frames]
        if kind == "stack":
            return [*head, *(["cut"] if what[0] & 1 else []), *[self.id("location", n) for n in what[1]]]
        if kind == "set":
            cases = [f"{('any', 'send', 'recv')[direction]}:{self.id('object', n)}" for n, direction in what[1]]
            return [*head, *cases, *(["incomplete"] if what[0] & 1 else [])]
        words = [*head, self.page.objects[what["kind"]], f"addr={what['addr']:#x}", f"gen={what['generation']}"]
        words += [f"type={self.name(what['type'])}"] if what["type"] else []
        words += [f"cap={what['capacity']}"] if what["flags"] & 8 else []
        return words + [word for flag, word in OBJECT_FLAGS if what["flags"] & flag]

    def event(self, event):
        name, fields = self.page.types[event.type]
        words = [str(event.time), f"cpu={event.ring}", f"tid={event.tid}", name]
        for (field, kind), value in zip(fields, event.fields):
            text = f"{value:#x}" if kind == "address" else self.id(kind, value) if kind in REFERS else str(value)
            words.append(f"{field}={text}")
        return words

    def chunk(self, chunk):
        kind = self.page.kinds[chunk.header["kind"]]
        if chunk.header["epoch"] != self.epoch:
            self.epoch, self.known = chunk.header["epoch"], {}
            yield ["epoch"]
        for what, number, definition in chunk.defined:
            self.known[what, number] = definition.decode(errors="surrogateescape") if what == "string" else definition
        for key, value in chunk.facts:
            yield ["meta" if kind == "META" else "end", key.decode(), value.decode(errors="surrogateescape")]
        for definition in sorted(chunk.defined, key=lambda definition: REFERS.index(definition[0])):
            yield self.definition(*definition)
        for event in chunk.events:
            yield self.event(event)
        if kind == "EVENTS" and chunk.header["watermark_ns"]:
            yield ["watermark", str(chunk.header["watermark_ns"])]
        if kind in ("META", "EVENTS"):
            yield ["chunk"]


def compare(path):
    """The decoded trace; fails at the first line that differs."""
    trace = Trace(path)
    told = Told(trace)
    ours = [line for chunk in trace.chunks for line in told.chunk(chunk)]
    theirs = list(dumped(path))
    for number, (one, other) in enumerate(zip(ours, theirs)):
        assert one == other, f"line {number + 1}"
    assert len(ours) == len(theirs)
    return trace


def test_page_has_the_tables():
    page = Page()
    assert page.header["frame_magic"] == (0, 4) and page.header["checksum"] == (156, 4)
    assert page.types[3] == ("park", [("goid", "goid"), ("g", "address"), ("reason", "reason"), ("object", "object"), ("value", "uint"),
                                      ("stack", "stack")])
    assert sorted(page.types) == list(range(1, len(page.types) + 1)) and sorted(page.codings) == list(range(1, 17))


def test_golden_file():
    trace = compare(ROOT / "tests/golden/format-2.0.gotape")
    seen = {event.type for chunk in trace.chunks for event in chunk.events}
    assert seen >= set(trace.page.types) - {trace.page.names["carried"]}, "the file has events of nearly every type"


def test_synthetic_file(tmp_path):
    """Tens of thousands of events, whose tables fill and whose queues overflow."""
    path = tmp_path / "t.gotape"
    subprocess.run([TOOLS / "trace_synth", "--events", "20000", "--seed", "7", "-o", path], check=True, timeout=60)
    trace = compare(path)
    assert sum(len(chunk.events) for chunk in trace.chunks) >= 20000
