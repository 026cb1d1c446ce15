"""Logs are read one after the other, whatever becomes of the group whose offsets are looked at, and of the broker."""

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaTimeoutError

from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.adapters.kafka import partition_logs as module
from fraudstream.adapters.kafka.admin import administration
from fraudstream.adapters.kafka.partition_logs import (
    PartitionLogs,
    Place,
    Span,
    forget_records,
    partition_logs,
)
from fraudstream.adapters.kafka.security import Kafka
from tests.shared import frozen

PARTITIONS = 3


async def make(kafka: Kafka, topic: str) -> None:
    """Make a topic with one record in each partition."""
    async with administration(kafka) as admin:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    async with AIOKafkaProducer(**kafka.client, acks="all") as producer:
        for partition in range(PARTITIONS):
            await producer.send_and_wait(topic, b"paid", partition=partition)


async def values(logs: PartitionLogs, topic: str, partition: int) -> list[bytes | None]:
    """Read a partition from its beginning."""
    return [record.value async for fetched in logs.read(topic, partition) for record in fetched]


async def test_logs_are_read_while_the_groups_coordinator_is_looked_for(own_broker: EmbeddedBroker) -> None:
    """A broker that no group has used yet has no coordinator for the first moments."""
    kafka = Kafka(own_broker.bootstrap)
    await make(kafka, "payments")

    async with partition_logs(kafka, "a-new-group") as logs:
        for partition in 10 * [*range(PARTITIONS)]:
            assert [b"paid"] == await values(logs, "payments", partition)

        for offset in range(3):
            await logs.commit({("payments", 0): offset})
            assert {("payments", 0): offset, ("payments", 1): None} == await logs.all_committed(
                [("payments", 0), ("payments", 1)]
            )
        assert 0 == await logs.committed("payments", 2)
        assert 1 == (await logs.span("payments", 2)).end
        assert {TopicPartition("payments", 1)} == set(await logs.first_records({("payments", 1): 0}))


async def test_a_log_whose_records_are_deleted_reads_as_empty_each_time(own_broker: EmbeddedBroker) -> None:
    """It begins where it ends."""
    kafka = Kafka(own_broker.bootstrap)
    await make(kafka, "forgotten")
    await forget_records(kafka, "forgotten", {0: 1})

    async with partition_logs(kafka, "a-group") as logs:
        assert [[], []] == [await values(logs, "forgotten", 0) for _ in range(2)]
        assert [b"paid"] == await values(logs, "forgotten", 1)


async def test_a_broker_that_does_not_answer_is_not_waited_for_for_ever(
    own_broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is frozen: its connections stay, and aiokafka would ask it again and again."""
    monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 1.0)
    async with partition_logs(Kafka(own_broker.bootstrap), "a-group") as logs:
        with frozen(own_broker):
            with pytest.raises(
                KafkaTimeoutError, match="no answer to a request for the offsets of a group in 1 s"
            ):
                await logs.committed("payments", 0)
            with pytest.raises(KafkaTimeoutError, match="a commit"):
                await logs.commit({("payments", 0): 1})


async def test_records_that_a_log_has_lost_since_its_end_was_asked_for_are_not_waited_for_for_ever(
    own_broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new leader had not got them."""
    kafka = Kafka(own_broker.bootstrap)
    await make(kafka, "shortened")
    monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 1.0)

    async def spans_before(_places: object) -> dict[Place, Span]:
        return {TopicPartition("shortened", 0): Span(0, 2)}

    async with partition_logs(kafka, "a-group") as logs:
        monkeypatch.setattr(logs, "spans", spans_before)
        with pytest.raises(KafkaTimeoutError, match="records"):
            await values(logs, "shortened", 0)
