"""When all that was committed can be read: Kafka answers a commit before it has ended the transaction in every partition."""

import asyncio
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from fraudstream.adapters.kafka.security import Kafka
from fraudstream.settings import Settings
from tests.shared import PATIENCE_S


async def transactions_ended(settings: Settings, *topics: str) -> None:
    """Wait until no transaction is open in these topics: until then consumers of committed records stop before it."""
    places = [
        TopicPartition(settings.topic(topic), partition)
        for topic in topics
        for partition in range(settings.partitions)
    ]
    await ended_at(settings, places)


async def ended_at(settings: Settings, places: Sequence[TopicPartition]) -> None:
    """Wait until no transaction is open in these partitions."""
    client = Kafka.of(settings).client
    deadline = time.monotonic() + PATIENCE_S
    async with (
        AIOKafkaConsumer(**client, isolation_level="read_uncommitted") as of_all,
        AIOKafkaConsumer(**client, isolation_level="read_committed") as of_committed,
    ):
        written = await of_all.end_offsets(places)
        while any(end < written[place] for place, end in (await of_committed.end_offsets(places)).items()):
            assert time.monotonic() < deadline, f"a transaction does not end in {places}"
            await asyncio.sleep(0.02)
