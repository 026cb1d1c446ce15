"""Consoles of a deployment with topics, and what is in them."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from fraudstream import topics
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.console.app import Console
from fraudstream.settings import Settings
from tests.archive_rows import encoded
from tests.console.visiting import made
from tests.dead_letters.written import AT_MS, Bad, write


@pytest.fixture
def watched(kafka_settings: Settings, tmp_path: Path) -> Console:
    """Return a console whose topics have payments, a decision of one of them, a label and three dead letters."""
    settings = kafka_settings
    asyncio.run(write(settings, Bad("invalid-field"), Bad("conflict"), Bad("invalid-field", headers={})))
    asyncio.run(_more(settings))
    names = ("broker", "topic_prefix", "app_id", "partitions", "data_dir")
    same = {name: getattr(settings, name) for name in names}
    return made(f"sqlite:///{tmp_path / 'console.db'}", **same)


async def _more(settings: Settings) -> None:
    transactions, decisions, labels = (
        settings.topic(topic.name) for topic in (topics.TRANSACTIONS, topics.DECISIONS, topics.LABELS)
    )
    producer = AIOKafkaProducer(**Kafka.of(settings).client)
    await producer.start()
    try:
        source = {"topic": transactions, "partition": 1, "offset": 0}
        decided = encoded(1, source=source, variables={"merchant": "<script>alert(1)</script>"})
        await producer.send_and_wait(decisions, decided, b"0" * 32, 2, AT_MS)
        await producer.send_and_wait(labels, b'{"note": "card 4006080197832643"}', b"p1", 0, AT_MS)
        for number in range(120):
            await producer.send(transactions, b'{"number": %d}' % number, None, 3, AT_MS + 1000 * number)
        await producer.send_and_wait(transactions, b"\x1f\x8b\x08\x00", None, 3, AT_MS + 120_000)
    finally:
        await producer.stop()
