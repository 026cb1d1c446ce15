"""Taking over partitions, also when the next rebalance comes before that is done."""

import asyncio
import gc

import pytest

from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.transactions import Transactions
from fraudstream.settings import Settings
from fraudstream.topics import outputs


async def test_a_take_over_that_a_rebalance_interrupts_leaves_no_producer_behind(
    kafka_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Cancelled at any moment of its start. (A socket that aiokafka was opening at that moment is not checked.)"""
    transactions = Transactions(Kafka.of(kafka_settings), kafka_settings.app_id, outputs(kafka_settings))
    for waited_ms in (0, 1, 5, 20):
        overtaken = asyncio.create_task(transactions.take_over(range(4)))
        await asyncio.sleep(waited_ms / 1000)
        overtaken.cancel()
        await asyncio.wait([overtaken])
    await transactions.take_over([1])
    await transactions.stop()
    gc.collect()

    assert "Unclosed AIOKafkaProducer" not in caplog.text


async def test_producers_know_their_topics_before_they_write(kafka_settings: Settings) -> None:
    """While a broker delays a record because of a quota, it answers nothing else on that connection, and aiokafka forgets the other topics."""
    transactions = Transactions(Kafka.of(kafka_settings), kafka_settings.app_id, outputs(kafka_settings))
    await transactions.take_over([0, 1])
    clusters = [each.producer.client.cluster for each in transactions.taken()]
    known = [
        {name for name in outputs(kafka_settings) if each.partitions_for_topic(name)} for each in clusters
    ]
    await transactions.stop()

    assert [outputs(kafka_settings)] * 2 == known
