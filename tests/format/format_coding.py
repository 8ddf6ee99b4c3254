"""The section CODING of gotape(5): chances, numbers, and what reader and writer learn from the events."""

MASK = (1 << 64) - 1


def unzigzag(code):
    return code >> 1 ^ -(code & 1)


def hash64(a, b, c):
    x = (a * 0x9E3779B97F4A7C15 + b * 0xD6E8FEB86659FD93 + c * 0xC2B2AE3D27D4EB4F) & MASK
    return (x ^ x >> 32) * 0xD6E8FEB86659FD93 & MASK


class Coder:
    """Decisions, nibbles and numbers out of the code, with chances of their own for each context (any key)."""

    def __init__(self, code, raw):
        assert len(code) % 4 == 0 and len(raw) % 4 == 0
        self.numbers = iter([int.from_bytes(code[i:i + 4], "little") for i in range(0, len(code), 4)])
        self.low = next(self.numbers) << 32 | next(self.numbers)
        self.range = MASK
        self.raw_bits, self.raw_left = int.from_bytes(raw, "little"), len(raw) * 8
        self.chances = {}

    def _refill(self):
        if self.range < 1 << 32:
            self.range <<= 32
            self.low = self.low << 32 | next(self.numbers)

    def decision(self, *context):
        chance = self.chances.setdefault(context, [32768, 0])
        bound = (self.range >> 16) * chance[0]
        rate = (chance[1] + 1).bit_length()
        if self.low < bound:
            bit, self.range = 0, bound
            chance[0] += (65511 - chance[0]) >> rate
        else:
            bit, self.range = 1, self.range - bound
            self.low -= bound
            chance[0] -= (chance[0] - 24) >> rate
        chance[1] = min(chance[1] + 1, 15)
        self._refill()
        return bit

    def nibble(self, *context):
        chances = self.chances.get(context)
        if chances is None:
            chances = self.chances[context] = [2048 * n for n in range(16)] + [0]  # the last one: how often used
        part = self.range >> 15
        value = 15
        while value > 0 and self.low < part * chances[value]:
            value -= 1
        begin = part * chances[value]
        self.range = (part * chances[value + 1] if value < 15 else self.range) - begin
        self.low -= begin
        rate = (chances[16] + 1).bit_length()
        for n in range(1, 16):
            aim = 4 * n if n <= value else 32704 + 4 * n
            chances[n] += (aim - chances[n]) >> rate
        chances[16] = min(chances[16] + 1, 15)
        self._refill()
        return value

    def raw(self, count):
        assert count <= self.raw_left
        value = self.raw_bits & (1 << count) - 1
        self.raw_bits >>= count
        self.raw_left -= count
        return value

    def number(self, *context, top=None):
        """`top`: the context of the top, where that is another one."""
        half = self.nibble("half", *context)
        bits = 30 + self.raw(6) if half == 15 else 0
        assert bits <= 64
        top = self.nibble("top", half, *(context if top is None else top))
        if half < 2:
            return top
        if half < 15:
            rest = 2 * half + (top >> 3) - 4
            return (8 | top & 7) << rest | self.raw(rest)
        value, rest = 16 | top, bits - 5
        if rest > 32:
            value, rest = value << rest - 32 | self.raw(rest - 32), 32
        return value << rest | self.raw(rest)

    def distance(self, *context):
        return unzigzag(self.number(*context))


class Values:
    """The table of pairs: the last value for a key, and the last one before that was another."""

    def __init__(self, bits):
        self.bits, self.pairs = bits, {}

    def at(self, use, a, b=0):
        return self.pairs.setdefault(hash64(use, a, b) >> 64 - self.bits, [0, 0])


def learn(pair, value):
    if pair[0] != value:
        pair[:] = value, pair[0]
