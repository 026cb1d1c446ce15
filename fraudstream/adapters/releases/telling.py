"""Tells workers by the control topic which release has which role, and reads what they answered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.errors import KafkaError

from fraudstream import topics
from fraudstream.adapters.failures import kafka_error
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.kafka.outbox import Message, Outbox
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.tail import following
from fraudstream.domain.errors import SetupError
from fraudstream.domain.releases.applied import Applied
from fraudstream.domain.releases.control import controls
from fraudstream.domain.releases.release_log import ReleaseLog, Role
from fraudstream.domain.tokens import partition_of
from fraudstream.settings import Settings

PATIENCE_S = 30.0
ANSWERS_MAX = 10_000


@asynccontextmanager
async def telling(settings: Settings) -> AsyncIterator[Publisher]:
    """Create missing topics and yield what publishes; raises SetupError if no broker answers."""
    await ensure_topics(settings)
    async with Publisher(Kafka.of(settings), f"{settings.app_id}-releases", PATIENCE_S) as publisher:
        await publisher.learn([settings.topic(topics.RELEASES.name)])
        yield publisher


async def tell(publisher: Publisher, settings: Settings, log: ReleaseLog) -> int:
    """Publish all that a log says of roles; return how many records. What workers know already they ignore."""
    outbox, said = Outbox(), controls(log)
    for control in said:
        partition = partition_of(control.key.decode(), settings.partitions)
        outbox.add(settings.topic(topics.RELEASES.name), partition, Message(control.key, control.value))
    await publisher.publish(outbox)
    return len(said)


async def answer(settings: Settings, said: Applied) -> None:
    """Publish a worker's answer; raises FraudstreamError.

    By a connection of its own: what goes wrong with this topic must not delay a decision.
    """
    kafka, topic = Kafka.of(settings), settings.topic(topics.RELEASES_APPLIED.name)
    outbox = Outbox()
    outbox.add(topic, partition_of(said.worker, settings.partitions), Message(said.key, said.value))
    try:
        async with Publisher(kafka, f"{settings.app_id}-releases-applied", PATIENCE_S) as publisher:
            await publisher.publish(outbox)
    except KafkaError as error:
        raise kafka_error(f"topic {topic} cannot be written", error) from error


async def answers(settings: Settings, event_type: str) -> list[Applied]:
    """Return each worker's last answer for each role."""
    topic = settings.topic(topics.RELEASES_APPLIED.name)
    async with following(Kafka.of(settings), topic, settings.partitions) as tail:
        records = await tail.newest(ANSWERS_MAX)
    last: dict[tuple[str, Role], Applied] = {}
    for record in sorted(records, key=lambda record: (record.partition, record.offset)):
        try:
            answer = Applied.parsed(record.value or b"")
        except SetupError:
            continue  # not written by a worker of ours
        if answer.event_type == event_type:
            last[answer.worker, answer.role] = answer
    return [last[each] for each in sorted(last)]
