"""A changelog that is deleted, emptied, truncated or has other partitions: the worker refuses or repairs it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from fraudstream.topics import changelog
from tests.chaos.stage import PATIENCE_S, Stage, Stuck
from tests.chaos.workers import until

Damage = Callable[[AIOKafkaAdminClient, str, Stage], Awaitable[None]]


async def deleted(admin: AIOKafkaAdminClient, topic: str, stage: Stage) -> None:
    """Delete the topic."""
    await admin.delete_topics([topic])
    await _until_gone(admin, topic)


async def emptied(admin: AIOKafkaAdminClient, topic: str, stage: Stage) -> None:
    """Delete all records, as a retention that is too short would."""
    await _delete_before(admin, topic, stage, share=1.0)


async def truncated(admin: AIOKafkaAdminClient, topic: str, stage: Stage) -> None:
    """Delete the first half of the records."""
    await _delete_before(admin, topic, stage, share=0.5)


async def other_partitions(admin: AIOKafkaAdminClient, topic: str, stage: Stage) -> None:
    """Replace the topic by one with another number of partitions."""
    await deleted(admin, topic, stage)
    await admin.create_topics([NewTopic(topic, stage.settings.partitions - 1, 1)])


async def played(stage: Stage, rounds: int, damage: Damage, *, empty_disk: bool) -> None:
    """Stop the worker, damage the changelog, and start again with the old directory or with none.

    If the worker refuses, do what it says: remove what does not fit, `fraudstream state rebuild`, and start again.
    """
    worker = stage.worker("a")
    worker.start()
    await stage.progress()
    await stage.pause_s(3, 5)
    await asyncio.to_thread(worker.stop)
    await _do(damage, stage)
    if empty_disk:
        worker.wipe()
    stage.fault()
    before = await stage.logs.ends("decisions")
    worker.start()
    await until(lambda: not worker.running or len(worker.partitions) > 0, PATIENCE_S)
    await stage.pause_s(5, 6)
    if not worker.running:
        stage.facts["refused"] = worker.last_words()
        if before != await stage.logs.ends("decisions"):
            raise Stuck(f"it decided and then refused: {worker.last_words()}")
        if damage is other_partitions:
            await _do(deleted, stage)
        stage.facts["rebuilt"] = await asyncio.to_thread(worker.rebuild)
        worker.start()
    await stage.progress()


async def _do(damage: Damage, stage: Stage) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.scene.bootstrap)
    await admin.start()
    try:
        await damage(admin, changelog(stage.settings).name, stage)
    finally:
        await admin.close()


def of(damage: Damage, *, empty_disk: bool) -> Callable[[Stage, int], Awaitable[None]]:
    """Return the experiment for one kind of damage."""
    return partial(played, damage=damage, empty_disk=empty_disk)


async def _delete_before(admin: AIOKafkaAdminClient, topic: str, stage: Stage, share: float) -> None:
    ends = await stage.logs.ends_of(topic)
    await admin.delete_records(
        {
            TopicPartition(topic, place.partition): RecordsToDelete(round(end * share))
            for place, end in ends.items()
        }
    )


async def _until_gone(admin: AIOKafkaAdminClient, topic: str) -> None:
    while topic in await admin.list_topics():  # noqa: ASYNC110 - Kafka tells nobody
        await asyncio.sleep(0.1)
