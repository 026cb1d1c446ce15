"""What is in a topic is read without waiting for what comes."""

import asyncio

from aiokafka.admin import NewTopic

from fraudstream.adapters.kafka.admin import administration
from fraudstream.adapters.kafka.publisher import Message, Outbox, Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.tail import Tail, following
from tests.shared import PATIENCE_S, Broker

HELD_S = 35.0
"""How long brokers hold an answer while there is nothing new: longer than the test waits, shorter than a request may take."""


async def whole(tail: Tail) -> list[bytes | None]:
    """Read all that there is now."""
    return [record.value async for records in tail.whole() for record in records]


async def test_what_is_there_is_read_before_brokers_hold_an_answer(broker: Broker) -> None:
    """A start waits for it, and nothing may ever come: the first fetch begins when somebody asks for more."""
    kafka, topic = Kafka(broker.bootstrap), "tail-read"
    async with administration(kafka) as admin:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    publisher = Publisher(kafka, "tail-test")
    await publisher.start()
    try:
        async with following(kafka, topic, 1, HELD_S) as empty, asyncio.timeout(PATIENCE_S):
            assert [] == await whole(empty)
            assert 0 == await empty.end()
            outbox = Outbox()
            outbox.add(topic, 0, Message(None, b"new"))
            await publisher.publish(outbox)
            assert [b"new"] == [record.value for record in await empty.fetch(round(PATIENCE_S * 1000))]
        async with following(kafka, topic, 1, HELD_S) as tail, asyncio.timeout(PATIENCE_S):
            assert 1 == await tail.end()
            assert [b"new"] == await whole(tail)
    finally:
        await publisher.stop()
