"""Publishing whole micro-batches: every record batch is built first, then all leave together and are all awaited.

aiokafka allows one produce request per broker in flight, so building before sending puts decisions, alerts and the
changelog into one request. Idempotent and acks=all: what `publish` returned for is durable, once and in order.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from fraudstream.adapters.kafka_security import Kafka

BATCH_BYTES_MAX = 512 * 1024
"""Half the broker's default message.max.bytes; a micro-batch of one partition usually fits."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """One record to publish. `timestamp_ms` None means now. A Struct, because one is made for every decision."""

    key: bytes | None
    value: bytes
    timestamp_ms: int | None = None
    headers: list[tuple[str, bytes]] = []


class Acknowledged(NamedTuple):
    """Where a record batch lies in its partition."""

    base_offset: int
    records: int


Receipts: TypeAlias = dict[tuple[str, int], list[Acknowledged]]
"""Where everything of an outbox lies, by topic and partition."""


class Outbox:
    """What one micro-batch will publish, by topic and partition; nothing is sent yet."""

    def __init__(self) -> None:
        self.messages: defaultdict[tuple[str, int], list[Message]] = defaultdict(list)

    def add(self, topic: str, partition: int, message: Message) -> None:
        """Add one record."""
        self.messages[topic, partition].append(message)

    def extend(self, topic: str, partition: int, messages: Sequence[Message]) -> None:
        """Add many records of one partition."""
        self.messages[topic, partition].extend(messages)

    def join(self, other: "Outbox") -> None:
        """Add everything of another outbox."""
        for (topic, partition), messages in other.messages.items():
            self.extend(topic, partition, messages)


class Publisher:
    """Sends outboxes; one per worker, on the worker's event loop."""

    def __init__(self, kafka: Kafka, client_id: str) -> None:
        self._kafka = kafka
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Connect; raises aiokafka's KafkaConnectionError if no broker answers."""
        self._producer = self._new_producer()
        await self._producer.start()

    @property
    def producer(self) -> AIOKafkaProducer:
        """The connected producer."""
        assert self._producer is not None, "used before start()"
        return self._producer

    def _new_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(**self._producer_settings())

    def _producer_settings(self) -> dict[str, Any]:
        return {
            **self._kafka.client,
            "client_id": self._client_id,
            "acks": "all",
            "enable_idempotence": True,
            "linger_ms": 0,
            "max_batch_size": BATCH_BYTES_MAX,
        }

    async def stop(self) -> None:
        """Flush and disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    async def publish(self, outbox: Outbox) -> Receipts:
        """Publish everything and wait until the brokers have it; raises if any of it could not be delivered.

        On an error the caller must not acknowledge anything: some of the outbox may be published, none of it twice.
        """
        return await (await self.send(outbox))

    async def send(self, outbox: Outbox) -> Awaitable[Receipts]:
        """Hand everything over for publishing and return what to await for the brokers' answer.

        Outboxes of one caller are written in the order of these calls, also before earlier ones are answered.
        """
        staged = [
            (target, batch, records)
            for target, messages in outbox.messages.items()
            for batch, records in self._batches(messages)
        ]
        deliveries = [
            await self.producer.send_batch(batch, topic, partition=partition)
            for (topic, partition), batch, _records in staged
        ]
        return self._receipts([(target, records) for target, _batch, records in staged], deliveries)

    async def _receipts(
        self, sent: list[tuple[tuple[str, int], int]], deliveries: list[Awaitable[RecordMetadata]]
    ) -> Receipts:
        """Wait for the brokers' answer to every record batch."""
        acknowledged: Receipts = defaultdict(list)
        for (target, records), metadata in zip(sent, await asyncio.gather(*deliveries), strict=True):
            acknowledged[target].append(Acknowledged(metadata.offset, records))
        return acknowledged

    def _batches(self, messages: Sequence[Message]) -> list[tuple[object, int]]:
        """Pack one partition's messages into as many record batches as they need."""
        packed: list[tuple[object, int]] = []
        builder, records = self.producer.create_batch(), 0
        for message in messages:
            if not _added(builder, message):
                packed.append((builder, records))
                builder, records = self.producer.create_batch(), 0
                if not _added(builder, message):
                    raise ValueError(
                        f"a record of {len(message.value)} bytes does not fit into a record batch"
                    )
            records += 1
        packed.append((builder, records))
        return packed


def _added(builder: BatchBuilder, message: Message) -> bool:
    """Add a record to a batch; tell whether it still fitted."""
    added = builder.append(
        timestamp=message.timestamp_ms, key=message.key, value=message.value, headers=message.headers
    )
    return added is not None
