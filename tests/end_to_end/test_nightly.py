"""The nightly job, started by a worker at its time."""

import asyncio
import time

from fraudstream.settings import Settings
from tests.end_to_end.harness import Worker
from tests.offline.test_nightly_job import DAY, MONDAY, write_day

TWO_MINUTES_S = 130


async def test_the_leader_runs_the_nightly_job_when_its_time_comes(kafka_settings: Settings) -> None:
    """Here every minute: the snapshot appears, and the worker is still there."""
    settings = kafka_settings.model_copy(update={"nightly_cron": "* * * * *", "web": False})
    for number in range(3):
        write_day(settings.history_dir, MONDAY + DAY * number, cards=5)
    with Worker(settings) as worker:
        deadline = time.monotonic() + TWO_MINUTES_S
        while not (settings.weekly_dir / "2020-02-06.json").exists():
            assert worker.process is not None
            assert worker.process.poll() is None, worker.log
            assert time.monotonic() < deadline, worker.log
            await asyncio.sleep(0.5)
        assert worker.process is not None
        assert worker.process.poll() is None
