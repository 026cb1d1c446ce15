"""Told to stop while the broker does not answer: the process ends within seconds, and the next one goes on exactly."""

import asyncio
import subprocess
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.settings import Settings
from tests.commands.running import begin, fraudstream
from tests.end_to_end.harness import (
    Worker,
    decided_more,
    decisions_of,
    expected_windows,
    produce,
    settled,
)
from tests.end_to_end.test_archive import files
from tests.end_to_end.test_worker import encoded, payments, windows
from tests.shared import frozen, own_settings

BOUND_S = 25.0
"""systemd and Kubernetes kill after 30."""


@pytest.fixture
async def settings(own_broker: EmbeddedBroker, tmp_path: Path) -> Settings:
    """Return settings of a test alone, with its topics created."""
    settings = own_settings(
        own_broker.bootstrap, tmp_path / "data", session_timeout_s=6.0, archive_interval_s=0.5, web=False
    )
    await ensure_topics(settings)
    return settings


def told_to_stop(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> tuple[int, float]:
    """Send SIGTERM; return the exit code and how many seconds the end took."""
    started = time.monotonic()
    process.terminate()
    return process.wait(60), time.monotonic() - started


async def test_a_worker_ends_within_seconds_while_the_broker_is_frozen(
    settings: Settings, own_broker: EmbeddedBroker
) -> None:
    """In the middle of a backlog; what it had not committed, the next worker decides, and counts nothing twice."""
    sent = payments(20_000, seed=9)
    await produce(settings, [encoded(payment) for payment in sent])
    with Worker(settings.model_copy(update={"batch_rows_max": 256})) as worker:
        assert worker.process is not None
        await decided_more(settings, worker, 2000)
        with frozen(own_broker):
            code, took_s = await asyncio.to_thread(told_to_stop, worker.process)
        log = worker.log
    with Worker(settings):
        await settled(settings)
        decisions = await decisions_of(settings, {payment["tid"] for payment in sent})

    assert took_s < BOUND_S
    assert 0 == code, log
    assert "nothing is lost" in log
    assert await expected_windows(settings) == windows(decisions)


async def test_an_archiver_ends_within_seconds_while_the_broker_is_frozen(
    settings: Settings, own_broker: EmbeddedBroker
) -> None:
    """The next one archives what is missing, each decision once."""
    sent = payments(2000, seed=4)
    await produce(settings, [encoded(payment) for payment in sent])
    with Worker(settings):
        await settled(settings)
    with begin(settings, "archive", "run") as archiver:
        while not files(settings):
            assert archiver.poll() is None
            await asyncio.sleep(0.05)
        with frozen(own_broker):
            code, took_s = await asyncio.to_thread(told_to_stop, archiver)
    done = fraudstream(settings, "archive", "run", "--once", timeout_s=120)
    archived = pl.concat([pl.read_parquet(path, hive_partitioning=False) for path in files(settings)])

    assert took_s < BOUND_S
    assert 0 == code
    assert 0 == done.returncode, done.stderr
    assert Counter(payment["tid"] for payment in sent) == Counter(archived["transaction_id"].to_list())
