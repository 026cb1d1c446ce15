"""The arithmetic of one micro-batch: which buckets to read, each event's windows, what to write.

Writes nothing and knows neither Faust nor RocksDB: `read` is all it needs of the store.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fraudstream.domain.windows.cells import Ints
from fraudstream.domain.windows.entries import LATE_BY_MAX_MS, Entries, Layout
from fraudstream.domain.windows.velocity import Windows
from fraudstream.domain.windows.window_columns import (
    Column,
    aggregate_columns,
    aggregate_sequentially,
)
from fraudstream.tables.activity_layout import TOKEN, Clock, bucket_keys, grown, packed_deltas

SEQUENCE_SHIFT = 28
"""A payment's sequence is its offset in `transactions` shifted left. Repartitioned payments, which come from
another topic, are numbered in between: up to 2^28 after each offset, as are the events of a record that has several.
2^35 offsets fit in a partition."""

BUCKET_BITS = 24
"""Low bits of a `place`, for the number of the bucket since 1970: enough for those of ten minutes until the year 2288."""
BUCKET_MASK = (1 << BUCKET_BITS) - 1


def sequences_of(offsets: Sequence[int | None], numbers: Sequence[int]) -> list[int | None]:
    """Return the sequence of each event by its offset in `transactions`; `numbers`: among those of its record, if several."""
    if not numbers:
        return [None if offset is None else offset << SEQUENCE_SHIFT for offset in offsets]
    return [
        None if offset is None else (offset << SEQUENCE_SHIFT) + max(0, number - 1)
        for offset, number in zip(offsets, numbers, strict=True)
    ]


class Arrivals(NamedTuple):
    """Payments to aggregate, as columns: partition after partition, each in order of arrival."""

    rows: Mapping[int, int]
    """Partition -> how many of the payments are its own. An entity's payments are all on one partition."""
    entity: Sequence[bytes]
    event_time_ms: Sequence[int]
    cents: Sequence[int]
    id_hash: Sequence[int]
    offset: Sequence[int | None]
    """None for a repartitioned payment: it is numbered after all that arrived before it."""
    values: Sequence[Sequence[int]] = ()
    """A column of cells for each value that entries keep."""
    number: Sequence[int] = ()
    """Of each payment among those of its record, from 1; empty if no record has several."""

    @property
    def sequences(self) -> Sequence[int | None]:
        """Return the sequence of each payment where records may have several; None for a repartitioned one."""
        return sequences_of(self.offset, self.number)

    def without(self, gone: Ints) -> "Arrivals":
        """Return the arrivals without some rows."""
        partition = np.repeat([*self.rows], [*self.rows.values()])
        lost = Counter(partition[gone].tolist())
        kept = np.delete(np.arange(len(partition)), gone).tolist()
        rows = {number: count - lost[number] for number, count in self.rows.items()}
        columns = ([column[row] for row in kept] for column in self[1:-2])
        values = [[cells[row] for row in kept] for cells in self.values]
        return Arrivals._make([rows, *columns, values, [self.number[row] for row in kept if self.number]])


class Update(NamedTuple):
    """What a micro-batch does to one partition: its new deltas, its grown buckets, how far it has come."""

    delta: bytes
    buckets: dict[bytes, bytes]
    clock: Clock
    newest_ms: int
    """Newest event time among the micro-batch's own payments, 0 without any; in a replay the clock is ahead of it."""


class BatchAggregates(NamedTuple):
    """Each event's velocity features now, and what is to be written once it is published."""

    windows: list[Column]
    """In the order of `Windows.velocities`."""
    late_by_ms: Ints
    conflicts: Ints
    """Rows whose transaction id is known with another time or amount; their aggregates mean nothing."""
    updates: dict[int, Update]
    sequence: Ints
    """Of each event's first arrival."""
    warming: npt.NDArray[np.bool_] | None = None
    """Which events have a window that may lack events from before the declaration changed; None if none has."""


def counted_to(clock: Clock) -> int:
    """Return the last offset of `transactions` whose payment was counted for certain, or -1.

    Offset 0 is never certain: repartitioned payments that arrive before any other share its numbers.
    """
    return clock.last_sequence >> SEQUENCE_SHIFT or -1 if clock.last_sequence >= 0 else -1


class Aggregation:
    """What the payments of a micro-batch are aggregated with: the features, what is stored, the allowed lateness."""

    def __init__(
        self,
        windows: Windows,
        read: Callable[[int, list[bytes]], dict[bytes, bytes]],
        allowed_lateness_ms: int,
    ) -> None:
        self._windows = windows
        self._layout = windows.layout
        self._read = read
        self._allowed_lateness_ms = allowed_lateness_ms


