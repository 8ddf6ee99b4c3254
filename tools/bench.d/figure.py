"""A figure: measured rows, goals held against them, and what could not be measured and why. Rounds of different modes are
interleaved, since virtual machines are noisy; a ratio is taken within each round, and the median of these is judged."""

import statistics


class Skipped(Exception):
    """Something that cannot be measured here, with the reason."""


class Failed(Exception):
    """A measurement that went wrong, with what was said."""


class Figure:
    def __init__(self, name, title):
        self.name, self.title = name, title
        self.rows, self.goals, self.skipped, self.failed, self.notes = [], [], [], [], []

    def row(self, what, values, unit):
        """Values of the rounds; unit as in "ns", "requests/s"."""
        values = [v for v in values if v is not None]
        if values:
            self.rows.append({"what": what, "unit": unit, **summary(values)})

    def goal(self, what, values, relation, bound, unit="×"):
        """relation is "<=" or ">="; values of the rounds in the unit of the bound. Without values it counts as skipped."""
        values = [v for v in values if v is not None]
        goal = {"what": what, "relation": relation, "bound": bound, "unit": unit}
        if values:
            median = statistics.median(values)
            goal |= {**summary(values), "outcome": "ok" if (median <= bound if relation == "<=" else median >= bound) else "missed"}
        else:
            goal["outcome"] = "skipped"
        self.goals.append(goal)

    def skip(self, what, reason):
        self.skipped.append({"what": what, "reason": str(reason)})

    def fail(self, what, reason):
        self.failed.append({"what": what, "reason": str(reason)})

    def note(self, text):
        self.notes.append(text)

    def as_json(self):
        return {"name": self.name, "title": self.title, "rows": self.rows, "goals": self.goals, "skipped": self.skipped,
                "failed": self.failed, "notes": self.notes}


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "values": values}


def interleave(figure, modes, rounds):
    """Calls each of {mode: function} once a round, each round beginning with another; {mode: [value, …]}, None where one was not
    to be had. A mode that cannot work, or failed, is told once and not tried again."""
    samples = {mode: [None] * rounds for mode in modes}
    names = list(modes)
    given_up = set()
    for number in range(rounds):
        first = number % len(names) if names else 0
        for mode in names[first:] + names[:first]:
            if mode in given_up:
                continue
            try:
                samples[mode][number] = modes[mode]()
            except Skipped as reason:
                figure.skip(mode, reason)
                given_up.add(mode)
            except Failed as reason:
                figure.fail(mode, reason)
                given_up.add(mode)
    return samples


def each(function, *columns):
    """function over the values of each round, None where one of them is missing or the result makes no sense."""
    return [None if None in row else guarded(function, row) for row in zip(*columns)]


def guarded(function, row):
    try:
        return function(*row)
    except ZeroDivisionError:
        return None


def ratio(over, under):
    return each(lambda a, b: a / b, over, under)


def pick(samples, key):
    """One value of the dictionaries that a mode gave."""
    return [None if sample is None else sample[key] for sample in samples]
