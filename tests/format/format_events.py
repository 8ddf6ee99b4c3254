"""The events of a block CODED, from the sections EVENTS and CODING of gotape(5)."""

import collections

from format_coding import MASK, Coder, Values, hash64, learn, unzigzag

G, GOID, CREATED, CREATOR, WOKEN = range(16384, 16389)
NEXT, OWN, SHARED, OTHER, NOWHERE = range(5)  # where a goroutine waits

Event = collections.namedtuple("Event", "time tid type ring fields")


class Ring:
    def __init__(self, base):
        self.time, self.tid, self.next_tid, self.types = base, 0, 0, (0, 0)


class Thread:
    def __init__(self):
        self.running = self.created = self.chain = self.before = self.found = 0
        self.has_stopped, self.p = False, None


class Processor:
    def __init__(self):
        self.next, self.queue, self.ended = 0, [], []


def put(queue, value):
    queue.append(value)
    del queue[:-64]


class Field:
    """One field of a type: how it is coded, and what came."""

    def __init__(self, type_number, place, how, of):
        self.type, self.place, self.how, self.of = type_number, place, how, of
        self.last, self.past, self.swapped = 0, 0, False

    def note(self, bit):
        self.past = (self.past << 1 | bit) & 15


class Decoder:
    """One chunk. The reader of the page's tables is `page`."""

    def __init__(self, page, types, base, count, code, raw):
        self.page, self.types = page, types
        self.coder = Coder(code, raw)
        self.bits = min(16, max(8, (2 * count - 1).bit_length()))
        self.values = Values(self.bits)
        self.base = base
        self.rings, self.threads, self.came = {}, collections.defaultdict(Thread), collections.Counter()
        self.order = collections.defaultdict(lambda: [0, 0, 0])
        self.processors, self.shared = collections.defaultdict(Processor), []
        self.recent, self.highest, self.history = [], collections.Counter(), collections.Counter()

    # -- thread, type, time

    def tid(self, ring):
        before = ring.types[0]
        expected = ring.next_tid & 0xFFFFFFFF if before == self.page.names["thread_off"] else ring.tid
        if not self.coder.decision("tid", before, 0):
            return expected
        place = hash64(0, ring.tid, 0) >> 54
        if not self.coder.decision("tid", before, 1):
            return self.came[place]
        self.came[place] = (ring.tid + self.coder.distance("tid")) & 0xFFFFFFFF
        return self.came[place]

    def type(self, ring, thread):
        situation = hash64(*ring.types, thread.chain) >> 64 - (self.bits - 4)
        types = self.order[situation]
        for k in range(3):
            if not self.coder.decision("type", situation, k):
                types.insert(0, types.pop(k))
                return types[0]
        types[:] = self.coder.number("type"), *types[:2]
        return types[0]

    def event(self, ring_number):
        ring = self.rings.setdefault(ring_number & 255, Ring(self.base))
        tid = self.tid(ring)
        thread = self.threads[hash64(0, tid, 0) >> 54]
        kind = self.type(ring, thread)
        lengths = hash64(kind, ring.types[0], 0) >> 64 - (self.bits - 6)
        time = ring.time + self.coder.number("time", lengths, top=("time", kind & 63)) & MASK
        self.at = ring, thread, tid, time, (ring_number if thread.p is None else thread.p) & 63
        fields = self.fields(kind)
        self.learn(kind, fields, thread)
        ring.time, ring.tid, ring.types, thread.before = time, tid, (kind, ring.types[0]), kind
        if self.is_type(kind, "thread_off"):
            ring.next_tid = fields[1]
        return Event(time, tid, kind, ring_number, fields)

    def is_type(self, kind, *names):
        return any(kind == self.page.names[name] for name in names)

    # -- fields

    def fields(self, kind):
        coding = self.types[kind]
        fields = [0] * len(coding)
        if not coding:
            return fields
        missed = self.coder.nibble("first", kind, self.history[kind] & 15)
        self.history[kind] = self.history[kind] << 1 | (missed < len(coding))
        for number, field in enumerate(coding):
            ring, thread, tid, time, p = self.at
            of = tid if field.of == 255 else fields[field.of]
            is_expected = number != missed
            value = getattr(self, "as_" + self.page.codings[field.how])(field, of, is_expected)
            fields[field.place] = field.last = value
            self.highest[field.how] = max(self.highest[field.how], value)
            if not is_expected and number + 1 < len(coding):
                missed = self.coder.nibble("next", kind, number)
        return fields

    def key(self, field, n, a, b=0):
        return self.values.at(64 * field.type + 4 * field.place + n, a, b)

    def choose(self, field, is_expected, expected, base):
        if is_expected:
            field.note(0)
            return expected[0]
        past = field.past
        field.note(1)
        for k in range(1, len(expected)):
            if expected[k] in expected[:k]:
                continue
            is_same = k + 1 < len(expected) and expected[k] == expected[k + 1]
            if not self.coder.decision("other", field.type, field.place, k, past, is_same):
                return expected[k]
        return base + self.coder.distance("field", field.type, field.place) & MASK

    def as_delta(self, field, of, is_expected):
        assert not is_expected
        return self.choose(field, False, [], field.last)

    def as_time(self, field, of, is_expected):
        return self.choose(field, is_expected, [0], self.at[3])

    def by_key(self, field, of, is_expected):
        pair = self.key(field, 0, of)
        value = self.choose(field, is_expected, list(pair), field.last)
        learn(pair, value)
        return value

    as_field = by_key

    def as_thread(self, field, of, is_expected):
        return self.by_key(field, self.at[2], is_expected)

    def as_found(self, field, of, is_expected):
        ring, thread = self.at[:2]
        return self.by_key(field, 256 * thread.found + ring.types[0], is_expected)

    def as_stack(self, field, of, is_expected):
        thread = self.at[1]
        last = self.key(field, 0, of)
        after = self.key(field, 1, of, hash64(0, last[0], thread.before))
        beside = self.key(field, 2, thread.before, hash64(0, last[0], thread.chain))
        expected = [after[0], beside[0], after[1]]
        if field.swapped:
            expected[:2] = expected[1::-1]
        value = self.choose(field, is_expected, expected, self.highest[field.how])
        if not is_expected:
            if value == expected[1] != expected[0]:
                field.swapped = not field.swapped
            learn(after, value)
            learn(beside, value)
        learn(last, value)
        thread.chain = value
        return value

    def as_g(self, field, of, is_expected):
        pair = self.values.at(G, of)
        value = self.choose(field, is_expected, pair[:1], field.last)
        if not is_expected:
            learn(pair, value)
            learn(self.values.at(GOID, value), of)
        return value

    def as_new_g(self, field, of, is_expected):
        ended = self.processors[self.at[4]].ended
        expected = [0, 0, *ended][:-3:-1]
        value = self.choose(field, is_expected, expected, field.last)
        for back in (1, 2):
            if value == expected[back - 1]:
                del ended[-back:len(ended) - back + 1]
                break
        learn(self.values.at(G, of), value)
        learn(self.values.at(GOID, value), of)
        return value

    def as_new_goid(self, field, of, is_expected):
        thread = self.at[1]
        value = self.choose(field, is_expected, [thread.created + 1 & MASK, field.last + 1 & MASK], field.last)
        thread.created = value
        return value

    def as_woken(self, field, of, is_expected):
        kin = self.values.at(WOKEN, self.at[1].chain)
        created, creator = self.values.at(CREATED, of)[0], self.values.at(CREATOR, of)[0]
        here, last = self.key(field, 0, of, self.at[1].chain), self.key(field, 1, of)
        expected = [{1: created, 2: creator}.get(kin[0], here[0]), here[0], last[0]]
        value = self.choose(field, is_expected, expected, field.last)
        if not is_expected:
            for number, candidate in ((1, created), (2, creator), (0, here[0])):
                if value == candidate:
                    kin[0] = number
                    break
            learn(here, value)
            learn(last, value)
        return value

    def as_object(self, field, of, is_expected):
        chain, highest = self.at[1].chain, self.highest[field.how]
        own, here = self.key(field, 0, of, chain), self.key(field, 1, chain)
        value = self.choose(field, is_expected, [own[0], here[0], highest + 1 & MASK], highest)
        if not is_expected:
            learn(own, value)
            learn(here, value)
        return value

    def as_newest(self, field, of, is_expected):
        pair, highest = self.key(field, 0, of), self.highest[field.how]
        value = self.choose(field, is_expected, [pair[0], highest + 1 & MASK, pair[1]], highest)
        learn(pair, value)
        return value

    def as_step(self, field, of, is_expected):
        pair = self.key(field, 0, self.at[1].chain)
        value = self.choose(field, is_expected, [pair[0], pair[0] + pair[1] & MASK], pair[0])
        pair[:] = value, value - pair[0] & MASK
        return value

    def as_recent(self, field, of, is_expected):
        place = 1 if is_expected else self.coder.number("recent")
        assert place <= len(self.recent)
        value = self.recent.pop(place - 1) if place else field.last + self.coder.distance("field", field.type, field.place) & MASK
        self.recent.insert(0, value)
        del self.recent[128:]
        return value

    # -- goroutines that wait for a P

    def waiting_first(self):
        """As expected: from where it comes, and itself."""
        p = self.processors[self.at[4]]
        if p.next:
            value, p.next = p.next, 0
            return NEXT, value
        for place, queue in ((OWN, p.queue), (SHARED, self.shared)):
            if queue:
                return place, queue.pop(0)
        raise AssertionError("nobody is expected")

    def waiting_elsewhere(self, field, is_running):
        ring, _, _, _, number = self.at
        p = self.processors[number]
        context = bool(p.next), bool(p.queue), bool(self.shared), self.is_type(ring.types[0], "park"), is_running
        place = OWN if p.next else NEXT
        while place < NOWHERE and self.coder.decision("place", place, *context):
            place += 1
        if place == NEXT:
            value, p.next = p.next, 0
        elif place == OWN:
            value = p.queue.pop(self.coder.number("own"))
        elif place == SHARED:
            value = self.shared.pop(self.coder.number("shared"))
        elif place == OTHER:
            other, index = self.processors[self.coder.number("other")], self.coder.number("other place")
            if index < 16:
                value = other.queue.pop(index)
            else:
                value, other.next = other.next, 0
        else:
            value = field.last + self.coder.distance("field", field.type, field.place) & MASK
        return place, value

    def as_runnable(self, field, of, is_expected):
        place, value = self.waiting_first() if is_expected else self.waiting_elsewhere(field, False)
        self.at[1].found = place
        return value

    def as_running(self, field, of, is_expected):
        thread = self.at[1]
        if not thread.has_stopped:
            value = self.choose(field, is_expected, [thread.running, 0], field.last)
        elif is_expected:
            thread.found, value = self.waiting_first()
            field.note(0)
        else:
            value = 0
            if self.coder.decision("other", field.type, field.place, 2, field.past, False):
                thread.found, value = self.waiting_elsewhere(field, True)
            field.note(value == 0)
        if value:
            thread.running, thread.has_stopped = value, False
        return value

    # -- what follows from the types

    def ready(self, p, goid):
        if p.next:
            put(p.queue, p.next)
        p.next = goid

    def learn(self, kind, fields, thread):
        name, p = self.page.types.get(kind, ("", ()))[0], self.processors[self.at[4]]
        value = dict(zip([field for field, _ in self.page.types[kind][1]], fields)) if name else {}
        if name == "exec":
            thread.running, thread.has_stopped, thread.p = value["goid"], False, value["p"]
        elif name == "create":
            learn(self.values.at(CREATED, value["creator"]), value["goid"])
            learn(self.values.at(CREATOR, value["goid"]), value["creator"])
            self.ready(p, value["goid"])
        elif name == "ready":
            self.ready(p, value["goid"])
        elif name == "net":
            for g in (value["read_g"], value["write_g"]):
                goid = self.values.at(GOID, g)[0] if g > 2 else 0
                if goid:
                    put(self.shared, goid)
        elif name in ("sched", "syscall_no_p"):
            put(self.shared, value["goid"])
        elif name == "yield":
            put(p.queue, value["goid"])
        elif name == "end":
            put(p.ended, self.values.at(G, value["goid"])[0])
        if name in ("park", "sched", "syscall_no_p", "yield", "end", "preempt_park", "coro"):
            thread.has_stopped = True
