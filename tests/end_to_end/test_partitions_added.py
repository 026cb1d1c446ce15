"""Partitions that are added while a worker runs: noticed, reported, and the others continue."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiokafka.admin import NewPartitions

from fraudstream.adapters.kafka.admin import administration, existing_topics
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.tokens import partition_of
from fraudstream.process.ports import free_port
from fraudstream.settings import Settings
from tests.end_to_end.harness import Worker, decisions_of, produce, settled
from tests.end_to_end.test_worker import encoded, payments
from tests.shared import PATIENCE_S


@pytest.fixture
def settings(kafka_settings: Settings) -> Settings:
    """Return settings of a worker with pages, whose consumer asks for new partitions every second."""
    return kafka_settings.model_copy(update={"session_timeout_s": 6.0, "web_port": free_port("127.0.0.1")})


async def add_partitions(settings: Settings, topic: str, total: int) -> None:
    """Add partitions as an operator does with kafka-topics, and wait until they are there."""
    async with administration(Kafka.of(settings)) as admin:
        await admin.create_partitions({topic: NewPartitions(total)})
        while (await existing_topics(admin, [topic]))[topic].partitions != total:  # noqa: ASYNC110 - Kafka tells nobody
            await asyncio.sleep(0.05)


async def health(settings: Settings, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Ask for the health until it is as wanted; return it."""
    deadline = time.monotonic() + PATIENCE_S
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(
                    f"http://127.0.0.1:{settings.web_port}/health", headers={"Accept": "application/json"}
                ) as answer:
                    found: dict[str, Any] = await answer.json()
                    if until(found):
                        return found
            except aiohttp.ClientError as error:
                found = {"unreachable": str(error)}
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.2)


async def test_partitions_added_while_a_worker_runs_are_said_and_the_old_ones_decided(
    settings: Settings,
) -> None:
    """Also after the consumer has noticed and the group has met again, and after a restart of the worker."""
    source = settings.topic("transactions")
    sent = payments(300, seed=61)
    with Worker(settings, ("-m", "tests.end_to_end.watchful_worker")) as worker:
        await health(settings, lambda found: found.get("status") == "ok")
        await add_partitions(settings, source, 6)
        found = await health(settings, lambda found: found.get("status") == "failing")
        assert f"{source} has 6 partitions, but the group was created for 4" in json.dumps(found)
        assert "payments on partitions 4, 5 are not decided" in worker.log
        assert "fraudstream topics grow 6" in worker.log
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{settings.web_port}/metrics") as answer,
        ):
            assert f'fraudstream_undecided_partitions{{topic="{source}"}} 2.0' in await answer.text()
        while worker.log.count("deciding partitions 0, 1, 2, 3") < 2:  # noqa: ASYNC110 - the group meets again
            await asyncio.sleep(0.2)
        for home in range(settings.partitions):
            own = [each for each in sent if partition_of(str(each["cc_num"]), settings.partitions) == home]
            await produce(settings, [encoded(payment) for payment in own], partition=home)
        await decisions_of(settings, {payment["tid"] for payment in sent})
        assert worker.process is not None
        assert worker.process.poll() is None
    later = {"tid": "later", "cc_num": 4_006_080_000_000_000, "amount": 1.0, "trans_ts": time.time()}
    with Worker(settings):
        await produce(settings, [encoded(later)], partition=0)
        await decisions_of(settings, {"later"})
        await settled(settings)
