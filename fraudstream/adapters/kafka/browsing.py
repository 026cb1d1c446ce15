"""Looks at records of a partition page by page, forwards and backwards, without a group and within limits of count and bytes."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from fraudstream.adapters.failures import kafka_error
from fraudstream.adapters.kafka.partition_logs import Record, Span
from fraudstream.adapters.kafka.record_batches import read_every_batch
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import BrokerUnavailable

BYTES_MAX = 4 * 1024 * 1024
"""Of the values of a page; of a larger record one is read all the same."""

FETCH_BYTES = 1024 * 1024

VALUE_BYTES_MAX = 64 * 1024
"""Of a longer value only the start is kept; its record knows how long it was (`serialized_value_size`)."""
PAGE = 500

POLL_MS, IDLE_POLLS_MAX = 100, 20
"""So many empty polls are the end: after the last record there may be transaction markers only."""

ANSWER_S = 15.0
"""How long the brokers may take for a page."""


class Browsing:
    """A reader of any partition; made by `browsing`."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def spans(self, topic: str, partitions: Collection[int]) -> dict[int, Span]:
        """Return the offsets of some partitions, to the last that is committed."""
        places = [TopicPartition(topic, partition) for partition in partitions]
        begins = await self._consumer.beginning_offsets(places)
        ends = await self._consumer.end_offsets(places)
        return {place.partition: Span(begins[place], ends[place]) for place in places}

    async def offsets_at(self, topic: str, partitions: Collection[int], at_ms: int) -> dict[int, int | None]:
        """Return the first offset of each partition whose record's timestamp is not before a moment; None if there is none."""
        places = dict.fromkeys((TopicPartition(topic, partition) for partition in partitions), at_ms)
        found = await self._consumer.offsets_for_times(places)
        return {place.partition: at.offset if (at := found.get(place)) else None for place in places}

    async def after(self, topic: str, partition: int, offset: int, count: int) -> list[Record]:
        """Return the records from an offset on, at most `count`."""
        span = (await self.spans(topic, [partition]))[partition]
        return await self._read(TopicPartition(topic, partition), max(offset, span.begin), span.end, count)

    async def before(self, topic: str, partition: int, offset: int, count: int) -> list[Record]:
        """Return the last records before an offset, at most `count`, the oldest first.

        Compaction and transactions leave offsets without a record, so the span that is looked at is doubled until it holds enough.
        """
        span = (await self.spans(topic, [partition]))[partition]
        end, width, found = min(offset, span.end), count, list[Record]()
        while end > span.begin and len(found) < count:
            start = max(span.begin, end - width)
            found = await self._read(TopicPartition(topic, partition), start, end, None) + found
            end, width = start, 2 * width
        return found[-count:]

    async def at(self, topic: str, partition: int, offset: int) -> Record | None:
        """Return the record at an offset with its whole value; None if there is none (any more)."""
        span = (await self.spans(topic, [partition]))[partition]
        place = TopicPartition(topic, partition)
        records = await self._read(place, max(offset, span.begin), span.end, 1, whole=True)
        return records[0] if records and records[0].offset == offset else None

    async def all_after(self, topic: str, partition: int, offset: int) -> AsyncGenerator[Record, None]:
        """Yield all records from an offset on that there are now, page by page; raises BrokerUnavailable if some do not come."""
        place, end = TopicPartition(topic, partition), (await self.spans(topic, [partition]))[partition].end
        while offset < end:
            for record in (records := await self.after(topic, partition, offset, PAGE)):
                yield record
            offset = await self._consumer.position(place)
            if not records and offset < end:
                raise BrokerUnavailable(f"{topic} partition {partition} was not read to its end")

    async def newest(self, topic: str, partitions: Collection[int], count: int) -> list[Record]:
        """Return the newest records of all partitions together by timestamp, the newest first."""
        each = [await self.before(topic, partition, 2**62, count) for partition in partitions]
        together = sorted((record for some in each for record in some), key=lambda record: -record.timestamp)
        return together[:count]

    async def follow(self, topic: str, partitions: Collection[int]) -> None:
        """Stand at the end of some partitions: `poll` returns what comes from now on."""
        places = [TopicPartition(topic, partition) for partition in partitions]
        self._consumer.assign(places)
        await self._consumer.seek_to_end(*places)
        for place in places:  # the end is known only when it was asked for
            await self._consumer.position(place)

    async def poll(self, count: int) -> list[Record]:
        """Return what has come since, at most `count` records, long values cut."""
        fetched = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=count)
        together = (_cut(record) for some in fetched.values() for record in some)
        return sorted(together, key=lambda record: (record.timestamp, record.offset))

    async def catch_up(self, behind_max: int) -> int:
        """Go on at the end of partitions that are further behind; return how many offsets were left out."""
        left_out = 0
        for place in self._consumer.assignment():
            behind = (self._consumer.highwater(place) or 0) - await self._consumer.position(place)
            if behind > behind_max:
                left_out += behind
                await self._consumer.seek_to_end(place)
        return left_out

    async def _read(
        self, place: TopicPartition, start: int, end: int, count: int | None, *, whole: bool = False
    ) -> list[Record]:
        """Return records from `start` to before `end`; at most `count`, and with it no more once they have BYTES_MAX."""
        taken, size, idle = list[Record](), 0, 0
        if start >= end:
            return taken
        self._consumer.assign([place])
        self._consumer.seek(place, start)
        while (count is None or len(taken) < count) and (count is None or size < BYTES_MAX):
            left = None if count is None else count - len(taken)
            fetched = await self._consumer.getmany(place, timeout_ms=POLL_MS, max_records=left)
            for record in fetched.get(place, ()):
                if record.offset < end:
                    size += len(record.value or b"")
                    taken.append(record if whole else _cut(record))
            idle = 0 if fetched else idle + 1
            if idle >= IDLE_POLLS_MAX or await self._consumer.position(place) >= end:
                break
        return taken


def _cut(record: Record) -> Record:
    value = record.value
    if value is None or len(value) <= VALUE_BYTES_MAX:
        return record
    return dataclasses.replace(record, value=value[:VALUE_BYTES_MAX])


@asynccontextmanager
async def browsing(kafka: Kafka, answer_s: float = ANSWER_S) -> AsyncIterator[Browsing]:
    """Connect; raises what Kafka's errors mean, BrokerUnavailable also if all of it takes longer than `answer_s`."""
    read_every_batch()
    consumer = AIOKafkaConsumer(
        **kafka.client,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=POLL_MS,
        fetch_max_bytes=BYTES_MAX,
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    try:
        async with asyncio.timeout(answer_s):
            await consumer.start()
            consumer.assign([])  # one that never had an assignment cancels whoever stops it,
            await asyncio.sleep(0)  # and its tasks have to see that
            yield Browsing(consumer)
    except KafkaError as error:
        raise kafka_error("Kafka could not be read", error) from error
    except TimeoutError as error:
        raise BrokerUnavailable(f"Kafka has not answered in {answer_s:g} s") from error
    finally:
        await consumer.stop()
