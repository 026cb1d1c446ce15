"""One partition in memory: source topics, changelog, a disk, and a worker that can stop between any two of its steps.

What is computed is ours (`aggregate`, `merged`); what is kept, lost or repeated is the schedule's choice. The steps and
the rule for the stored changelog offset are those of `agents/scoring.py` and `ActivityTable.apply`.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from fraudstream.domain.windows.entries import WINDOW_MS, Entry
from fraudstream.domain.windows.velocity import CARD_WINDOWS
from fraudstream.tables.activity_batch import Arrivals, BatchAggregates, Update
from fraudstream.tables.activity_layout import START, Clock, merged
from fraudstream.tables.aggregating import aggregate
from tests.tables.oracle import Answer, Expectation, Paid, entries_of, judge
from tests.windows import LAYOUT, all_told

ALLOWED_LATENESS_MS = 1_200_000
"""Twenty minutes, so that short schedules reach beyond it."""


def token(card: int) -> bytes:
    """Return the token of a card."""
    return card.to_bytes(16, "big")


class Taken(NamedTuple):
    """A record of a micro-batch."""

    repartitioned: bool
    offset: int
    paid: Paid


@dataclass
class Topic:
    """A source partition, and how far it is read and acknowledged by the worker, committed at the broker."""

    log: list[Paid] = field(default_factory=list)
    told: list[Expectation] = field(default_factory=list)
    """The oracle's, of the log so far."""
    read: int = 0
    acknowledged: int = 0
    committed: int = 0

    def expectations(self) -> list[Expectation]:
        """Return what the oracle says of every payment."""
        return judge(self.log, self.told, ALLOWED_LATENESS_MS)

    def counted(self) -> list[tuple[int, int, Entry]]:
        """Return offset, card and entry of every payment that counts."""
        return list(entries_of(self.log, self.expectations()))


