"""Windows of many events at once: the fast form of `EntityWindow`, for entities whose events are in order.

Events of an entity nearly always arrive in order of event time and once. For such entities two binary searches over one
sorted column answer most features (0.5 µs an event instead of 8). Entities with a late event, a replay, a duplicate, a refund
or a reversal are named in `unordered` and left to `EntityWindow`, which is the definition; tests compare the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from fraudstream.domain.windows.cells import MISSING, Ints, numbers
from fraudstream.domain.windows.entity_window import Conflict, EntityWindow, Seen, computed
from fraudstream.domain.windows.entries import Entries, unpack_all
from fraudstream.domain.windows.reversing_window import window_of
from fraudstream.domain.windows.velocity import Velocity, Windows

Column = npt.NDArray[Any]
"""A feature's values: int64, or float64 with NaN where it is null."""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2^64 / golden ratio: spreads small entity indices over 64 bits."""

PAIRS_AT_ONCE = 1 << 20
"""Pairs of an event and one in its window that are looked at together: 8 MB a column."""

SUM_MAX = float(2**63 - 1024)


class Ranges:
    """Where each new event's window of one length lies among the sorted events: from `first` to `own`, both included."""

    def __init__(self, first: Ints, own: Ints) -> None:
        self.first, self.own = first, own
        self.events = own - first + 1

    def parts(self) -> list[tuple[slice, Ints, Ints]]:
        """Return, for some windows after the other: which, the places of all their events, where each window begins there."""
        ends = np.cumsum(self.events)
        cuts = [0]
        while cuts[-1] < len(ends):
            done = int(ends[cuts[-1] - 1]) if cuts[-1] else 0
            cuts.append(max(cuts[-1] + 1, int(np.searchsorted(ends, done + PAIRS_AT_ONCE, "right"))))
        parts = []
        for start, stop in pairwise(cuts):
            events = self.events[start:stop]
            begins = np.concatenate([[0], np.cumsum(events)[:-1]])
            within = np.arange(int(events.sum())) - np.repeat(begins, events)
            parts.append((slice(start, stop), np.repeat(self.first[start:stop], events) + within, begins))
        return parts


def aggregate_columns(
    windows: Windows,
    stored: Entries,
    stored_entity: Ints,
    new: Entries,
    new_entity: Ints,
    allowed_lateness_ms: int,
) -> tuple[list[Column], npt.NDArray[np.bool_]]:
    """Compute the new events' features over the stored events and each other.

    `stored` and `new` are in order of arrival, with the index of each one's entity. Returns a column for each feature and,
    per entity index, whether they are invalid: the entity's events are out of order, or have a repeated id, a refund or a reversal.
    """
    entity = np.concatenate([stored_entity, new_entity])
    times = np.concatenate([stored.event_time_ms, new.event_time_ms])
    cents = np.concatenate([stored.cents, new.cents])
    start_ms, end_ms = (int(times.min()), int(times.max())) if len(times) else (0, 0)
    time_bits = (end_ms - start_ms).bit_length()  # five months are 34, which leaves 29 for entities
    key = entity << time_bits | times - start_ms
    order = np.argsort(key, kind="stable")
    sequence = np.concatenate([stored.sequence, new.sequence])
    repeated = perhaps_repeated(np.concatenate([stored.id_hash, new.id_hash]), entity)
    unordered = _unordered(sequence, entity, order)
    unordered[entity[repeated]] = True
    unordered[entity[cents < 0]] = True
    if windows.reversal_at is not None:
        both = stored.values[windows.reversal_at], new.values[windows.reversal_at]
        unordered[entity[np.concatenate(both) != MISSING]] = True

    sorted_key = key[order]
    own = np.empty(len(order), np.int64)
    own[order] = np.arange(len(order))
    own = own[len(stored.sequence) :]
    time_ms = new.event_time_ms
    beyond_ms = np.maximum(0, new.late_by_ms - allowed_lateness_ms)
    kept_ms = time_ms - windows.layout.bucket_ms + beyond_ms

    def ranges(window_ms: int) -> Ranges:
        oldest_ms = np.maximum(time_ms - window_ms, kept_ms)
        since = (new_entity << time_bits) + np.maximum(oldest_ms - start_ms, 0)
        return Ranges(np.minimum(np.searchsorted(sorted_key, since), own), own)

    by_length = {
        length_ms: ranges(length_ms) for length_ms in {each.window_ms for each in windows.velocities}
    }
    each_value = zip(stored.values, new.values, strict=True)
    sources = [cents[order], *(np.concatenate(cells)[order] for cells in each_value)]
    sorted_times = times[order]
    columns = []
    for velocity, source in windows.sources:
        by_function = Computation(velocity, by_length[velocity.window_ms], windows.units)
        columns.append(by_function.column(sorted_times, sources[source]))
    if windows.reversal_at is not None:
        columns.append(np.full(len(time_ms), np.nan))
    return columns, unordered


