"""A worker whose state was damaged while it was down, or whose changelog does not end, through the real process."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from fraudstream import topics
from fraudstream.adapters.kafka.partition_logs import members_of
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.process.exits import EXIT_CRASH, EXIT_SETUP
from fraudstream.settings import Settings
from fraudstream.state.rebuild import rebuild_changelog
from fraudstream.state.verify import compare_all
from tests.end_to_end.harness import Worker, decisions_of, expected_windows, produce
from tests.end_to_end.test_worker import encoded, payments, windows
from tests.shared import PATIENCE_S
from tests.tables import damage


@pytest.fixture
def settings(kafka_settings: Settings) -> Settings:
    """Return settings whose restarts are quick."""
    return kafka_settings.model_copy(update={"session_timeout_s": 6.0, "web": False})


def partitions_of(settings: Settings) -> list[Path]:
    """Return the directories of a worker's partitions."""
    return sorted(settings.worker_state_dir.rglob(f"{topics.ACTIVITY_TABLE}-*.db"))


async def ended(worker: Worker, timeout_s: float = PATIENCE_S) -> int:
    """Wait until a worker ends by itself; return its exit code."""
    deadline = time.monotonic() + timeout_s
    assert worker.process is not None
    while worker.process.poll() is None:
        assert time.monotonic() < deadline, worker.log
        await asyncio.sleep(0.1)
    return int(worker.process.returncode)


async def group_empty(settings: Settings) -> None:
    """Wait until nobody is a member of the workers' group."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if not await members_of(Kafka.of(settings), settings.app_id):
                return
            await asyncio.sleep(0.2)


async def test_damage_done_while_the_worker_is_down_changes_no_decision(settings: Settings) -> None:
    """Another kind in every partition; the second half of the payments sees the first."""
    sent = payments(8000, seed=14)
    await produce(settings, [encoded(payment) for payment in sent[:4000]])
    with Worker(settings) as first:
        await decisions_of(settings, {payment["tid"] for payment in sent[:4000]})
        first.kill()
    harms: list[Callable[[Path], None]] = [
        damage.flip_a_bit,
        damage.lose_the_manifest,
        damage.lose_current,
        damage.cut_the_log,
    ]
    for harm, directory in zip(harms, partitions_of(settings), strict=True):
        harm(directory)
    await produce(settings, [encoded(payment) for payment in sent[4000:]])
    with Worker(settings) as second:
        decisions = await decisions_of(settings, {payment["tid"] for payment in sent})

    assert await expected_windows(settings) == windows(decisions)
    assert 3 == second.log.count("wiped, and rebuilt from the changelog")


async def test_a_state_directory_nobody_can_write_is_a_sentence(settings: Settings) -> None:
    """And the set-up exit code, because a restart would not help."""
    with Worker(settings.model_copy(update={"state_dir": Path("/sys/kernel")})) as worker:
        code = await ended(worker)

    assert EXIT_SETUP == code, worker.log
    assert "FRAUDSTREAM_STATE_DIR" in worker.log


async def test_a_recovery_without_progress_ends_the_worker(settings: Settings) -> None:
    """Faust never sees the end of a changelog that ends in a transaction's marker, and alone would wait for ever."""
    producer = AIOKafkaProducer(**Kafka.of(settings).client, transactional_id=settings.app_id)
    async with producer, producer.transaction():
        await producer.send_and_wait(topics.changelog(settings).name, b"", partition=0)
    with Worker(settings.model_copy(update={"stall_timeout_s": 4.0})) as worker:
        code = await ended(worker)

    assert EXIT_CRASH == code, worker.log
    assert "recovery made no progress for 4 s" in worker.log

    await group_empty(settings)
    assert ["without a record" in (each.damage or "") for each in await compare_all(settings)] == [True] + [
        False
    ] * 3
    await rebuild_changelog(settings, await compare_all(settings))
    sent = payments(40, seed=2)
    await produce(settings, [encoded(payment) for payment in sent])
    with Worker(settings):
        await decisions_of(settings, {payment["tid"] for payment in sent})
