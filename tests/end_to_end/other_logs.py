"""Changes a source log under its group and state: truncates or recreates it, moves its offsets or lets them expire."""

import asyncio

from confluent_kafka.admin import AdminClient

from fraudstream.adapters.kafka.admin import administration, ensure_topics, existing_topics
from fraudstream.adapters.kafka.partition_logs import PartitionLogs, Span, partition_logs
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.settings import Settings
from tests.shared import PATIENCE_S


async def made_anew(settings: Settings, topic: str) -> None:
    """Delete a topic and make it again."""
    async with administration(Kafka.of(settings)) as admin:
        await admin.delete_topics([topic])
        async with asyncio.timeout(PATIENCE_S):
            while await existing_topics(admin, [topic]):  # noqa: ASYNC110 - Kafka tells nobody
                await asyncio.sleep(0.05)
    await ensure_topics(settings)


async def spans(settings: Settings, topic: str) -> dict[int, Span]:
    """Return the offsets of every partition."""
    async with partition_logs(Kafka.of(settings), settings.app_id) as logs:
        return {number: await logs.span(topic, number) for number in range(settings.partitions)}


async def moved(settings: Settings, topic: str, offsets: dict[int, int]) -> None:
    """Commit offsets for the workers' group, which has no members."""
    async with partition_logs(Kafka.of(settings), settings.app_id) as logs:
        await logs.commit({(topic, partition): offset for partition, offset in offsets.items()})


async def committed(settings: Settings, topic: str) -> dict[int, int | None]:
    """Return what the workers' group has committed."""

    async def of(logs: PartitionLogs, partition: int) -> int | None:
        return await logs.committed_if_any(topic, partition)

    async with partition_logs(Kafka.of(settings), settings.app_id) as logs:
        return {number: await of(logs, number) for number in range(settings.partitions)}


def without_offsets(settings: Settings) -> None:
    """Delete all offsets of the group, as if they had expired."""
    admin = AdminClient({"bootstrap.servers": settings.broker})
    for done in admin.delete_consumer_groups([settings.app_id]).values():
        done.result()
