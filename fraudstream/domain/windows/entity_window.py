"""An entity's windows by the definition: events with event time in [t - window, t] that arrived before, plus itself.

A refund is an event with an amount below zero. It gets its entity's windows but counts in none, not even its own,
because it is not spending. It is stored like any other event, so that a replay gets the same answer.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple, cast

from fraudstream.domain.windows.cells import Number, number
from fraudstream.domain.windows.entries import WINDOW_MS, Entry
from fraudstream.domain.windows.velocity import Function, Velocity, Windows

Numbers = list[Number]
BY_TIME = attrgetter("event_time_ms", "sequence")


class Conflict(Exception):
    """A transaction id came again with another time or amount: one of the two is wrong, and we cannot know which."""


class Answer(NamedTuple):
    """What is said of one event."""

    numbers: Numbers
    """In the order of `Windows.velocities`."""
    late_by_ms: int
    sequence: int
    """That of its first arrival."""


class Seen(NamedTuple):
    """The events of an entity that count, in order of event time, and the event that is asked for."""

    times: list[int]
    values: list[Numbers]
    """The amounts, then a list for each value that entries keep."""
    end: int
    """How many of them come before the event."""
    own_ms: int
    own: Sequence[Number]
    counts: bool
    """Whether the event counts in its own windows; it then stands at `end`."""


class EntityWindow:
    """The stored events of one entity, indexed; lives for one micro-batch.

    Bisections find the windows of an event that nobody has seen yet: all others arrived before it. Replays take `_again`,
    which looks at every stored event.
    """

    __slots__ = (
        "_allowed_lateness_ms",
        "_by_id",
        "_last_sequence",
        "_times",
        "_values",
        "_windows",
        "entries",
    )

    def __init__(self, windows: Windows, entries: Iterable[Entry], allowed_lateness_ms: int) -> None:
        """Build from the stored entries; `allowed_lateness_ms` is the allowed lateness, up to which windows are complete."""
        self._windows = windows
        self._allowed_lateness_ms = allowed_lateness_ms
        self.entries = list(entries)
        bucket_ms = windows.layout.bucket_ms
        self._by_id = {
            (entry.event_time_ms - entry.event_time_ms % bucket_ms, entry.id_hash): entry
            for entry in self.entries
        }
        self._last_sequence = max([entry.sequence for entry in self.entries], default=-1)
        self._index()

    def add(self, event: Entry) -> Answer:
        """Count an event and return its windows; a known transaction id is answered as the first time.

        An id is known if the event's own bucket or a neighbouring one has it; other buckets do not count. Raises
        Conflict if it is known with another time or amount. `entries` grows by one if the event was counted.
        """
        bucket_ms, find = self._windows.layout.bucket_ms, self._by_id.get
        bucket, id_hash = event.event_time_ms - event.event_time_ms % bucket_ms, event.id_hash
        known = (
            find((bucket, id_hash))
            or find((bucket - bucket_ms, id_hash))
            or find((bucket + bucket_ms, id_hash))
        )
        if known is not None:
            if known.event_time_ms != event.event_time_ms or known.cents != event.cents:
                raise Conflict
            return self._again(known)
        self._by_id[bucket, id_hash] = event
        self.entries.append(event)
        if event.sequence <= self._last_sequence:
            self._index()
            return self._again(event)
        self._last_sequence = event.sequence
        times, own = self._times, self._decoded(event)
        end = bisect_right(times, event.event_time_ms)
        counts = event.cents >= 0
        if counts:
            times.insert(end, event.event_time_ms)
            for values, value in zip(self._values, own, strict=True):
                values.insert(end, value)
        return self._answer(event, Seen(times, self._values, end, event.event_time_ms, own, counts))

    def _decoded(self, entry: Entry) -> Sequence[Number]:
        if not entry.values:
            return (entry.cents,)
        kept = zip(self._windows.layout.values, entry.values, strict=True)
        return (entry.cents, *(number(value.kind, cell) for value, cell in kept))

    def _columns(self, counted: Sequence[Entry]) -> list[Numbers]:
        """Return the amounts of some events, and a list for each value."""
        columns: list[Numbers] = [[entry.cents for entry in counted]]
        for place, value in enumerate(self._windows.layout.values):
            columns.append([number(value.kind, entry.values[place]) for entry in counted])
        return columns

    def _answer(self, event: Entry, seen: Seen) -> Answer:
        """Compute every feature.

        No window reaches further back than the longest, less by how much the event is later than allowed. Older entries may
        have expired or not, depending on restarts; leaving them out makes a very late event's answer the same every time.
        """
        now, units = event.event_time_ms, self._windows.units
        beyond_ms = event.late_by_ms - self._allowed_lateness_ms
        kept_ms = now - self._windows.layout.bucket_ms + (beyond_ms if beyond_ms > 0 else 0)
        firsts: dict[int, int] = {}
        numbers: Numbers = []
        for velocity, source in self._windows.sources:
            length_ms = velocity.window_ms
            first = firsts.get(length_ms)
            if first is None:
                oldest_ms = now - length_ms
                first = bisect_left(seen.times, oldest_ms if oldest_ms > kept_ms else kept_ms, 0, seen.end)
                firsts[length_ms] = first
            numbers.append(computed(velocity, seen, source, first, units))
        return Answer(numbers, event.late_by_ms, event.sequence)

    def _again(self, entry: Entry) -> Answer:
        """Answer an event from all stored ones that arrived before it."""
        before = [
            other
            for other in self._counted()
            if other.event_time_ms <= entry.event_time_ms
            and other.sequence <= entry.sequence
            and other is not entry
        ]
        counts = entry.cents >= 0
        window = [*before, entry] if counts else before
        times = [other.event_time_ms for other in window]
        own = self._decoded(entry)
        seen = Seen(times, self._columns(window), len(before), entry.event_time_ms, own, counts)
        return self._answer(entry, seen)

    def _counted(self) -> list[Entry]:
        """Return the events that count, in order of time, those of one time as they arrived."""
        counted = [entry for entry in self.entries if entry.cents >= 0]
        return sorted(counted, key=BY_TIME)

    def _index(self) -> None:
        counted = self._counted()
        self._times = [entry.event_time_ms for entry in counted]
        self._values = self._columns(counted)


def computed(velocity: Velocity, seen: Seen, source: int, first: int, units: float) -> Number:
    """Return a feature of the window that begins at `first`; `source`: which of `seen.values` it is of."""
    function = velocity.function
    if function == "count":
        return seen.end - first + seen.counts
    if function == "seconds_since_previous":
        return (seen.own_ms - seen.times[seen.end - 1]) / 1000 if first < seen.end else velocity.alone_s
    values = seen.values[source]
    if function == "last":
        newest = values[seen.end - 1] if first < seen.end else None
        return None if newest is None else in_units(newest, velocity, units)
    window = values[first : seen.end + seen.counts]
    if function == "distinct":
        return len({value for value in window if value is not None})
    if function == "same_share":
        own = seen.own[source]
        return window.count(own) / len(window) if window and own is not None else None
    if velocity.kind == "amount":  # no event is without one
        return of_numbers(function, cast(list[float], window), velocity, units)
    return of_numbers(function, [value for value in window if value is not None], velocity, units)


def in_units(value: float, velocity: Velocity, units: float) -> float:
    """Return a value as it is published: amounts in units of their currency."""
    return float(value) / units if velocity.kind == "amount" else float(value)


def of_numbers(function: Function, window: list[float], velocity: Velocity, units: float) -> Number:
    """Return sum, mean, min or max of the values in a window.

    Whole numbers are added up exactly, floats so that the sum is the exact one rounded once: no order makes a difference.
    A sum that no float holds is null.
    """
    if function in ("min", "max"):
        if not window:
            return None
        return in_units(min(window) if function == "min" else max(window), velocity, units)
    total = exact_sum(window, velocity)
    if function == "sum":
        return None if total is None else in_units(total, velocity, units)
    if not window:
        return 0.0 if velocity.kind == "amount" else None
    if total is None:
        return None
    return total / (len(window) * units) if velocity.kind == "amount" else total / len(window)


def exact_sum(window: Sequence[float], velocity: Velocity) -> float | None:
    """Return the exact sum, rounded to a float; None if it is beyond the largest."""
    if velocity.kind != "float":
        return float(sum(window))
    try:
        return math.fsum(window)
    except OverflowError:
        return None


def last_ten_minutes(entries: Iterable[Entry], now_ms: int) -> list[Entry]:
    """Return the entries a page shows: the ten minutes up to `now_ms`, oldest first."""
    ordered = sorted(entries)
    times = [entry.event_time_ms for entry in ordered]
    return ordered[bisect_left(times, now_ms - WINDOW_MS) : bisect_right(times, now_ms)]
