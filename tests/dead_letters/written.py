"""Records that are no payments, and their dead letters, in the topics of a test."""

import time
from collections.abc import Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord

from fraudstream import topics
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.deciding.dead_letters import DeadLetters
from fraudstream.settings import Settings

AT_MS = time.time_ns() // 60_000_000_000 * 60_000 - 600_000
"""A full minute, ten minutes ago: Kafka removes what is older than the retention, also in the midst of a test."""


class Bad(NamedTuple):
    """A record that got no decision."""

    reason: str
    value: bytes = b'{"tid": "p1", "cc_num": 4006080197832643}'
    headers: Mapping[str, bytes] = {"producer": b"shop"}
    key: bytes | None = b"4006080197832643"
    partition: int = 1


async def write(settings: Settings, *bad: Bad) -> None:
    """Write records to `transactions`, and for each a dead letter as a worker does."""
    letters = DeadLetters.of(event_type_named("card"))
    transactions, dead = (settings.topic(topic.name) for topic in (topics.TRANSACTIONS, topics.DEAD_LETTERS))
    producer = AIOKafkaProducer(**Kafka.of(settings).client)
    await producer.start()
    try:
        for each in bad:
            headers = list(each.headers.items())
            done = await producer.send_and_wait(
                transactions, each.value, each.key, each.partition, AT_MS, headers
            )
            record = ConsumerRecord(
                transactions, each.partition, done.offset, AT_MS, 0, each.key, each.value, None, 0, 0, headers
            )
            letter = letters.letter(record, each.reason, "amount: missing")
            await producer.send_and_wait(dead, letter.encode(), partition=each.partition)
    finally:
        await producer.stop()
