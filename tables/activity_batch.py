"""The arithmetic of one micro-batch: which buckets to read, each payment's ten minutes, what to write.

Writes nothing and knows neither Faust nor RocksDB: `read` is all it needs of the store.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fraudstream.domain.activity import ENTRY, LATE_BY_MAX_MS, WINDOW_MS
from fraudstream.domain.activity_columns import (
    ENTRIES,
    Ints,
    WindowAggregates,
    aggregate_columns,
    aggregate_sequentially,
)
from fraudstream.tables.activity_layout import DELTAS, TOKEN, Clock, bucket_keys, grown

SEQUENCE_SHIFT = 28
"""A payment's sequence is its offset in `transactions` shifted left. Repartitioned payments, which come from
another topic, are numbered in between: up to 2^28 after each offset. 2^35 offsets fit in a partition."""

COLUMNAR_FROM = 24
"""Below this many payments the sequential path is faster than setting up the columns (0.2 ms)."""

BUCKET_BITS = 24
"""Low bits of a `place`, for the number of the ten-minute bucket since 1970: enough until the year 2288."""
BUCKET_MASK = (1 << BUCKET_BITS) - 1


class Arrivals(NamedTuple):
    """Payments to aggregate, as columns: partition after partition, each in order of arrival."""

    rows: Mapping[int, int]
    """Partition -> how many of the payments are its own. A card's payments are all on one partition."""
    card: Sequence[bytes]
    event_time_ms: Sequence[int]
    cents: Sequence[int]
    id_hash: Sequence[int]
    offset: Sequence[int | None]
    """None for a repartitioned payment: it is numbered after all that arrived before it."""

    def without(self, gone: Ints) -> "Arrivals":
        """Return the arrivals without some rows."""
        partition = np.repeat([*self.rows], [*self.rows.values()])
        lost = Counter(partition[gone].tolist())
        kept = np.delete(np.arange(len(partition)), gone).tolist()
        rows = {number: count - lost[number] for number, count in self.rows.items()}
        columns: Any = ([column[row] for row in kept] for column in self[1:])
        return Arrivals(rows, *columns)


class Update(NamedTuple):
    """What a micro-batch does to one partition: its new deltas, its grown buckets, how far it has come."""

    delta: bytes
    buckets: dict[bytes, bytes]
    clock: Clock
    newest_ms: int
    """Newest event time among the micro-batch's own payments, 0 without any; in a replay the clock is ahead of it."""


class BatchAggregates(NamedTuple):
    """Each payment's ten minutes now, and what is to be written once it is published."""

    windows: WindowAggregates
    late_by_ms: Ints
    conflicts: Ints
    """Rows whose transaction id is known with another time or amount; their aggregates mean nothing."""
    updates: dict[int, Update]


def counted_to(clock: Clock) -> int:
    """Return the last offset of `transactions` whose payment was counted for certain, or -1.

    Offset 0 is never certain: repartitioned payments that arrive before any other share its numbers.
    """
    return clock.last_sequence >> SEQUENCE_SHIFT or -1 if clock.last_sequence >= 0 else -1


def aggregate(
    arrivals: Arrivals,
    clocks: Mapping[int, Clock],
    read: Callable[[int, list[bytes]], dict[bytes, bytes]],
    allowed_lateness_ms: int,
) -> BatchAggregates:
    """Aggregate the payments in order, from stored buckets (`read`: partition, keys) and from each other.

    A conflicting payment is not logged in the changelog, so it does not advance the watermark.
    """
    aggregates = _aggregate(arrivals, clocks, read, allowed_lateness_ms)
    gone = aggregates.conflicts
    if not len(gone):
        return aggregates
    rest = _aggregate(arrivals.without(gone), clocks, read, allowed_lateness_ms)
    places = gone - np.arange(len(gone))
    return rest._replace(
        windows=WindowAggregates(*(np.insert(column, places, 0) for column in rest.windows)),
        late_by_ms=np.insert(rest.late_by_ms, places, 0),
        conflicts=gone,
    )


