"""Packing records into Kafka's record batches of a given size."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from fraudstream.adapters.kafka.outbox import Message


@dataclass(slots=True, eq=False)
class Staged:
    """One record batch on its way."""

    topic: str
    partition: int
    batch: BatchBuilder
    messages: Sequence[Message]
    answer: "asyncio.Future[RecordMetadata] | None" = None
    numbered: bool = False
    """Whether aiokafka has given its records sequence numbers."""
    failed: BaseException | None = None


def packed(
    topic: str, partition: int, messages: Sequence[Message], size: int, transactional: bool
) -> list[Staged]:
    """Pack one partition's messages into batches of at most `size` bytes; a larger record gets one of its own.

    aiokafka's own producer has one batch size for all topics.
    """
    batches, start = [], 0
    builder = BatchBuilder(size, 0, is_transactional=transactional)
    for at, message in enumerate(messages):
        if not _added(builder, message):
            batches.append(Staged(topic, partition, builder, messages[start:at]))
            builder, start = BatchBuilder(size, 0, is_transactional=transactional), at
            _added(builder, message)
    batches.append(Staged(topic, partition, builder, messages[start:]))
    return batches


def _added(builder: BatchBuilder, message: Message) -> bool:
    """Add a record to a batch; tell whether it still fitted."""
    added = builder.append(
        timestamp=message.timestamp_ms, key=message.key, value=message.value, headers=message.headers
    )
    return added is not None
