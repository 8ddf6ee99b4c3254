"""Reads a trace of version 2 with nothing but gotape(5) in hand: no code is shared with our programs.

    format_trace.py FILE: the facts, definitions and events, as lists."""

import dataclasses
import subprocess
import sys

from format_coding import unzigzag
from format_events import Decoder, Field
from format_page import Page


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        assert self.at + count <= len(self.data), "the block is cut"
        self.at += count
        return self.data[self.at - count:self.at]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def string(self):
        return self.take(self.varint())

    def is_over(self):
        return self.at == len(self.data)

    def end(self):
        assert self.is_over(), "bytes behind the end of a block"


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def unzstd(data):
    return subprocess.run(["zstd", "-d", "-c", "-q"], input=data, stdout=subprocess.PIPE, check=True, timeout=60).stdout


@dataclasses.dataclass
class Chunk:
    header: dict
    facts: list  # (key, value)
    defined: list  # (kind, number, what)
    events: list


class Trace:
    def __init__(self, path, page=None):
        self.page = page or Page()
        with open(path, "rb") as file:
            data = file.read()
        self.chunks = []
        at = 0
        while at < len(data):
            header, at = self.header(data, at)
            payload = data[at:at + header["stored_size"]]
            at += header["stored_size"]
            raw = unzstd(payload)
            assert len(raw) == header["raw_size"]
            self.chunks.append(self.chunk(header, raw))

    def header(self, data, at):
        head = data[at:at + 160]
        assert head[8:16] == b"gotape\x1a\n"
        header = {name: int.from_bytes(head[offset:offset + size], "little") for name, (offset, size) in self.page.header.items()}
        assert header["frame_magic"] == 0x184D2A57 and header["frame_size"] == 152 and header["major"] == 2
        assert header["checksum"] == crc32c(head[:156])
        assert header["sequence"] == len(self.chunks)
        offset, size = self.page.header["trace_id"]
        header["trace_id"] = head[offset:offset + size].hex()
        header["at"] = at
        return header, at + 160

    def chunk(self, header, raw):
        chunk = Chunk(header, [], [], [])
        blocks = Bytes(raw)
        while not blocks.is_over():
            tag = self.page.tags.get(blocks.varint())
            body = Bytes(blocks.string())
            if tag is None:
                continue
            getattr(self, tag.lower())(body, chunk)
            body.end()
        assert len(chunk.events) == header["event_count"]
        return chunk

    def meta(self, body, chunk):
        while not body.is_over():
            chunk.facts.append((body.string(), body.string()))

    def index(self, body, chunk):
        names = ("at", "kind", "epoch", "first_time_ns", "last_time_ns", "event_count")
        for before in range(body.varint()):
            entry = {name: body.varint() for name in names}
            assert entry == {name: self.chunks[before].header[name] for name in names}

    # -- definitions

    def definitions(self, body, chunk, kind, item):
        first = body.varint()
        for number in range(first, first + body.varint()):
            chunk.defined.append((kind, number, item()))

    def strings(self, body, chunk):
        self.definitions(body, chunk, "string", body.string)

    def locations(self, body, chunk):
        def location():
            pc = body.varint()
            return pc, [(body.varint(), body.varint(), body.varint()) for _ in range(body.varint())]
        self.definitions(body, chunk, "location", location)

    def stacks(self, body, chunk):
        self.definitions(body, chunk, "stack", lambda: (body.varint(), [body.varint() for _ in range(body.varint())]))

    def near_objects(self, body, chunk):
        first, count = body.varint(), body.varint()
        columns = [Bytes(body.string()) for _ in range(6)]
        kind, flags, type_name, capacity, generation, address = [[column.varint() for _ in range(count)] for column in columns]
        for column in columns:
            column.end()
        last = {}
        for i in range(count):
            last[type_name[i] % 64] = addr = last.get(type_name[i] % 64, 0) + unzigzag(address[i]) & (1 << 64) - 1
            chunk.defined.append(("object", first + i, {"kind": kind[i], "flags": flags[i], "addr": addr, "generation": generation[i],
                                                        "type": type_name[i], "capacity": capacity[i]}))

    def near_sets(self, body, chunk):
        last = 0

        def case():
            nonlocal last
            last = last + unzigzag(body.varint()) & (1 << 32) - 1
            return last, body.varint()
        self.definitions(body, chunk, "set", lambda: (body.varint(), [case() for _ in range(body.varint())]))

    # -- events

    def coded(self, body, chunk):
        base, count = body.varint(), body.varint()
        types = {}
        for _ in range(body.varint()):
            number, fields = body.take(2)
            triples = [body.take(3) for _ in range(fields)]
            types[number] = [Field(number, place, how, of) for place, how, of in triples]
        sections = [(body.varint(), body.varint()) for _ in range(body.varint())]
        assert count == sum(length for _, length in sections)
        decoder = Decoder(self.page, types, base, count, body.string(), body.string())
        for ring, length in sections:
            chunk.events += [decoder.event(ring) for _ in range(length)]


if __name__ == "__main__":
    for part in Trace(sys.argv[1]).chunks:
        print(part.header)
        for line in (*part.facts, *part.defined, *part.events):
            print(line)