class Computation:
    """One feature of many windows. `units`: how many minor units one unit of the currency has."""

    def __init__(self, velocity: Velocity, ranges: Ranges, units: float) -> None:
        self._velocity = velocity
        self._ranges = ranges
        self._units = units if velocity.kind == "amount" else 1.0

    def column(self, times: Ints, cells: Ints) -> Column:
        """Return the feature; times and cells of all events, in order of entity and time."""
        function, ranges = self._velocity.function, self._ranges
        if function == "count":
            return ranges.events
        if function == "seconds_since_previous":
            since_ms = times[ranges.own] - times[ranges.own - 1]
            return np.where(ranges.events > 1, since_ms / 1000, self._velocity.alone_s)
        if function == "distinct":
            return self._distinct(cells)
        if function == "same_share":
            return self._same_share(cells)
        values, there = numbers(self._velocity.kind, cells)
        if function == "last":
            before = ranges.own - 1
            return np.where((ranges.events > 1) & there[before], values[before] / self._units, np.nan)
        if function in ("min", "max"):
            return self._extreme(np.minimum if function == "min" else np.maximum, values, there)
        return self._added(values, there)

    def _added(self, values: Column, there: npt.NDArray[np.bool_]) -> Column:
        """Return sum or mean."""
        ranges, velocity = self._ranges, self._velocity
        every = velocity.kind == "amount"
        number = ranges.events if every else _between(there, ranges)
        given = values if every else np.where(there, values, 0)
        largest = max(-float(given.min(initial=0)), float(given.max(initial=0)))
        if given.dtype == np.int64 and largest * len(given) < SUM_MAX:
            total = _between(given, ranges).astype(np.float64)
        else:
            total = self._one_by_one(values, there)
        if velocity.function == "sum":
            return total / self._units
        if every:
            return total / (number * self._units)
        return np.where(number > 0, total / (np.maximum(number, 1) * self._units), np.nan)

    def _one_by_one(self, values: Column, there: npt.NDArray[np.bool_]) -> Column:
        """Return the sums by the definition: of floats, and of whole numbers that 64 bits may not hold."""
        kept = [
            value if given else None for value, given in zip(values.tolist(), there.tolist(), strict=True)
        ]
        sums = []
        velocity = replace(self._velocity, function="sum")
        for first, own in zip(self._ranges.first.tolist(), self._ranges.own.tolist(), strict=True):
            total = computed(velocity, Seen([], [kept], own, 0, (), True), 0, first, 1.0)
            sums.append(np.nan if total is None else total)
        return np.array(sums, np.float64)

    def _extreme(self, of_two: np.ufunc, values: Column, there: npt.NDArray[np.bool_]) -> Column:
        """Return min or max: of two overlapping runs of 2^k events, which are computed from those of half the length."""
        ranges = self._ranges
        nothing = np.inf if of_two is np.minimum else -np.inf
        run = np.where(there, values.astype(np.float64), nothing)
        level = np.frexp(ranges.events.astype(np.float64))[1] - 1
        found = np.empty(len(level))
        for k in range(int(level.max(initial=-1)) + 1):
            here = level == k
            found[here] = of_two(run[ranges.first[here]], run[ranges.own[here] - (1 << k) + 1])
            reach = 1 << k
            run = np.concatenate([of_two(run[:-reach], run[reach:]), run[max(0, len(run) - reach) :]])
        return np.where(np.isinf(found), np.nan, found / self._units)

    def _distinct(self, cells: Ints) -> Column:
        """Count the events of each window whose value does not come again before the window's end."""
        _, there = numbers(self._velocity.kind, cells)
        order = np.argsort(cells, kind="stable")
        again = np.full(len(cells), len(cells), np.int64)
        same = cells[order][1:] == cells[order][:-1]
        again[order[:-1][same]] = order[1:][same]
        found = np.empty(len(self._ranges.own), np.int64)
        for rows, places, begins in self._ranges.parts():
            own = np.repeat(self._ranges.own[rows], self._ranges.events[rows])
            counted = there[places] & (again[places] > own)
            found[rows] = np.add.reduceat(counted, begins, dtype=np.int64)
        return found

    def _same_share(self, cells: Ints) -> Column:
        _, there = numbers(self._velocity.kind, cells)
        ranges = self._ranges
        found = np.empty(len(ranges.own), np.int64)
        for rows, places, begins in ranges.parts():
            own = np.repeat(cells[ranges.own[rows]], ranges.events[rows])
            found[rows] = np.add.reduceat(cells[places] == own, begins, dtype=np.int64)
        return np.where(there[ranges.own], found / ranges.events, np.nan)


