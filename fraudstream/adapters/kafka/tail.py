"""Follows a topic from now on, or from a moment ago, without a consumer group."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from fraudstream.adapters.failures import kafka_error
from fraudstream.adapters.kafka.refusals import listening, nobody_answers
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import BrokerUnavailable

Record: TypeAlias = ConsumerRecord[bytes, bytes]

POLL_TIMEOUT_MS = 200
FOLLOW_TIMEOUT_MS = 5_000
LOOK_AGAIN_S = 60.0
"""How often the end of a topic is compared with what was read, in case it was deleted and made anew."""


class Tail:
    """A position at the end of a topic; made by `following`."""

    def __init__(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        self._consumer = consumer
        self._partitions = partitions

    async def fetch(self, timeout_ms: int = POLL_TIMEOUT_MS) -> list[Record]:
        """Return the records that came since the last call, waiting for some up to `timeout_ms`; perhaps none."""
        self._consumer.resume(*self._consumer.paused())
        batches = await self._consumer.getmany(timeout_ms=timeout_ms)
        return [record for batch in batches.values() for record in batch]

    async def backlog(self, since_ms: int, records_max: int) -> list[Record]:
        """Return the records since a moment (epoch ms), about `records_max` at most; the tail goes on after them."""
        ends = await self._consumer.end_offsets(self._partitions)
        starts = await self._consumer.offsets_for_times(dict.fromkeys(self._partitions, since_ms))
        for partition, end in ends.items():
            found = starts.get(partition)
            self._consumer.seek(partition, end if found is None else found.offset)
        return await self._until(ends, records_max)

    async def newest(self, records_max: int) -> list[Record]:
        """Return the newest records, as many of each partition, about `records_max` at most."""
        begins = await self._consumer.beginning_offsets(self._partitions)
        ends = await self._consumer.end_offsets(self._partitions)
        each = -(-records_max // len(self._partitions))
        for partition, end in ends.items():
            self._consumer.seek(partition, max(begins[partition], end - each))
        return await self._until(ends, records_max + len(self._partitions))

    async def whole(self) -> AsyncIterator[list[Record]]:
        """Yield all records that there are now, from the oldest, some at a time; the tail goes on after them."""
        ends = await self._consumer.end_offsets(self._partitions)
        await self._consumer.seek_to_beginning(*self._partitions)
        while any([await self._consumer.position(partition) < end for partition, end in ends.items()]):
            yield await self.fetch()

    async def until_made_anew(self, read: int = 0) -> AsyncIterator[list[Record]]:
        """Yield what comes, every few seconds perhaps nothing, until the first partition ends before what was read of it.

        `read`: up to which offset it was read in earlier connections.
        """
        read = max(read, await self.position())
        while True:
            look_again = time.monotonic() + LOOK_AGAIN_S
            while time.monotonic() < look_again:
                yield await self.fetch(FOLLOW_TIMEOUT_MS)
                read = max(read, await self.position())
            if await self.end() < read:
                return

    async def position(self) -> int:
        """Return up to which offset records of the first partition were taken."""
        return int(await self._consumer.position(self._partitions[0]))

    async def end(self) -> int:
        """Return the offset after the last record of the first partition."""
        first = self._partitions[0]
        return int((await self._consumer.end_offsets([first]))[first])

    async def _until(self, ends: Mapping[TopicPartition, int], records_max: int) -> list[Record]:
        taken: list[Record] = []
        while len(taken) < records_max and any(
            [await self._consumer.position(partition) < end for partition, end in ends.items()]
        ):
            taken += await self.fetch()
        return taken


@asynccontextmanager
async def following(kafka: Kafka, topic: str, partitions: int, wait_s: float = 0.1) -> AsyncIterator[Tail]:
    """Yield a tail that stands at the end of an existing topic: whatever is published from now on will be seen.

    `wait_s`: how long brokers hold an answer while there is nothing new. Raises SetupError, of which BrokerUnavailable is one, if
    they cannot be reached or refuse us.
    """
    consumer = AIOKafkaConsumer(
        **kafka.client,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="latest",
        fetch_max_wait_ms=round(wait_s * 1000),
        isolation_level="read_committed",
    )
    async with _started(consumer, kafka, topic):
        all_of_it = [TopicPartition(topic, partition) for partition in range(partitions)]
        consumer.assign(all_of_it)
        consumer.pause(
            *all_of_it
        )  # until the first fetch: other requests wait until brokers have answered one
        await consumer.seek_to_end(*all_of_it)
        yield Tail(consumer, all_of_it)


@asynccontextmanager
async def asking_end(kafka: Kafka, topic: str) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Yield what asks where the first partition of an existing topic ends now.

    Over a connection of its own: brokers answer the requests of one in their order, and hold those for new records. Raises as `following`.
    """
    consumer = AIOKafkaConsumer(**kafka.client, group_id=None, enable_auto_commit=False)
    first = TopicPartition(topic, 0)

    async def end() -> int:
        return int((await consumer.end_offsets([first]))[first])

    async with _started(consumer, kafka, topic):
        yield end


@asynccontextmanager
async def _started(consumer: AIOKafkaConsumer, kafka: Kafka, topic: str) -> AsyncIterator[None]:
    try:
        await consumer.start()
    except KafkaError as error:
        if not await listening(kafka):
            raise BrokerUnavailable(nobody_answers(kafka)) from error
        raise kafka_error(f"the topic {topic} cannot be read", error) from error
    try:
        yield
    finally:
        await consumer.stop()
