"""Reading partitions from end to end, and how far a group has committed, without joining the group."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import NamedTuple, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.structs import ConsumerRecord

from fraudstream.adapters.kafka_admin import administration
from fraudstream.adapters.kafka_security import Kafka
from fraudstream.adapters.record_batches import read_every_batch

Record: TypeAlias = ConsumerRecord[bytes, bytes]

POLL_TIMEOUT_MS = 500
DEAD = "Dead"
"""How Kafka calls a group it does not know."""


class Span(NamedTuple):
    """The offsets a partition has: `begin` is the first, `end` comes after the last."""

    begin: int
    end: int


class PartitionLogs:
    """What a worker would read; made by `partition_logs`."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def span(self, topic: str, partition: int) -> Span:
        """Return which offsets there are to read."""
        place = TopicPartition(topic, partition)
        begins = await self._consumer.beginning_offsets([place])
        ends = await self._consumer.end_offsets([place])
        return Span(begins[place], ends[place])

    async def committed(self, topic: str, partition: int) -> int:
        """Return the offset the group would go on from, 0 before its first commit."""
        return await self.committed_if_any(topic, partition) or 0

    async def committed_if_any(self, topic: str, partition: int) -> int | None:
        """Return the offset the group has committed, None before its first commit or when it has expired."""
        offset: int | None = await self._consumer.committed(TopicPartition(topic, partition))
        return offset

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Set the offsets the group goes on from, by topic and partition; the group must have no members."""
        places = {TopicPartition(*place): offset for place, offset in offsets.items()}
        self._consumer.assign(list(places))
        await self._consumer.commit(places)

    async def record_at(self, topic: str, partition: int, offset: int) -> Record | None:
        """Return the record at an offset, None if there is none (any more, yet, or but a transaction's marker)."""
        async with aclosing(self.read(topic, partition, offset)) as fetches:
            async for records in fetches:
                return records[0] if records[0].offset == offset else None
        return None

    async def oldest_ms(self, topic: str, partition: int) -> int:
        """Return the timestamp of the first record of a partition that has one."""
        async with aclosing(self.read(topic, partition)) as fetches:
            async for records in fetches:
                return int(records[0].timestamp)
        raise LookupError(f"{topic}-{partition} is empty")

    async def last_key(self, topic: str, partition: int) -> bytes | None:
        """Return the key of a partition's last record, None if it has no record or the record no key."""
        key = None
        _, end = await self.span(topic, partition)
        async with aclosing(self.read(topic, partition, end - 1)) as fetches:
            async for records in fetches:
                key = records[-1].key
        return key

    async def read(self, topic: str, partition: int, start: int = 0) -> AsyncGenerator[list[Record], None]:
        """Yield all records that are there now, from an offset on, in order, fetch by fetch."""
        place = TopicPartition(topic, partition)
        begin, end = await self.span(topic, partition)
        if start >= end:
            return
        self._consumer.assign([place])
        self._consumer.seek(place, max(begin, start))
        while await self._consumer.position(place) < end:
            for records in (await self._consumer.getmany(timeout_ms=POLL_TIMEOUT_MS)).values():
                yield records


@asynccontextmanager
async def partition_logs(kafka: Kafka, group: str) -> AsyncIterator[PartitionLogs]:
    """Connect as somebody who may look at what `group` reads; records may be `Undecodable`, as for a worker."""
    read_every_batch()
    consumer = AIOKafkaConsumer(
        **kafka.client,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    try:
        yield PartitionLogs(consumer)
    finally:
        await consumer.stop()


async def unread(kafka: Kafka, group: str, topic: str, before_ms: int) -> dict[int, int]:
    """Return how many records from before a moment a group has not committed, by partition; {} if it has no offset there.

    Needs no right but to look at group and topic.
    """
    async with administration(kafka) as admin:
        offsets = await admin.list_consumer_group_offsets(group)
    committed = {place: max(0, at.offset) for place, at in offsets.items() if place.topic == topic}
    if not committed:
        return {}
    consumer = AIOKafkaConsumer(**kafka.client, group_id=None, enable_auto_commit=False)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(committed))
        since = await consumer.offsets_for_times(dict.fromkeys(committed, before_ms))
    finally:
        await consumer.stop()
    bounds = {place: found.offset if (found := since.get(place)) else ends[place] for place in committed}
    return {place.partition: max(0, bounds[place] - offset) for place, offset in committed.items()}


async def members_of(kafka: Kafka, group: str) -> int:
    """Return how many consumers a group has now, those that died and are not missed yet included."""
    async with administration(kafka) as admin:
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
