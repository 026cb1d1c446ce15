"""What a prediction remembers of entities from slice to slice, as a worker does from micro-batch to micro-batch."""

from collections.abc import Iterable

import msgspec

from fraudstream.domain.windows.velocity import Windows
from fraudstream.notebook.decisions import FrameActivity
from fraudstream.tables.activity_batch import SEQUENCE_SHIFT, Arrivals, BatchAggregates
from fraudstream.tables.activity_layout import START, Clock
from fraudstream.tables.aggregating import aggregate


class Change(msgspec.Struct, frozen=True, array_like=True):
    """What a slice has changed in one partition."""

    clock: tuple[int, int]
    buckets: dict[bytes, bytes]


Changes = dict[int, Change]
"""By partition."""


def together(changes: Iterable[bytes]) -> bytes:
    """Return what several processes have changed, each in partitions of its own, as one change."""
    decoded = [msgspec.msgpack.decode(each, type=Changes) for each in changes]
    return msgspec.msgpack.encode(
        {partition: change for each in decoded for partition, change in each.items()}
    )


class FileActivity(FrameActivity):
    """The activity of all entities, in memory; buckets that no window reaches any more are forgotten."""

    def __init__(self, windows: Windows, allowed_lateness_ms: int) -> None:
        super().__init__(windows, allowed_lateness_ms)
        self._clocks: dict[int, Clock] = {}
        self._buckets: dict[int, dict[bytes, bytes]] = {}
        self._changes: Changes = {}

    def next_offset(self, partition: int) -> int:
        """Return the place of the next event among those of its partition."""
        return (self._clock(partition).last_sequence >> SEQUENCE_SHIFT) + 1

    def aggregate(self, arrivals: Arrivals) -> BatchAggregates:
        """Aggregate events from what is remembered and from each other, and remember them."""
        clocks = {partition: self._clock(partition) for partition in arrivals.rows}
        aggregates = aggregate(self.windows, arrivals, clocks, self._stored, self.allowed_lateness_ms)
        self.conflicts = aggregates.conflicts
        self._changes = {
            partition: Change((update.clock.watermark_ms, update.clock.last_sequence), update.buckets)
            for partition, update in aggregates.updates.items()
        }
        self._apply(self._changes)
        return aggregates

    def changes(self) -> bytes:
        """Return what was changed since the last call, for `remember`."""
        changes, self._changes = self._changes, {}
        return msgspec.msgpack.encode(changes)

    def remember(self, changes: bytes) -> None:
        """Take over what another process has changed; raises msgspec.MsgspecError for anything else."""
        self._apply(msgspec.msgpack.decode(changes, type=Changes))

    def known(self) -> dict[int, bytes]:
        """Return all that is remembered, by partition, each for `remember`."""
        return {
            partition: msgspec.msgpack.encode(
                {partition: Change((*clock,), self._buckets.get(partition, {}))}
            )
            for partition, clock in self._clocks.items()
        }

    def _apply(self, changes: Changes) -> None:
        layout = self.windows.layout
        for partition, change in changes.items():
            self._clocks[partition] = clock = Clock(*change.clock)
            kept = self._buckets.get(partition, {}) | change.buckets
            reached_ms = max(0, clock.watermark_ms - self.allowed_lateness_ms - layout.bucket_ms)
            first = START.pack(layout.bucket_of(reached_ms))
            self._buckets[partition] = {key: bucket for key, bucket in kept.items() if key >= first}

    def _clock(self, partition: int) -> Clock:
        return self._clocks.get(partition, Clock())

    def _stored(self, partition: int, keys: list[bytes]) -> dict[bytes, bytes]:
        kept = self._buckets.get(partition, {})
        return {key: kept[key] for key in keys if key in kept}
