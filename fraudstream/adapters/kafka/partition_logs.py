"""Reads partitions from start to end, and a group's committed offsets, without joining the group."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import NamedTuple, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaTimeoutError
from aiokafka.structs import ConsumerRecord

from fraudstream.adapters.kafka.admin import administration
from fraudstream.adapters.kafka.record_batches import read_every_batch
from fraudstream.adapters.kafka.security import Kafka

Record: TypeAlias = ConsumerRecord[bytes, bytes]

Place: TypeAlias = tuple[str, int]
"""Topic and partition."""

POLL_TIMEOUT_MS = 100
"""How long a fetch may take before positions are checked: a transaction marker moves them without a record."""

ANSWER_TIMEOUT_S = 60.0
"""How long the brokers may leave a request unanswered, or send no records. aiokafka repeats it for ever."""

DEAD = "Dead"
"""Kafka's name for a group that it does not know."""


class Span(NamedTuple):
    """The offsets a partition has: `begin` is the first, `end` comes after the last."""

    begin: int
    end: int


class PartitionLogs:
    """What a worker would read; made by `partition_logs`.

    Questions about many partitions are one request, because a rebalance waits for the answer. The reader has no group:
    aiokafka's coordinator fails if partitions are assigned while it looks for its broker.
    All methods raise KafkaTimeoutError if the brokers do not answer.
    """

    def __init__(self, reader: AIOKafkaConsumer, group: AIOKafkaConsumer) -> None:
        self._reader, self._group = reader, group
        self._positions: dict[Place, int] = {}
        """Positions after the last fetch: a transaction's marker may move them before the next."""

    async def span(self, topic: str, partition: int) -> Span:
        """Return the offsets that a partition has."""
        return (await self.spans([(topic, partition)]))[topic, partition]

    async def spans(self, places: Collection[Place]) -> dict[Place, Span]:
        """Return the offsets that many partitions have."""
        asked = [TopicPartition(*place) for place in places]
        begins = await self._reader.beginning_offsets(asked)
        ends = await self._reader.end_offsets(asked)
        return {place: Span(begins[place], ends[place]) for place in asked}

    async def ends(self, places: Collection[Place]) -> dict[Place, int]:
        """Return where partitions end, with what transactions that are still open have written."""
        found = await self._group.end_offsets([TopicPartition(*place) for place in places])
        return {place: found[place] for place in places}

    async def committed(self, topic: str, partition: int) -> int:
        """Return the offset the group would go on from, 0 before its first commit."""
        return await self.committed_if_any(topic, partition) or 0

    async def committed_if_any(self, topic: str, partition: int) -> int | None:
        """Return the offset the group has committed, None before its first commit or when it has expired."""
        return (await self.all_committed([(topic, partition)]))[topic, partition]

    async def all_committed(self, places: Collection[Place]) -> dict[Place, int | None]:
        """Return the offsets the group has committed, of many partitions; aiokafka's consumer asks for one at a time."""
        asked = [TopicPartition(*place) for place in places]
        async with _answered("the offsets of a group"):
            found = await self._group._coordinator.fetch_committed_offsets(asked)
        return {place: at.offset if (at := found.get(place)) else None for place in places}

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        """Commit the offsets to go on from, by topic and partition; the group must have no members. Without any nothing is done."""
        if not offsets:
            return
        places = {TopicPartition(*place): offset for place, offset in offsets.items()}
        async with _answered("a commit"):
            await self._group._coordinator.ensure_coordinator_known()
            self._group.assign(list(places))
            await self._group.commit(places)

    async def last_key(self, topic: str, partition: int) -> bytes | None:
        """Return the key of a partition's last record, None if it has no record or the record no key."""
        key = None
        _, end = await self.span(topic, partition)
        async with aclosing(self.read(topic, partition, end - 1)) as fetches:
            async for records in fetches:
                key = records[-1].key
        return key

    async def first_records(self, starts: Mapping[Place, int]) -> dict[Place, Record]:
        """Return the first record at or after an offset, for many partitions; those without one are left out."""
        found: dict[Place, Record] = {}
        unread = await self._sought(starts)
        while unread:
            for place, records in (await self._fetched(unread, records_max=1)).items():
                found[place] = records[0]
                self._let_go(place, unread)
        return found

    async def read(self, topic: str, partition: int, start: int = 0) -> AsyncGenerator[list[Record], None]:
        """Yield all records that are there now, from an offset on, in order, fetch by fetch."""
        async with aclosing(self.read_many({(topic, partition): start})) as fetches:
            async for _, records in fetches:
                yield records

    async def read_many(
        self, starts: Mapping[Place, int]
    ) -> AsyncGenerator[tuple[Place, list[Record]], None]:
        """Yield all records that are there now, from an offset of each partition on; in order only within a partition."""
        unread = await self._sought(starts)
        while unread:
            for place, records in (await self._fetched(unread)).items():
                yield place, records

    async def _sought(self, starts: Mapping[Place, int]) -> dict[Place, int]:
        """Assign partitions and seek their starts; return the ends, without partitions that have nothing to read."""
        self._positions = {}
        spans = await self.spans(starts.keys())
        unread = {place: span.end for place, span in spans.items() if starts[place] < span.end}
        if unread:
            self._reader.assign(list(unread))
        for place in unread:
            self._reader.seek(place, max(spans[place].begin, starts[place]))
        return unread

    async def _fetched(
        self, unread: dict[Place, int], records_max: int | None = None
    ) -> dict[Place, list[Record]]:
        """Fetch what comes next, and stop fetching partitions that are read to their end."""
        async with _answered("records"):
            while True:
                fetched: dict[Place, list[Record]] = await self._reader.getmany(
                    *unread, timeout_ms=POLL_TIMEOUT_MS, max_records=records_max
                )
                positions = {place: await self._reader.position(place) for place in unread}
                if fetched or positions != self._positions:
                    break
        self._positions = positions
        for place, end in list(unread.items()):
            if positions[place] >= end:
                self._let_go(place, unread)
        return fetched

    def _let_go(self, place: Place, unread: dict[Place, int]) -> None:
        """Stop fetching a partition and drop what was fetched: while that waits, aiokafka asks its broker for nothing."""
        if (end := unread.pop(place, None)) is not None:
            self._reader.pause(place)
            self._reader.seek(place, end)


