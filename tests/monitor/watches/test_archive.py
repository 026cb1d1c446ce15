"""An archiver that lags, against a real broker; without an archiver there is no problem."""

import time
from collections.abc import Iterable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from fraudstream import topics
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.monitor.watches import ArchiveWatch
from fraudstream.settings import Settings

pytestmark = pytest.mark.kafka

HOUR_MS = 3_600_000


async def decide(settings: Settings, ages_ms: Iterable[int]) -> None:
    """Publish decisions of these ages to partition 0."""
    now_ms = time.time_ns() // 1_000_000
    async with AIOKafkaProducer(**Kafka.of(settings).client) as producer:
        for age_ms in ages_ms:
            topic = settings.topic(topics.DECISIONS.name)
            await producer.send_and_wait(topic, b"{}", partition=0, timestamp_ms=now_ms - age_ms)


async def archived(settings: Settings, offset: int) -> None:
    """Commit as the archiver does."""
    group = topics.archive_group(settings)
    async with AIOKafkaConsumer(
        **Kafka.of(settings).client, group_id=group, enable_auto_commit=False
    ) as consumer:
        place = TopicPartition(settings.topic(topics.DECISIONS.name), 0)
        consumer.assign([place])
        await consumer.commit({place: offset})


async def said(settings: Settings) -> list[str]:
    """Look, and return what is wrong."""
    watch = ArchiveWatch(settings)
    await watch.look()
    return [problem.sentence for problem in watch()]


async def test_only_decisions_that_have_waited_too_long_are_late(kafka_settings: Settings):
    """Three old ones and a new one: no problem without an archiver, three late with one that makes no progress."""
    await ensure_topics(kafka_settings)
    await decide(kafka_settings, [3 * HOUR_MS, 2 * HOUR_MS, HOUR_MS, 0])
    assert [] == await said(kafka_settings)

    await archived(kafka_settings, 0)
    assert ["3 decisions older than 5 minutes are not in the archive"] == await said(kafka_settings)
    await archived(kafka_settings, 3)
    assert [] == await said(kafka_settings)


async def test_an_offset_beyond_the_end_archives_nothing(kafka_settings: Settings):
    """It was committed in another log: made anew, restored or failed over."""
    await ensure_topics(kafka_settings)
    await decide(kafka_settings, [3 * HOUR_MS, 2 * HOUR_MS, 0])
    await archived(kafka_settings, 500)

    assert ["2 decisions older than 5 minutes are not in the archive"] == await said(kafka_settings)


async def test_the_marker_of_a_transaction_is_not_a_decision(kafka_settings: Settings):
    """It is never delivered, so an archiver that has everything stands one before the end."""
    await ensure_topics(kafka_settings)
    await decide(kafka_settings, [2 * HOUR_MS, HOUR_MS])
    await archived(kafka_settings, 1)

    assert ["1 decisions older than 5 minutes are not in the archive"] == await said(kafka_settings)
    assert [] == await said(kafka_settings.model_copy(update={"exactly_once_outputs": True}))


async def test_a_broker_that_does_not_answer_is_not_reported_as_lag(kafka_settings: Settings):
    """The last known lag stays, and the log says once that the broker does not answer."""
    away = kafka_settings.model_copy(update={"broker": "127.0.0.1:1"})

    assert [] == await said(away)
