"""Decides the payments of a frame with the worker's own decider, as if they were all of the topic and came in this order."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import polars as pl

from fraudstream.deciding.columns import Batch, Columns
from fraudstream.deciding.decider import Decided, Decider
from fraudstream.domain.degraded import Limits, degraded
from fraudstream.domain.detector import Detector
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.parser import Payment
from fraudstream.domain.features.catalogue import published_features
from fraudstream.domain.features.schema import (
    DEGRADED,
    FAILED_RULES,
    IF_THERE,
    JUDGED,
    PAID,
    UNKNOWN_FIELDS,
    WARMING_UP,
)
from fraudstream.domain.releases.plan import Plans
from fraudstream.domain.weekly import WeeklyStore
from fraudstream.domain.windows.cells import Ints
from fraudstream.domain.windows.velocity import Windows
from fraudstream.notebook.reading import Read
from fraudstream.tables.activity_batch import Arrivals, BatchAggregates
from fraudstream.tables.activity_layout import Clock
from fraudstream.tables.aggregating import aggregate

ROW, REFUSED = "row", "refused"
CONFLICT = "conflict: the id came before with another time or amount"

T = TypeVar("T")


class FrameActivity:
    """Computes windows of events that nothing was remembered before, by the arithmetic of the activity table."""

    def __init__(self, windows: Windows, allowed_lateness_ms: int) -> None:
        self.allowed_lateness_ms = allowed_lateness_ms
        self.conflicts: Ints = np.zeros(0, np.int64)
        """Of the events that were aggregated last."""
        self.windows = windows

    def plans(self, partitions: Iterable[int]) -> Mapping[int, Plans]:
        """Return that the detector itself decides, whatever releases there are."""
        return dict.fromkeys(partitions, Plans())

    def next_offset(self, partition: int) -> int:
        """Return the place of the next event among those of its partition."""
        return 0

    def aggregate(self, arrivals: Arrivals) -> BatchAggregates:
        """Aggregate events from each other."""
        clocks = dict.fromkeys(arrivals.rows, Clock())
        aggregates = aggregate(self.windows, arrivals, clocks, _nothing_stored, self.allowed_lateness_ms)
        self.conflicts = aggregates.conflicts
        return aggregates


def _nothing_stored(partition: int, keys: list[bytes]) -> dict[bytes, bytes]:
    return {}


class FrameDecider:
    """A detector and what it needs to decide frames."""

    def __init__(
        self,
        detector: Detector,
        event_type: EventType,
        allowed_lateness_ms: int,
        activity: FrameActivity | None = None,
    ) -> None:
        """`activity`: what is known of entities before the frame; None: nothing."""
        self._detector, self._event_type = detector, event_type
        self._activity = activity or FrameActivity(event_type.windows, allowed_lateness_ms)
        self._payments: Sequence[Payment] = ()
        self._columns = published_features(
            detector.model.features, event_type.entity is not None, event_type.declared
        )

    def settled(self) -> Columns:
        """Return the events that are being decided, without conflicts."""
        return Columns.of(self._payments).without(self._activity.conflicts)

    def decide(self, read: Read, rows: int, weekly: WeeklyStore) -> pl.DataFrame:
        """Return a decision for each of so many rows of a frame; a row that gets none has `refused` instead."""
        return apart(self._alone(read, rows, weekly))

    async def decided(self, read: Read, rows: int, weekly: WeeklyStore) -> pl.DataFrame:
        """Do the same with a store that is connected."""
        order = _by_partition(read.payments)
        payments = [read.payments[place] for place in order]
        self._payments = payments
        decided = await self._decided(payments, weekly)
        places = np.array(read.rows, np.int64)[order]
        refused = read.refused | dict.fromkeys(places[decided.conflicts].tolist(), CONFLICT)
        frame = self._shown(decided, np.delete(places, decided.conflicts))
        return _every_row(frame, rows, refused)

    async def _alone(self, read: Read, rows: int, weekly: WeeklyStore) -> pl.DataFrame:
        await weekly.connect()
        try:
            return await self.decided(read, rows, weekly)
        finally:
            await weekly.close()

    async def _decided(self, payments: Sequence[Payment], weekly: WeeklyStore) -> Decided:
        counts: dict[int, int] = {}
        for payment in payments:
            home = home_of(payment)
            counts[home] = counts.get(home, 0) + 1
        first = {home: self._activity.next_offset(home) for home in counts}
        offsets = [first[home] + place for home, count in counts.items() for place in range(count)]
        decider = Decider(self._activity, weekly, self._detector, self._event_type)
        return await decider.decide(Batch(counts, payments, offsets))

    def _shown(self, decided: Decided, rows: Ints) -> pl.DataFrame:
        """Return the columns of published decisions, in their order, and each one's row."""
        (part,) = decided.events.parts
        frame = part.events.frame()
        limits = Limits(self._activity.allowed_lateness_ms, self._event_type.windows.layout.bucket_ms)
        frame = frame.with_columns(
            degraded(limits, WARMING_UP.name in frame.columns, FAILED_RULES.name in frame.columns)
        )
        names = [
            *(column.name for column in PAID),
            *self._event_type.columns,
            *self._columns,
            *(column.name for column in JUDGED),
            *(
                column.name
                for column in (*IF_THERE, DEGRADED, UNKNOWN_FIELDS)
                if column.name in frame.columns
            ),
        ]
        return frame.select(pl.Series(ROW, rows, pl.Int64), *dict.fromkeys(names))


def home_of(payment: Payment) -> int:
    """Return the partition that a worker would decide it on."""
    return 0 if payment.entity is None else payment.entity.partition


def _by_partition(payments: Sequence[Payment]) -> Ints:
    """Return the order partition after partition, each as in the frame."""
    return np.argsort(np.array([home_of(payment) for payment in payments], np.int64), kind="stable")


def _every_row(decided: pl.DataFrame, rows: int, refused: dict[int, str]) -> pl.DataFrame:
    """Return one row for each of a frame, in its order."""
    every = pl.DataFrame({ROW: pl.Series(range(rows), dtype=pl.Int64)})
    why = pl.DataFrame(
        {ROW: list(refused), REFUSED: list(refused.values())}, {ROW: pl.Int64, REFUSED: pl.String}
    )
    joined = every.join(decided, on=ROW, how="left", maintain_order="left")
    return joined.join(why, on=ROW, how="left", maintain_order="left").drop(ROW)


def apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a thread of its own: a notebook's thread already runs an event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()