@asynccontextmanager
async def _answered(what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            yield
    except TimeoutError as error:
        raise KafkaTimeoutError(f"no answer to a request for {what} in {ANSWER_TIMEOUT_S:g} s") from error


@asynccontextmanager
async def partition_logs(kafka: Kafka, group: str) -> AsyncIterator[PartitionLogs]:
    """Connect to read what `group` reads, without joining it; records may be `Undecodable`, as for a worker."""
    read_every_batch()
    reader = AIOKafkaConsumer(
        **kafka.client,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=50,
    )
    of_group = AIOKafkaConsumer(**kafka.client, group_id=group, enable_auto_commit=False)
    async with AsyncExitStack() as stack:
        for consumer in (reader, of_group):
            stack.push_async_callback(consumer.stop)
            await consumer.start()
        yield PartitionLogs(reader, of_group)


async def unread(kafka: Kafka, group: str, topic: str, before_ms: int) -> dict[int, int]:
    """Return by partition how many records from before a moment a group has not committed; {} if it has no offset there.

    A committed offset past the end of the log belongs to another log: nothing of this one is committed. Needs only the
    right to describe group and topic.
    """
    async with administration(kafka) as admin:
        offsets = await admin.list_consumer_group_offsets(group)
    committed = {place: max(0, at.offset) for place, at in offsets.items() if place.topic == topic}
    if not committed:
        return {}
    consumer = AIOKafkaConsumer(**kafka.client, group_id=None, enable_auto_commit=False)
    await consumer.start()
    try:
        begins = await consumer.beginning_offsets(list(committed))
        ends = await consumer.end_offsets(list(committed))
        since = await consumer.offsets_for_times(dict.fromkeys(committed, before_ms))
    finally:
        await consumer.stop()
    bounds = {place: found.offset if (found := since.get(place)) else ends[place] for place in committed}
    return {
        place.partition: max(0, bounds[place] - (offset if offset <= ends[place] else begins[place]))
        for place, offset in committed.items()
    }


async def members_of(kafka: Kafka, group: str) -> int:
    """Return how many members a group has now, including dead ones whose session has not expired."""
    async with administration(kafka) as admin:
        return await members_in(admin, group)


async def members_in(admin: AIOKafkaAdminClient, group: str) -> int:
    """Return the same, asked of an administration that is open."""
    answers = await admin.describe_consumer_groups([group])
    return sum(
        len(members)
        for answer in answers
        for _, _, state, _, _, members, *_ in answer.groups
        if state != DEAD
    )


async def forget_records(kafka: Kafka, topic: str, ends: dict[int, int]) -> None:
    """Delete the records before these offsets, by partition."""
    async with administration(kafka) as admin:
        await admin.delete_records(
            {
                TopicPartition(topic, partition): RecordsToDelete(before_offset=end)
                for partition, end in ends.items()
            }
        )
