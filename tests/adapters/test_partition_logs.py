"""Logs are read one after the other, whatever becomes of the group whose offsets are looked at."""

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic

from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.adapters.kafka_admin import administration
from fraudstream.adapters.kafka_security import Kafka
from fraudstream.adapters.partition_logs import partition_logs

PARTITIONS = 3


async def test_logs_are_read_while_the_groups_coordinator_is_looked_for(own_broker: EmbeddedBroker) -> None:
    """A broker that no group has used yet has no coordinator for the first moments."""
    kafka = Kafka(own_broker.bootstrap)
    async with administration(kafka) as admin:
        await admin.create_topics([NewTopic("payments", PARTITIONS, 1)])
    async with AIOKafkaProducer(**kafka.client, acks="all") as producer:
        for partition in range(PARTITIONS):
            await producer.send_and_wait("payments", b"paid", partition=partition)

    async with partition_logs(kafka, "a-new-group") as logs:
        for partition in 10 * [*range(PARTITIONS)]:
            read = [record.value async for fetch in logs.read("payments", partition) for record in fetch]
            assert [b"paid"] == read

        for offset in range(3):
            await logs.commit({("payments", 0): offset})
            assert {("payments", 0): offset, ("payments", 1): None} == await logs.all_committed(
                [("payments", 0), ("payments", 1)]
            )
        assert 0 == await logs.committed("payments", 2)
        assert 1 == (await logs.span("payments", 2)).end
        assert {TopicPartition("payments", 1)} == set(await logs.first_records({("payments", 1): 0}))
