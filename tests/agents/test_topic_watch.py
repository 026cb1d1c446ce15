"""The checks of group and topics, against a real group."""

import asyncio
from contextlib import suppress

import pytest
from aiokafka import AIOKafkaConsumer

from fraudstream import topics
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.group_event_types import Member
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.agents import topic_watch
from fraudstream.agents.topic_watch import TopicWatch
from fraudstream.settings import Settings
from tests.chaos.workers import until


def member(settings: Settings, topic: topics.Topic) -> AIOKafkaConsumer:
    """Return a member of the workers' group that wants one topic."""
    name = settings.topic(topic.name)
    return AIOKafkaConsumer(
        name, **Kafka.of(settings).client, group_id=settings.app_id, enable_auto_commit=False
    )


async def test_partitions_that_no_worker_has_are_named_until_one_has_them(
    kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka accepts a group member that leaves out a topic, and nothing else would notice it."""
    monkeypatch.setattr(topic_watch, "LOOK_EVERY_S", 0.2)
    watch = TopicWatch(kafka_settings, lambda _: None, Member.of(event_type_named("card")))
    repartitioned = kafka_settings.topic(topics.REPARTITIONED.name)
    looking = asyncio.create_task(watch.run())
    try:
        async with member(kafka_settings, topics.TRANSACTIONS):
            assert await until(lambda: bool(list(watch())), 60)
            named = [(problem.severity, problem.sentence, problem.remedy) for problem in watch()]
            async with member(kafka_settings, topics.REPARTITIONED):
                assert await until(lambda: not list(watch()), 60)
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking

    assert [
        (
            "failing",
            f"{repartitioned}, partition {partition} is assigned to no worker of the group {kafka_settings.app_id}",
            "restart the workers, so that partitions are reassigned",
        )
        for partition in range(kafka_settings.partitions)
    ] == named
