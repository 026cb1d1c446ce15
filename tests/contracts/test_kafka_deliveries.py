"""A worker's two deliveries keep one contract, on a real broker."""

from collections.abc import AsyncIterator

import pytest
from aiokafka import TopicPartition

from fraudstream import topics
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.transactions import Transactions
from fraudstream.agents.delivery import AtLeastOnce, Delivery, ExactlyOnce
from fraudstream.settings import Settings
from fraudstream.topics import outputs
from tests.chaos.logs import Logs
from tests.contracts.delivery import DeliveryContract, Place


def place_of(settings: Settings, delivery: Delivery) -> Place:
    """Return a delivery with topics of its own."""
    logs = Logs(settings.broker, settings, committed_only=True)

    async def published(topic: str) -> list[bytes]:
        await logs.transactions_ended(topics.DECISIONS.name)
        records = await logs.read_places([TopicPartition(topic, 0)])
        return [record.value for record in records if record.value is not None]

    source, decisions = settings.topic(topics.REPARTITIONED.name), settings.topic(topics.DECISIONS.name)
    return Place(delivery, source, decisions, topics.changelog(settings).name, published)


class TestAtLeastOnce(DeliveryContract):
    """Everything by one producer."""

    @pytest.fixture
    async def place(self, kafka_settings: Settings) -> AsyncIterator[Place]:
        """Return a connected delivery."""
        async with Publisher(Kafka.of(kafka_settings), "contract") as publisher:
            yield place_of(kafka_settings, AtLeastOnce(publisher))


class TestExactlyOnce(DeliveryContract):
    """Outputs and offsets in a transaction a partition."""

    @pytest.fixture
    async def place(self, kafka_settings: Settings) -> AsyncIterator[Place]:
        """Return a delivery that has taken partition 0 over."""
        kafka = Kafka.of(kafka_settings)
        async with Publisher(kafka, "contract") as publisher:
            transactions = Transactions(kafka, kafka_settings.app_id, outputs(kafka_settings))
            delivery = ExactlyOnce(publisher, transactions)
            await delivery.take_over([0])
            yield place_of(kafka_settings, delivery)
            await transactions.stop()