def _aggregate(
    arrivals: Arrivals,
    clocks: Mapping[int, Clock],
    read: Callable[[int, list[bytes]], dict[bytes, bytes]],
    allowed_lateness_ms: int,
) -> BatchAggregates:
    """Aggregate the payments, conflicts included."""
    numbered: dict[bytes, int] = {}
    card = np.array([numbered.setdefault(token, len(numbered)) for token in arrivals.card], np.int64)
    tokens = np.frombuffer(b"".join(numbered), TOKEN)
    new, after = _entries(arrivals, clocks)
    partition = np.repeat(np.array([*arrivals.rows], np.int64), [*arrivals.rows.values()])
    home = np.zeros(len(tokens), np.int64)
    home[card] = partition
    bucket = new["event_time_ms"] // WINDOW_MS
    place = card << BUCKET_BITS | bucket
    newest = [clocks[number].watermark_ms // WINDOW_MS for number in arrivals.rows]
    behind = bucket < np.repeat(newest, [*arrivals.rows.values()])  # its id may be known from the next bucket
    stored, buckets = _read(
        tokens, np.unique(np.concatenate([place - 1, place, place[behind] + 1])), home, read
    )
    columns, unordered = _by_columns(buckets, new, card, len(tokens), allowed_lateness_ms)
    added, conflicts = aggregate_sequentially(columns, buckets, new, card, unordered, allowed_lateness_ms)
    keys_of = partial(_keys, tokens)
    updates = {}
    for number, clock in after.items():
        here = partition == number
        own = added & here
        delta = _delta(tokens[card[own]], new[own])
        newest_ms = int(new["event_time_ms"][here].max(initial=0))
        updates[number] = Update(delta, grown(stored, keys_of, place[own], new[own]), clock, newest_ms)
    return BatchAggregates(
        columns, new["late_by_ms"].astype(np.int64), np.array(conflicts, np.int64), updates
    )


def _read(
    tokens: npt.NDArray[np.void],
    places: Ints,
    home: Ints,
    read: Callable[[int, list[bytes]], dict[bytes, bytes]],
) -> tuple[dict[bytes, bytes], dict[int, list[bytes]]]:
    """Read the buckets at these places, partition by partition; return them by key, and by card, oldest first."""
    keys, owners = _keys(tokens, places), (places >> BUCKET_BITS)
    wanted: dict[int, list[bytes]] = {}
    for key, partition in zip(keys, home[owners].tolist(), strict=True):
        wanted.setdefault(partition, []).append(key)
    stored: dict[bytes, bytes] = {}
    for partition, asked in wanted.items():
        stored |= read(partition, asked)
    buckets: dict[int, list[bytes]] = {}
    for key, owner in zip(keys, owners.tolist(), strict=True):
        if key in stored:
            buckets.setdefault(owner, []).append(stored[key])
    return stored, buckets


def _by_columns(
    buckets: dict[int, list[bytes]],
    new: npt.NDArray[np.void],
    card: Ints,
    cards: int,
    allowed_lateness_ms: int,
) -> tuple[WindowAggregates, npt.NDArray[np.bool_]]:
    """Aggregate all payments at once; return also which cards need the sequential path (all, if payments are few)."""
    if len(new) < COLUMNAR_FROM:
        zeros = (np.zeros(len(new), np.int64) for _ in WindowAggregates._fields)
        return WindowAggregates(*zeros), np.ones(cards, np.bool_)
    old = np.frombuffer(b"".join(bucket for kept in buckets.values() for bucket in kept), ENTRIES)
    sizes = [sum(map(len, kept)) // ENTRY.size for kept in buckets.values()]
    return aggregate_columns(
        old, np.repeat(np.array([*buckets], np.int64), sizes), new, card, allowed_lateness_ms
    )


def _entries(
    arrivals: Arrivals, clocks: Mapping[int, Clock]
) -> tuple[npt.NDArray[np.void], dict[int, Clock]]:
    """Turn payments into entries with sequence and lateness; return them and the clocks after them."""
    numbers: list[int] = []
    late_by_ms: list[int] = []
    after: dict[int, Clock] = {}
    payments = zip(arrivals.event_time_ms, arrivals.offset, strict=True)
    for partition, rows in arrivals.rows.items():
        watermark_ms, last = clocks[partition]
        for event_time_ms, offset in islice(payments, rows):
            number = last + 1 if offset is None else offset << SEQUENCE_SHIFT
            numbers.append(number)
            late_by_ms.append(max(0, min(watermark_ms - event_time_ms, LATE_BY_MAX_MS)))
            watermark_ms, last = max(watermark_ms, event_time_ms), max(last, number)
        after[partition] = Clock(watermark_ms, last)
    new = np.empty(len(numbers), ENTRIES)
    new["event_time_ms"], new["cents"] = arrivals.event_time_ms, arrivals.cents
    new["id_hash"], new["sequence"], new["late_by_ms"] = arrivals.id_hash, numbers, late_by_ms
    return new, after


def _keys(tokens: npt.NDArray[np.void], places: Ints) -> list[bytes]:
    """Return the keys of the buckets at these places (index of the card, number of the bucket)."""
    return bucket_keys((places & BUCKET_MASK) * WINDOW_MS, tokens[places >> BUCKET_BITS])


def _delta(cards: npt.NDArray[np.void], added: npt.NDArray[np.void]) -> bytes:
    """Return the changelog value: card token and entry of every payment that was added."""
    deltas = np.empty(len(added), DELTAS)
    deltas["card"], deltas["entry"] = cards, added
    return deltas.tobytes()
