"""What the worker remembers of every card: its payments of the last ten minutes.

A Faust table in everything that concerns partitions, changelog, recovery and rebalance. Reading and writing are
ours, per micro-batch: `observe` reads and computes without side effects, the caller publishes `Update.delta` to the
changelog, and only then `apply` writes.
"""

import logging
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import faust
import numpy as np
import numpy.typing as npt
from faust.tables.manager import TableManager
from faust.types import TP

from fraudstream.adapters.coalescing_consumer import CoalescingConsumer
from fraudstream.adapters.publisher import Acknowledged
from fraudstream.domain.activity import (
    ENTRY,
    LATE_BY_MAX_MS,
    WINDOW_MS,
    CardActivity,
    Conflict,
    Entry,
    Observed,
    bucket_of,
    unpack,
)
from fraudstream.domain.activity_columns import ENTRIES, Answers, Ints, answers
from fraudstream.tables.activity_store import OPTIONS, ActivityStore, Clock, bucket_key

logger = logging.getLogger(__name__)

ARRIVAL_SHIFT = 28
"""A payment's arrival number is its offset shifted left; the room between two offsets is for re-keyed payments, which
come from a topic of their own: 2^28 of them between two keyed ones, and 2^36 offsets a partition."""

COLUMNAR_FROM = 24
"""Below this many payments the sequential path is faster than setting up the columns (0.2 ms)."""

TOKEN = np.dtype("V16")
BUCKET_BITS = 24
"""Room for the number of a ten-minute bucket since 1970 in a place: until the year 2288."""
BUCKET_MASK = (1 << BUCKET_BITS) - 1

NO_ANSWER = Observed(1, 0, -1, 1, 0)
"""Stands in for the answer of a conflicting payment, which nobody reads."""


def _or_none_yet(offset: int | None) -> int:
    """Return an offset, or -1 for a partition without any."""
    return -1 if offset is None else offset


class Arrivals(NamedTuple):
    """Payments to observe, as columns, in order of arrival."""

    card: list[bytes]
    event_time_ms: Sequence[int]
    cents: Sequence[int]
    tid: list[int]
    offset: list[int | None]
    """None for a re-keyed payment: its place is after all that came before."""


class Update(NamedTuple):
    """What a micro-batch does to one partition: the answers now, the writes later."""

    answers: Answers
    late_by_ms: Ints
    conflicts: npt.NDArray[np.bool_]
    """Payments whose transaction id is known with another time or amount; their answers mean nothing."""
    buckets: dict[bytes, bytes]
    delta: bytes
    clock: Clock


