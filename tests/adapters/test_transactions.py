"""Taking partitions over, and being overtaken."""

import asyncio
import gc

import pytest

from fraudstream.adapters.kafka_security import Kafka
from fraudstream.adapters.transactions import Transactions
from fraudstream.settings import Settings


async def test_a_take_over_that_a_rebalance_overtakes_leaves_no_producer_behind(
    fresh_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Broken off at any moment of its beginning. (The socket that aiokafka was opening just then is its own affair.)"""
    transactions = Transactions(Kafka.of(fresh_settings), fresh_settings.app_id)
    for waited_ms in (0, 1, 5, 20):
        overtaken = asyncio.create_task(transactions.take_over(range(4)))
        await asyncio.sleep(waited_ms / 1000)
        overtaken.cancel()
        await asyncio.wait([overtaken])
    await transactions.take_over([1])
    await transactions.stop()
    gc.collect()

    assert "Unclosed AIOKafkaProducer" not in caplog.text
