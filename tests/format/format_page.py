"""Tables of the man page gotape(5): the decoder knows nothing about the format but what stands there."""

import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parents[2] / "schema/format/gotape.5"


def _section(text, title):
    return re.search(rf"^\.S[hs] {re.escape(title)}\n(.*?)(?=^\.S[hs] |\Z)", text, re.M | re.S)[1]


def _numbered(text):
    """Number → name, of the rows of tables like `.It 1 Ta Ic META Ta …`."""
    return {int(number): name for number, name in re.findall(r"^\.It (\d+) Ta Ic (\w+)", text, re.M)}


class Page:
    def __init__(self, path=PAGE):
        text = path.read_text(encoding="utf-8")
        chunks, payload, definitions = (_section(text, name) for name in ("CHUNKS", "PAYLOAD", "DEFINITIONS"))
        self.header = {name: (int(offset), int(size)) for offset, size, name
                       in re.findall(r"^\.It (\d+) Ta (\d+) Ta Va (\w+)", chunks, re.M)}
        self.kinds = _numbered(chunks)
        self.tags = _numbered(payload)
        self.objects = _numbered(definitions)
        self.codings = {int(number): name for number, name
                        in re.findall(r"^\.It (\d+) (\w+)$", _section(text, "Fields"), re.M)}
        self.types = {}  # number → (name, [(field, what it is)])
        for block in re.split(r"^(?=\.It \d+ Ic )", _section(text, "Types"), flags=re.M)[1:]:
            number, name = re.match(r"\.It (\d+) Ic (\w+)", block).groups()
            self.types[int(number)] = name, re.findall(r"^\.It Va (\w+) Ta (\w+) Ta", block, re.M)
        self.names = {name: number for number, (name, _) in self.types.items()}