class ActivityTable(faust.Table[bytes, bytes]):
    """Card token -> entries of the last ten minutes, exact and idempotent by transaction id."""

    logger = logging.getLogger("faust.tables")  # Faust's own messages, apart from ours
    _changelog_compacting = False
    _changelog_deleting = True

    def __init__(self, app: faust.App, *, lateness_horizon_ms: int, name: str, partitions: int) -> None:
        """`lateness_horizon_ms`: how late a payment may be and still find its ten minutes kept whole."""
        super().__init__(
            app, name=name, partitions=partitions, key_type=bytes, value_type=bytes, recovery_buffer_size=4
        )
        self.lateness_horizon_ms = lateness_horizon_ms
        self._last_changelog_offset: dict[int, int] = {}
        self._frozen: set[int] = set()
        self._uncommitted: dict[int, deque[tuple[dict[TP, int], int]]] = {}

    @property
    def store(self) -> ActivityStore:
        """The table's RocksDB."""
        return cast(ActivityStore, self.data)

    def _new_store(self) -> ActivityStore:
        """Return our store. The options are copied because Faust's store takes entries out of what it is given."""
        return ActivityStore(
            "rocksdb://",
            self.app,
            self,
            table_name=self.name,
            key_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
            value_type=bytes,
            loop=self.loop,
            options=dict(OPTIONS),
        )

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Start afresh after a recovery, and stop the flow until Faust has sought the committed offsets.

        Faust resumes the partitions first, seeks, and then clears its queues: whatever it fetched in between would be
        skipped for ever (docs/decisions/0006-delta-changelog-table.md, trap T1).
        """
        await super().on_recovery_completed(active_tps, standby_tps)
        self.app.consumer.stop_flow()
        self.app.flow_control.suspend()
        logger.info(
            "deciding partitions %s", ", ".join(str(tp.partition) for tp in sorted(active_tps)) or "none"
        )
        highwaters = cast(TableManager, self.app.tables).recovery.active_highwaters
        self._frozen.clear()
        self._uncommitted.clear()
        self._last_changelog_offset = {
            tp.partition: max(_or_none_yet(self.store.persisted_offset(tp)), _or_none_yet(highwaters.get(tp)))
            for tp in active_tps
        }

    def observe(self, partition: int, arrivals: Arrivals) -> Update:
        """Answer each payment's ten minutes in order; writes nothing."""
        clock = self.store.clock(partition)
        numbered: dict[bytes, int] = {}
        card = np.array([numbered.setdefault(token, len(numbered)) for token in arrivals.card], np.int64)
        new = _entries(arrivals, clock)
        tokens = np.frombuffer(b"".join(numbered), TOKEN)
        place = card << BUCKET_BITS | new["event_time_ms"] // WINDOW_MS
        touched = np.unique(np.concatenate([place - 1, place]))
        owners = (touched >> BUCKET_BITS).tolist()
        keys = _keys(tokens, touched)
        stored = self.store.get_many(partition, keys)
        found = [(key, owner) for key, owner in zip(keys, owners, strict=True) if key in stored]
        old = np.frombuffer(b"".join(stored[key] for key, _ in found), ENTRIES)
        old_card = np.repeat(
            np.array([owner for _, owner in found], np.int64),
            [len(stored[key]) // ENTRY.size for key, _ in found],
        )
        if len(new) < COLUMNAR_FROM:
            columns = Answers(*(np.zeros(len(new), np.int64) for _ in Answers._fields))
            unordered = np.ones(len(tokens), np.bool_)
        else:
            columns, unordered = answers(old, old_card, new, card, self.lateness_horizon_ms)
        added = np.ones(len(new), np.bool_)
        conflicts = np.zeros(len(new), np.bool_)
        activities: dict[int, CardActivity] = {}
        for row in np.flatnonzero(unordered[card]).tolist():
            owner = int(card[row])
            if owner not in activities:
                buckets = [stored[key] for key, key_owner in found if key_owner == owner]
                activities[owner] = CardActivity(buckets, self.lateness_horizon_ms)
            observed, added[row] = _observed(activities[owner], new[row])
            conflicts[row] = observed is None
            for column, answer in zip(columns, observed or NO_ANSWER, strict=False):
                column[row] = answer
        return Update(
            columns,
            new["late_by_ms"].astype(np.int64),
            conflicts,
            _grown(stored, tokens, place[added], new[added]),
            _delta(tokens[card[added]], new[added]),
            Clock(
                max(clock.watermark_ms, int(new["event_time_ms"].max(initial=0))),
                max(clock.last_arrival, int(new["arrival"].max(initial=0))),
            ),
        )

    def apply(
        self, partition: int, update: Update, acknowledged: Sequence[Acknowledged], sources: dict[TP, int]
    ) -> None:
        """Write an update whose delta the changelog has acknowledged.

        `sources`: the last source offset of the micro-batch per topic partition. If somebody else wrote to the
        changelog in between (a worker that was thought dead), the stored changelog offset stays where it is until
        the next recovery, so that the foreign records are not skipped.
        """
        last = self._last_changelog_offset.get(partition, -1)
        for base_offset, records in acknowledged:
            if base_offset != last + 1 and partition not in self._frozen:
                self._frozen.add(partition)
                logger.warning(
                    "another writer on the changelog of partition %s: %s after %s",
                    partition,
                    base_offset,
                    last,
                )
            last = base_offset + records - 1
        self._last_changelog_offset[partition] = last
        offset = None if partition in self._frozen or not acknowledged else last
        self.store.write(partition, update.buckets, update.clock, offset, self._expire_before(partition))
        self._uncommitted.setdefault(partition, deque()).append((sources, update.clock.watermark_ms))

    def _expire_before(self, partition: int) -> int | None:
        """Return the time before which buckets go, or None.

        Judged by the watermark of micro-batches whose offsets are committed: a replay then always finds what the
        first run found.
        """
        watermark_ms = None
        uncommitted = self._uncommitted.get(partition, deque())
        consumer = cast(CoalescingConsumer, self.app.consumer)
        while uncommitted and all(
            consumer.committed_offset(tp) > offset for tp, offset in uncommitted[0][0].items()
        ):
            watermark_ms = uncommitted.popleft()[1]
        if watermark_ms is None:
            return None
        return max(0, bucket_of(watermark_ms - self.lateness_horizon_ms - WINDOW_MS))

    def activity_of(self, card: str) -> tuple[list[Entry], int] | None:
        """Return a card's entries in the newest two buckets and its partition's watermark; None if there are none."""
        token = bytes.fromhex(card)
        for partition in self.store.held_partitions():
            watermark_ms = self.store.clock(partition).watermark_ms
            bucket = bucket_of(watermark_ms)
            keys = [bucket_key(start, token) for start in (max(0, bucket - WINDOW_MS), bucket)]
            stored = self.store.get_many(partition, keys)
            if stored:
                return unpack(stored.values()), watermark_ms
        return None

    def info(self) -> dict[str, Any]:
        """Return what Faust needs to clone the table."""
        return {
            "app": self.app,
            "name": self.name,
            "partitions": self.partitions,
            "lateness_horizon_ms": self.lateness_horizon_ms,
        }


def _entries(arrivals: Arrivals, clock: Clock) -> npt.NDArray[np.void]:
    """Turn payments into entries: number their arrival and say how late they are."""
    new = np.empty(len(arrivals.card), ENTRIES)
    new["event_time_ms"], new["cents"], new["tid"] = arrivals.event_time_ms, arrivals.cents, arrivals.tid
    last = clock.last_arrival
    numbers = []
    for offset in arrivals.offset:
        number = last + 1 if offset is None else offset << ARRIVAL_SHIFT
        last = max(last, number)
        numbers.append(number)
    new["arrival"] = numbers
    seen_ms = np.maximum.accumulate(np.concatenate([[clock.watermark_ms], new["event_time_ms"]]))[:-1]
    new["late_by_ms"] = np.clip(seen_ms - new["event_time_ms"], 0, LATE_BY_MAX_MS)
    return new


def _keys(tokens: npt.NDArray[np.void], places: Ints) -> list[bytes]:
    """Return the keys of the buckets at these places (index of the card, number of the bucket)."""
    keys = np.empty(len(places), [("start", ">u8"), ("card", TOKEN)])
    keys["start"] = (places & BUCKET_MASK) * WINDOW_MS
    keys["card"] = tokens[places >> BUCKET_BITS]
    packed, size = keys.tobytes(), keys.itemsize
    return [packed[start : start + size] for start in range(0, len(packed), size)]


def _observed(activity: CardActivity, entry: np.void) -> tuple[Observed | None, bool]:
    """Ask one card sequentially; return its answer (None: conflict) and whether the payment was added."""
    kept = len(activity.entries)
    event_time_ms, cents, late_by_ms, tid, arrival = entry.item()
    try:
        observed = activity.observe(event_time_ms, cents, late_by_ms, tid, arrival)
    except Conflict:
        return None, False
    return observed, len(activity.entries) > kept


def _grown(
    stored: dict[bytes, bytes], tokens: npt.NDArray[np.void], places: Ints, added: npt.NDArray[np.void]
) -> dict[bytes, bytes]:
    """Return the buckets that get new entries, with them; `places` says which bucket each entry belongs to."""
    order = np.argsort(places, kind="stable")
    grown, first = np.unique(places[order], return_index=True)
    packed = added[order].tobytes()
    bounds = [*(first * ENTRY.size).tolist(), len(packed)]
    return {
        key: stored.get(key, b"") + packed[start:end]
        for key, start, end in zip(_keys(tokens, grown), bounds[:-1], bounds[1:], strict=True)
    }


def _delta(cards: npt.NDArray[np.void], added: npt.NDArray[np.void]) -> bytes:
    """Return the changelog value: card token and entry of every payment that was added."""
    deltas = np.empty(len(added), [("card", TOKEN), ("entry", ENTRIES)])
    deltas["card"], deltas["entry"] = cards, added
    return deltas.tobytes()