def _between(values: Column, ranges: Ranges) -> Ints:
    """Return the sum of each window's whole numbers."""
    total = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    return np.asarray(total[ranges.own + 1] - total[ranges.first])


def columns_of(windows: Windows, rows: int) -> list[Column]:
    """Return the features of events that are yet to be computed."""
    return [np.zeros(rows, dtype) for dtype in windows.dtypes]


def aggregate_sequentially(
    windows: Windows,
    columns: Sequence[Column],
    buckets: Mapping[int, Sequence[bytes]],
    new: Entries,
    entity: Ints,
    unordered: npt.NDArray[np.bool_],
    allowed_lateness_ms: int,
) -> tuple[npt.NDArray[np.bool_], list[int]]:
    """Compute the unordered entities' features by the definition, into `columns`; return which were added, which conflict.

    `new` are in order of arrival, `entity` the indices of theirs, `buckets` what is stored of an entity.
    """
    added = np.ones(len(entity), np.bool_)
    conflicts: list[int] = []
    seen: dict[int, EntityWindow] = {}
    rows = np.flatnonzero(unordered[entity])
    events = new if len(rows) == len(entity) else new.at(rows)
    for row, owner, event in zip(rows.tolist(), entity[rows].tolist(), events.rows(), strict=True):
        if owner not in seen:
            stored = unpack_all(windows.layout, buckets.get(owner, ()))
            seen[owner] = window_of(windows, stored, allowed_lateness_ms)
        window = seen[owner]
        kept = len(window.entries)
        try:
            answer = window.add(event)
        except Conflict:
            added[row] = False
            conflicts.append(row)
            continue
        added[row] = len(window.entries) > kept
        for column, number in zip(columns, answer.numbers, strict=True):
            column[row] = np.nan if number is None else number
        new.late_by_ms[row] = answer.late_by_ms  # of a known event: as late as it was the first time,
        new.sequence[row] = answer.sequence  # and the sequence of then
    return added, conflicts


def _unordered(sequence: Ints, entity: Ints, order: Ints) -> npt.NDArray[np.bool_]:
    """Return, per entity, whether sequence and event time disagree."""
    unordered = np.zeros(entity.max(initial=-1) + 1, np.bool_)
    sorted_entity, sequence = entity[order], sequence[order]
    swapped = (sequence[1:] <= sequence[:-1]) & (sorted_entity[1:] == sorted_entity[:-1])
    unordered[sorted_entity[1:][swapped]] = True
    return unordered


def perhaps_repeated(id_hash: npt.NDArray[np.uint64], owner: Ints) -> Ints:
    """Return the rows whose transaction id may be there more than once for the same owner (an entity, or a bucket of one).

    No repeated one is left out; two that merely have the same hash may be among them.
    """
    identity = id_hash ^ owner.astype(np.uint64) * GOLDEN
    ranked = np.sort(identity)
    twice = ranked[1:][ranked[1:] == ranked[:-1]]
    return np.flatnonzero(np.isin(identity, twice)) if len(twice) else np.zeros(0, np.int64)
