"""A changelog that was deleted, emptied or made with another number of partitions: always noticed, and repaired by one command."""

import asyncio
import shutil

import pytest
from aiokafka.admin import NewTopic

from fraudstream import topics
from fraudstream.adapters.kafka.admin import administration, ensure_topics, existing_topics
from fraudstream.adapters.kafka.partition_logs import forget_records, partition_logs
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import SetupError
from fraudstream.process.exits import EXIT_SETUP
from fraudstream.settings import Settings
from fraudstream.state.rebuild import rebuild_changelog, wipe_all
from fraudstream.state.verify import compare_all, directories
from tests.end_to_end.harness import Worker, decisions_of, expected_windows, produce
from tests.end_to_end.test_damaged_state import ended, group_empty
from tests.end_to_end.test_worker import encoded, payments, windows
from tests.shared import PATIENCE_S


@pytest.fixture
def settings(kafka_settings: Settings) -> Settings:
    """Return settings whose restarts are quick."""
    return kafka_settings.model_copy(update={"session_timeout_s": 6.0, "web": False})


async def without_changelog(settings: Settings) -> None:
    """Delete the topic and wait until the brokers know."""
    name = topics.changelog(settings).name
    async with administration(Kafka.of(settings)) as admin:
        await admin.delete_topics([name])
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if not await existing_topics(admin, [name]):
                    return
                await asyncio.sleep(0.05)


async def refused(settings: Settings) -> str:
    """Start a worker that must refuse; return its log."""
    with Worker(settings) as worker:
        code = await ended(worker)
    assert EXIT_SETUP == code, worker.log
    assert "fraudstream state rebuild" in worker.log
    return worker.log


async def test_a_lost_changelog_is_refused_and_rebuilt_from_the_log(settings: Settings) -> None:
    """Deleted with the state kept; deleted without state; emptied without state. Then the second half of the payments sees the first."""
    sent = payments(3000, seed=15)
    await produce(settings, [encoded(payment) for payment in sent[:1500]])
    with Worker(settings):
        await decisions_of(settings, {payment["tid"] for payment in sent[:1500]})
    await without_changelog(settings)
    assert "the state has read it up to" in await refused(settings)

    shutil.rmtree(settings.worker_state_dir)
    assert "payments are missing" in await refused(settings)

    await group_empty(settings)
    await rebuild_changelog(settings, await compare_all(settings))
    name = topics.changelog(settings).name
    async with partition_logs(Kafka.of(settings), settings.app_id) as logs:
        ends = {number: (await logs.span(name, number)).end for number in range(settings.partitions)}
    await forget_records(Kafka.of(settings), name, ends)
    shutil.rmtree(settings.worker_state_dir)
    assert "payments are missing" in await refused(settings)

    await group_empty(settings)
    await rebuild_changelog(settings, await compare_all(settings))
    wipe_all(directories(settings))
    await produce(settings, [encoded(payment) for payment in sent[1500:]])
    with Worker(settings):
        decisions = await decisions_of(settings, {payment["tid"] for payment in sent})
    assert await expected_windows(settings) == windows(decisions)


async def test_a_changelog_of_other_partitions_is_refused(settings: Settings) -> None:
    """Its entries would be read by workers that do not have the cards."""
    await without_changelog(settings)
    async with administration(Kafka.of(settings)) as admin:
        await admin.create_topics([NewTopic(topics.changelog(settings).name, 2, 1)])

    with pytest.raises(SetupError, match="run `fraudstream topics grow 4`"):
        await ensure_topics(settings)
