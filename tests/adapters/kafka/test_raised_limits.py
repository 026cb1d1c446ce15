"""A topic's limit is raised while the worker runs, as the dead letter of a record that was too large advises."""

from fraudstream.adapters.kafka.outbox import Message, Outbox
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.settings import Settings
from tests.end_to_end.harness import read_all
from tests.topic_settings import configure

LIMIT = 20_000


async def test_the_next_large_record_is_published_without_a_restart(kafka_settings: Settings) -> None:
    """The first one was replaced by a dead letter."""
    topic, dead_letters = kafka_settings.topic("decisions"), kafka_settings.topic("dead-letters")
    large = b"x" * (LIMIT + 1000)
    first, second = Outbox(), Outbox()
    first.add(topic, 1, Message(None, large))
    second.extend(topic, 1, [Message(None, b"small"), Message(None, large)])
    await configure(kafka_settings, topic, max_message_bytes=LIMIT)
    async with Publisher(Kafka.of(kafka_settings), "test") as publisher:
        await publisher.publish(first, lambda refused: [(dead_letters, 1, Message(None, b"dead letter"))])
        await configure(kafka_settings, topic, max_message_bytes=2 * LIMIT)
        await publisher.publish(second)

    assert [b"small", large] == [record.value for record in await read_all(kafka_settings, "decisions")]
    assert [b"dead letter"] == [record.value for record in await read_all(kafka_settings, "dead-letters")]
