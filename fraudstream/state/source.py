"""Computes the state from the source log once more, to compare and repair the copies."""

from collections.abc import Callable, Sequence

import msgspec

from fraudstream import topics
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.partition_logs import PartitionLogs
from fraudstream.adapters.schema_registry import schemas_of
from fraudstream.deciding.columns import Columns
from fraudstream.deciding.dead_letters import POISON
from fraudstream.deciding.intake import Intake
from fraudstream.deciding.records import Record, as_first_timed, number_of
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.parser import Parser, entity_index
from fraudstream.domain.events.wire import UNKNOWN_SCHEMA
from fraudstream.domain.tokens import Entity
from fraudstream.domain.windows.entries import Layout
from fraudstream.domain.windows.velocity import Windows
from fraudstream.settings import Settings
from fraudstream.state.kept import Key, Logged, key_of
from fraudstream.tables.activity_layout import START, Clock, deltas
from fraudstream.tables.aggregating import aggregate

EXPIRE_EVERY_BUCKETS = 6


class Replay:
    """The state of one partition, in memory, while its log is replayed."""

    def __init__(
        self, partition: int, intake: Intake, allowed_lateness_ms: int, event_type: EventType
    ) -> None:
        self._windows = event_type.windows
        self._kept_values = event_type.kept_values
        self.entries: dict[Key, Logged] = {}
        self._partition = partition
        self._intake = intake
        self._allowed_lateness_ms = allowed_lateness_ms
        self._clock = Clock()
        self._buckets: dict[bytes, bytes] = {}
        self._kept_from_ms = 0
        self.decided_ms = 0
        """Newest event time among payments whose decisions are committed; expiry follows it, as in a worker."""

    def feed(self, records: Sequence[Record], repartitioned: bool, committed: bool) -> None:
        """Count the payments in some records of one topic, as the worker does."""
        if not records:
            return
        payments, valid = self._intake.parse(records).valid
        here = self._partition
        offsets = [None if repartitioned else record.offset for record in valid]
        numbers = [number_of(record) for record in valid] if self._intake.has_several else ()
        arrivals = Columns.of(payments).arrivals({here: len(payments)}, offsets, self._kept_values, numbers)
        aggregates = aggregate(
            self._windows, arrivals, {here: self._clock}, self._stored, self._allowed_lateness_ms
        )
        update = aggregates.updates[here]
        self._buckets |= update.buckets
        self._clock = update.clock
        if committed:
            self.decided_ms = max(self.decided_ms, update.newest_ms)
        for entity, entry in deltas(self._windows.layout, update.delta):
            self.entries[key_of(self._windows.layout, entity, entry)] = Logged(
                entry, repartitioned, committed
            )
        self._expire()

    def _stored(self, _partition: int, keys: list[bytes]) -> dict[bytes, bytes]:
        return {key: self._buckets[key] for key in keys if key in self._buckets}

    def _expire(self) -> None:
        kept_from_ms = kept_from(self.decided_ms, self._allowed_lateness_ms, self._windows.layout)
        if kept_from_ms < self._kept_from_ms + EXPIRE_EVERY_BUCKETS * self._windows.layout.bucket_ms:
            return
        self._kept_from_ms = kept_from_ms
        oldest = START.pack(kept_from_ms)
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if key >= oldest}
        self.entries = {key: logged for key, logged in self.entries.items() if key[0] >= kept_from_ms}


def kept_from(newest_ms: int, allowed_lateness_ms: int, layout: Layout) -> int:
    """Return the start of the oldest bucket that is certainly kept when `newest_ms` is the newest event time."""
    return layout.bucket_of(max(0, newest_ms - allowed_lateness_ms - layout.bucket_ms))


def windows_of(settings: Settings) -> Windows:
    """Return the velocity features of the event type that is set."""
    return event_type_named(settings.event_type).windows


def parser_of(settings: Settings, met: Callable[[str, Entity], None] | None = None) -> Parser:
    """Return the worker's own parser; `met` is called with the number and token of each card."""
    event_type = event_type_named(settings.event_type)
    entities = entity_index(event_type, settings.tokenizer(), settings.partitions, met)
    return Parser(event_type, entities, settings.future_tolerance_s * 1000)


def intake_of(settings: Settings, met: Callable[[str, Entity], None] | None = None) -> Intake:
    """Return the worker's own intake; `met` as above."""
    return Intake(parser_of(settings, met), schemas_of(event_type_named(settings.event_type), settings))


async def replayed(
    logs: PartitionLogs,
    settings: Settings,
    partition: int,
    intake: Intake | None = None,
    to_repartition: Sequence[Record] = (),
) -> Replay:
    """Replay a partition's two topics in order of timestamp, which is nearly the order of arrival.

    Where it is not, only sequences of repartitioned payments differ, and they are not compared. `to_repartition`:
    payments that are still to be repartitioned to the partition.
    """
    intake = intake or intake_of(settings)
    event_type = event_type_named(settings.event_type)
    replay = Replay(partition, intake, settings.lateness_horizon_s * 1000, event_type)
    keyed, repartitioned_topic = topics.sources(settings)
    poison = await _never_decided(logs, settings, partition)
    waiting = [
        record
        async for records in logs.read(repartitioned_topic, partition)
        for record in as_first_timed(records)
    ]

    async def feeder(topic: str, repartitioned: bool) -> Callable[[Sequence[Record]], None]:
        committed = await logs.committed(topic, partition)

        def feed(records: Sequence[Record]) -> None:
            alive = [record for record in records if (topic, record.offset) not in poison]
            replay.feed([record for record in alive if record.offset < committed], repartitioned, True)
            replay.feed([record for record in alive if record.offset >= committed], repartitioned, False)

        return feed

    feed_keyed, feed_repartitioned = await feeder(keyed, False), await feeder(repartitioned_topic, True)
    async for records in logs.read(keyed, partition):
        feed_repartitioned([record for record in waiting if record.timestamp <= records[0].timestamp])
        waiting = [record for record in waiting if record.timestamp > records[0].timestamp]
        await intake.ready(records)
        feed_keyed(records)
    feed_repartitioned(waiting)
    replay.feed(list(to_repartition), True, False)
    return replay


async def _never_decided(logs: PartitionLogs, settings: Settings, partition: int) -> set[tuple[str, int]]:
    """Return topic and offset of dead letters that parsing does not show: their reasons may have passed."""
    dead_letters = settings.topic(topics.DEAD_LETTERS.name)
    found = set()
    async for records in logs.read(dead_letters, partition):
        for record in records:
            dead = msgspec.json.decode(record.value or b"{}")
            if dead.get("reason") in (POISON, UNKNOWN_SCHEMA):
                found.add((dead["topic"], dead["offset"]))
    return found
