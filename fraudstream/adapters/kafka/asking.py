"""Sends events into the log one by one, and reads what became of them from a partition of the topic `replies`."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from fraudstream.adapters.kafka.security import Kafka

logger = logging.getLogger(__name__)

SEND_TIMEOUT_MS = 10_000
"""How long the producer tries to deliver an event; whoever asked has long been answered that it is not known to be decided."""

AGAIN_AFTER_S = 0.5


class NotSent(Exception):
    """An event did not get into the log, or it is not known whether it did."""


class EventLog:
    """A producer of events, and the reader of the replies to them."""

    def __init__(
        self,
        kafka: Kafka,
        client_id: str,
        topic: str,
        replies: TopicPartition,
        heard: Callable[[bytes, bytes], None],
    ) -> None:
        """`heard` gets key and value of every reply in the partition, also of those that others asked for."""
        self._kafka = kafka
        self._client_id = client_id
        self._topic = topic
        self._replies = replies
        self._heard = heard
        self._producer: AIOKafkaProducer | None = None
        self._reading: asyncio.Task[None] | None = None
        self._next_offset: int | None = None
        """Of the replies; None until it is known where they end."""
        self.problem = ""
        """Why replies cannot be read now; empty if they can."""

    async def start(self) -> None:
        """Connect, and stand at the end of the replies; raises aiokafka's errors."""
        producer = AIOKafkaProducer(
            **self._kafka.client,
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            request_timeout_ms=SEND_TIMEOUT_MS,
        )
        await producer.start()
        self._producer = producer
        standing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read_forever(standing), name="replies")
        await standing

    async def stop(self) -> None:
        """Disconnect."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, partition: int, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        """Return once the brokers have an event; raises NotSent."""
        assert self._producer is not None, "used before start()"
        try:
            await self._producer.send_and_wait(self._topic, value, partition=partition, headers=headers)
        except (KafkaError, TimeoutError) as error:
            raise NotSent(str(error) or type(error).__name__) from error

    async def _read_forever(self, standing: "asyncio.Future[None]") -> None:
        """Read replies until the end; after an error from where it happened, so none is lost."""
        while True:
            try:
                await self._read(standing)
            except Exception as error:  # whatever it is, one reply must not keep others from being read
                if not standing.done():
                    standing.set_exception(error)
                    return
                self.problem = str(error) or type(error).__name__
                outage = isinstance(error, KafkaError | TimeoutError | OSError)
                logger.warning("replies cannot be read: %s", self.problem, exc_info=not outage)
                await asyncio.sleep(AGAIN_AFTER_S)

    async def _read(self, standing: "asyncio.Future[None]") -> None:
        consumer = AIOKafkaConsumer(
            **self._kafka.client,
            client_id=self._client_id,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
        )
        await consumer.start()
        try:
            consumer.assign([self._replies])
            if self._next_offset is None:
                await consumer.seek_to_end(self._replies)
                self._next_offset = await consumer.position(self._replies)
            else:
                consumer.seek(self._replies, self._next_offset)
            if not standing.done():
                standing.set_result(None)
            self.problem = ""
            while True:
                await self._take(consumer)
        finally:
            with contextlib.suppress(KafkaError):
                await consumer.stop()

    async def _take(self, consumer: Any) -> None:
        try:
            batches = await consumer.getmany()
            if not batches:
                batches = {self._replies: [await consumer.getone()]}
        except OffsetOutOfRangeError:  # the topic was made anew
            await consumer.seek_to_beginning(self._replies)
            return
        for records in batches.values():
            for record in records:
                self._next_offset = record.offset + 1
                if record.key is not None and record.value is not None:
                    self._heard(record.key, record.value)