class MicroBatch(Aggregation):
    """Reads what is stored and aggregates; conflicts included."""

    def aggregate(self, arrivals: Arrivals, clocks: Mapping[int, Clock]) -> BatchAggregates:
        """Aggregate the payments in order."""
        numbered: dict[bytes, int] = {}
        entity = np.array([numbered.setdefault(token, len(numbered)) for token in arrivals.entity], np.int64)
        tokens = np.frombuffer(b"".join(numbered), TOKEN)
        new, after = _entries(arrivals, clocks)
        partition = np.repeat(np.array([*arrivals.rows], np.int64), [*arrivals.rows.values()])
        home = np.zeros(len(tokens), np.int64)
        home[entity] = partition
        bucket = new.event_time_ms // self._layout.bucket_ms
        place = entity << BUCKET_BITS | bucket
        newest = [clocks[number].watermark_ms // self._layout.bucket_ms for number in arrivals.rows]
        behind = bucket < np.repeat(
            newest, [*arrivals.rows.values()]
        )  # its id may be known from the next bucket
        asked = np.unique(np.concatenate([place - 1, place, place[behind] + 1]))
        stored, buckets = self._stored(tokens, asked, home)
        columns, unordered = self._by_columns(buckets, new, entity)
        added, conflicts = aggregate_sequentially(
            self._windows, columns, buckets, new, entity, unordered, self._allowed_lateness_ms
        )
        packed = self._layout.pack_columns(new)
        keys_of = partial(_keys, self._layout, tokens)
        updates = {}
        for number, clock in after.items():
            here = partition == number
            own = added & here
            delta = packed_deltas(self._layout, tokens[entity[own]], packed[own])
            newest_ms = int(new.event_time_ms[here].max(initial=0))
            updates[number] = Update(delta, grown(stored, keys_of, place[own], packed[own]), clock, newest_ms)
        return BatchAggregates(columns, new.late_by_ms, np.array(conflicts, np.int64), updates, new.sequence)

    def _stored(
        self, tokens: npt.NDArray[np.void], places: Ints, home: Ints
    ) -> tuple[dict[bytes, bytes], dict[int, list[bytes]]]:
        """Read the buckets at these places, partition by partition; return them by key, and by entity, oldest first."""
        keys, owners = _keys(self._layout, tokens, places), (places >> BUCKET_BITS)
        wanted: dict[int, list[bytes]] = {}
        for key, partition in zip(keys, home[owners].tolist(), strict=True):
            wanted.setdefault(partition, []).append(key)
        stored: dict[bytes, bytes] = {}
        for partition, asked in wanted.items():
            stored |= self._read(partition, asked)
        buckets: dict[int, list[bytes]] = {}
        for key, owner in zip(keys, owners.tolist(), strict=True):
            if key in stored:
                buckets.setdefault(owner, []).append(stored[key])
        return stored, buckets

    def _by_columns(
        self, buckets: dict[int, list[bytes]], new: Entries, entity: Ints
    ) -> tuple[list[Column], npt.NDArray[np.bool_]]:
        """Aggregate all payments at once; return also which entities need the sequential path."""
        packed = b"".join(bucket for kept in buckets.values() for bucket in kept)
        old = self._layout.unpack_columns(np.frombuffer(packed, self._layout.dtype))
        sizes = [sum(map(len, kept)) // self._layout.size for kept in buckets.values()]
        owners = np.repeat(np.array([*buckets], np.int64), sizes)
        return aggregate_columns(self._windows, old, owners, new, entity, self._allowed_lateness_ms)


def numbered(
    arrivals: Arrivals, clocks: Mapping[int, Clock]
) -> tuple[list[int], list[int], dict[int, Clock]]:
    """Return each payment's sequence and lateness, and the clocks after all of them."""
    numbers: list[int] = []
    late_by_ms: list[int] = []
    after: dict[int, Clock] = {}
    if arrivals.number:
        places, shift = arrivals.sequences, 0
    else:
        places, shift = arrivals.offset, SEQUENCE_SHIFT
    payments = zip(arrivals.event_time_ms, places, strict=True)
    for partition, rows in arrivals.rows.items():
        watermark_ms, last = clocks[partition]
        for event_time_ms, place in islice(payments, rows):
            number = last + 1 if place is None else place << shift
            numbers.append(number)
            late_by_ms.append(max(0, min(watermark_ms - event_time_ms, LATE_BY_MAX_MS)))
            watermark_ms, last = max(watermark_ms, event_time_ms), max(last, number)
        after[partition] = Clock(watermark_ms, last)
    return numbers, late_by_ms, after


def _entries(arrivals: Arrivals, clocks: Mapping[int, Clock]) -> tuple[Entries, dict[int, Clock]]:
    """Turn payments into entries; return them and the clocks after them."""
    numbers, late_by_ms, after = numbered(arrivals, clocks)
    new = Entries(
        np.array(arrivals.event_time_ms, np.int64),
        np.array(arrivals.cents, np.int64),
        np.array(late_by_ms, np.int64),
        np.array(arrivals.id_hash, np.uint64),
        np.array(numbers, np.int64),
        tuple(np.array(cells, np.int64) for cells in arrivals.values),
    )
    return new, after


def _keys(layout: Layout, tokens: npt.NDArray[np.void], places: Ints) -> list[bytes]:
    """Return the keys of the buckets at these places (index of the entity, number of the bucket)."""
    return bucket_keys((places & BUCKET_MASK) * layout.bucket_ms, tokens[places >> BUCKET_BITS])