@dataclass
class Disk:
    """What `ActivityStore` keeps: all of a write or nothing."""

    buckets: dict[bytes, bytes] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    changelog_offset: int = -1

    def get_many(self, _partition: int, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return those of the buckets that exist."""
        return {key: self.buckets[key] for key in keys if key in self.buckets}

    def write(
        self,
        buckets: Mapping[bytes, bytes],
        clock: Clock,
        changelog_offset: int | None,
        expire_before_ms: int | None = None,
    ) -> None:
        """Write a micro-batch; what expires goes last, as in the RocksDB batch."""
        self.buckets |= buckets
        if expire_before_ms is not None:
            end = START.pack(expire_before_ms)
            self.buckets = {key: bucket for key, bucket in self.buckets.items() if key >= end}
        self.clock = clock
        if changelog_offset is not None:
            self.changelog_offset = changelog_offset

    def entries(self) -> list[tuple[bytes, Entry]]:
        """Return every kept entry with its card's token."""
        return [
            (key[START.size :], entry)
            for key, bucket in self.buckets.items()
            for entry in LAYOUT.unpack(bucket)
        ]


@dataclass
class Batch:
    """A micro-batch on its way through the steps."""

    taken: list[Taken]
    aggregates: BatchAggregates
    ends: dict[bool, int]
    """Per topic: the offset after the last record taken."""
    changelog_offset: int | None = None
    commits: bool = False

    @property
    def update(self) -> Update:
        """Return what it does to the partition."""
        return self.aggregates.updates[0]


class World:
    """A worker and what survives it. Every published answer and every recovered state is compared with the oracle."""

    def __init__(self) -> None:
        self.topics = {False: Topic(), True: Topic()}
        self.changelog: list[bytes] = []
        self.in_changelog: set[tuple[bool, int]] = set()
        """Topic and offset of every payment whose micro-batch is in the changelog."""
        self.in_flight: list[Batch] = []
        self.disk = Disk()
        self._last_changelog_offset = -1
        self._frozen = False
        self._uncommitted: deque[tuple[dict[bool, int], int]] = deque()

    @property
    def steps(self) -> tuple[Callable[[Batch], None], ...]:
        """Return what happens to a decided micro-batch, in order; a crash may follow each."""
        return self.publish, self.append, self.write, self.acknowledge

    @property
    def watermark_ms(self) -> int:
        """Return the newest event time ever sent."""
        return max((paid.event_time_ms for topic in self.topics.values() for paid in topic.log), default=0)

    @property
    def unread(self) -> int:
        """Return how many records wait to be read."""
        return sum(len(topic.log) - topic.read for topic in self.topics.values())

    def run(self, turns: Sequence[tuple[bool, int]], commits: bool, steps: slice = slice(None)) -> Batch:
        """Decide what the next rows of the topics hold, and go through these steps with it.

        `turns`: which topic gives how many rows; `commits`: whether the broker is told at once what is acknowledged.
        """
        taken: list[Taken] = []
        for repartitioned, rows in turns:
            topic = self.topics[repartitioned]
            end = min(topic.read + rows, len(topic.log))
            taken += [Taken(repartitioned, offset, topic.log[offset]) for offset in range(topic.read, end)]
            topic.read = end
        ends = {repartitioned: self.topics[repartitioned].read for repartitioned, _ in turns}
        batch = Batch(taken, self.aggregate(taken), ends, commits=commits)
        for step in self.steps[steps]:
            step(batch)
        return batch

    def aggregate(self, taken: list[Taken]) -> BatchAggregates:
        """Ask the real arithmetic."""
        arrivals = Arrivals(
            {0: len(taken)},
            [token(paid.card) for _, _, paid in taken],
            [paid.event_time_ms for _, _, paid in taken],
            [paid.cents for _, _, paid in taken],
            [self.identity(record) for record in taken],
            [None if repartitioned else offset for repartitioned, offset, _ in taken],
        )
        return aggregate(
            CARD_WINDOWS, arrivals, {0: self.disk.clock}, self.disk.get_many, ALLOWED_LATENESS_MS
        )

    def identity(self, record: Taken) -> int:
        """Return what stands for the transaction id."""
        return record.paid.tid

    def publish(self, batch: Batch) -> None:
        """Publish the decisions: from here on the world has seen them."""
        told = {repartitioned: topic.expectations() for repartitioned, topic in self.topics.items()}
        rows = all_told(batch.aggregates.windows)
        conflicts = set(batch.aggregates.conflicts.tolist())
        for row, (record, columns) in enumerate(zip(batch.taken, rows, strict=True)):
            published = None if row in conflicts else Answer(*columns)
            assert told[record.repartitioned][record.offset].answer == published, record

    def append(self, batch: Batch) -> None:
        """Wait until the changelog has the delta, if there is any."""
        if batch.update.delta:
            batch.changelog_offset = len(self.changelog)
            self.changelog.append(batch.update.delta)
            self.in_changelog |= {(record.repartitioned, record.offset) for record in batch.taken}

    def write(self, batch: Batch) -> None:
        """Write state and changelog offset together; the offset stands still after a foreign record."""
        offset = batch.changelog_offset
        if offset is not None:
            self._frozen |= offset != self._last_changelog_offset + 1
            self._last_changelog_offset = offset
        kept = None if self._frozen else offset
        self.disk.write(batch.update.buckets, batch.update.clock, kept, self.expire_before(batch))
        self._uncommitted.append((batch.ends, self.newest_ms(batch)))

    def newest_ms(self, batch: Batch) -> int:
        """Return how far a micro-batch lets buckets expire, once it is committed."""
        return batch.update.newest_ms

    def expire_before(self, _batch: Batch) -> int | None:
        """Return the time before which buckets expire: only micro-batches whose offsets are committed count."""
        newest_ms = 0
        while self._uncommitted and all(
            self.topics[repartitioned].committed >= end
            for repartitioned, end in self._uncommitted[0][0].items()
        ):
            newest_ms = max(newest_ms, self._uncommitted.popleft()[1])
        return LAYOUT.bucket_of(max(0, newest_ms - ALLOWED_LATENESS_MS - WINDOW_MS)) or None

    def acknowledge(self, batch: Batch) -> None:
        """Acknowledge the source; now or later the broker is told."""
        for repartitioned, end in batch.ends.items():
            topic = self.topics[repartitioned]
            topic.acknowledged = end
            if batch.commits:
                topic.committed = end

    def commit(self, repartitioned: bool) -> None:
        """Tell the broker what is acknowledged of a topic."""
        self.topics[repartitioned].committed = self.topics[repartitioned].acknowledged

    def lose(self, batch: Batch) -> None:
        """Remember a micro-batch whose worker stopped before the changelog's answer: its record may yet arrive."""
        if batch.changelog_offset is None and batch.update.delta:
            self.in_flight.append(batch)

    def repeat(self, place: int) -> None:
        """Write a changelog record once more, as another writer or a retry would."""
        self.changelog.append(self.changelog[place])

    def restart(self, wiped: bool, records_per_write: int, writes: int | None = None) -> None:
        """Start again from what was committed, with the disk or without; `writes`: stop after so many, and once more."""
        if wiped:
            self.disk = Disk()
        first = self.disk.changelog_offset + 1
        starts = range(first, len(self.changelog), records_per_write)
        for start in starts[:writes]:
            records = self.changelog[start : start + records_per_write]
            buckets, clock = self.merge(records)
            self.disk.write(buckets, clock, start + len(records) - 1)
        if writes is not None:
            self.restart(False, records_per_write)
            return
        self._last_changelog_offset = len(self.changelog) - 1
        self._frozen = False
        self._uncommitted.clear()
        for topic in self.topics.values():
            topic.read = topic.acknowledged = topic.committed
        self.check_state()

    def merge(self, records: list[bytes]) -> tuple[dict[bytes, bytes], Clock]:
        """Add changelog records to what the disk has."""
        return merged(LAYOUT, lambda _keys: self.disk.buckets, records, self.disk.clock)

    def check_state(self) -> None:
        """Compare what the disk has after a recovery with the oracle: every payment of the changelog once, no other."""
        whole_from_ms = self.watermark_ms - ALLOWED_LATENESS_MS - WINDOW_MS
        kept = [(card, entry) for card, entry in self.disk.entries() if entry.event_time_ms >= whole_from_ms]
        if not self.topics[True].log:
            durable = [
                (token(card), entry)
                for offset, card, entry in self.topics[False].counted()
                if self._durable(False, offset)
            ]
            assert sorted(pair for pair in durable if pair[1].event_time_ms >= whole_from_ms) == sorted(kept)
            assert (
                max((entry.event_time_ms for _, entry in durable), default=0) == self.disk.clock.watermark_ms
            )
            return
        in_order = sorted(kept, key=lambda pair: (pair[0], pair[1].sequence))
        got = [(card, entry.event_time_ms, entry.cents, entry.id_hash) for card, entry in in_order]
        expected = [
            (token(card), entry.event_time_ms, entry.cents, entry.id_hash, offset)
            for repartitioned, topic in self.topics.items()
            for offset, card, entry in topic.counted()
            if self._durable(repartitioned, offset)
        ]
        assert [row[:4] for row in sorted(expected, key=lambda row: (row[0], row[4]))] == got

    def _durable(self, repartitioned: bool, offset: int) -> bool:
        return (repartitioned, offset) in self.in_changelog
