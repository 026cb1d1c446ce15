"""The nightly job, scheduled by the workers: one of the group, the leader, starts it as a process of its own.

The leader is the worker that has partition 0 of `transactions`. Faust chooses its own leader by the same rule, but on a
topic made for that, which our workers do not create.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC
from typing import Any

from croniter import croniter
from faust.types import TP

from fraudstream import topics
from fraudstream.adapters.extras import check_installed
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)

NICENESS = 10
"""Of the job's process, so that deciding goes first."""

ELSEWHERE = "elsewhere"
"""Counted instead of a result: another worker has partition 0 and runs the job."""

RESULTS = {0: "done", 1: "refused"}
"""By exit code of `fraudstream aggregate` or `store load`; anything else has failed."""

Count = Callable[[str], None]
"""Called with how a run ended: done, refused, failed or elsewhere."""


def attach(app: Any, settings: Settings, count: Count) -> None:
    """Run the nightly job at `nightly_cron`, on the group's leader; raises SetupError if that is no cron expression."""
    if not croniter.is_valid(settings.nightly_cron):
        raise SetupError(
            f"FRAUDSTREAM_NIGHTLY_CRON={settings.nightly_cron} is not a cron expression; write e.g. 10 0 * * *"
        )

    check_installed("duckdb", what="FRAUDSTREAM_NIGHTLY_CRON")

    async def nightly() -> None:
        if TP(settings.topic(topics.TRANSACTIONS.name), 0) in app.consumer.assignment():
            await run_night(settings, count)
        else:
            count(ELSEWHERE)

    app.crontab(settings.nightly_cron, timezone=UTC)(nightly)


async def run_night(settings: Settings, count: Count) -> None:
    """Run the nightly commands one after the other; a failure is logged and counted, not raised.

    Workers then go on with the week of the night before, and say so in their decisions.
    """
    result = "done"
    for command in _commands(settings):
        if result == "done":
            result = await _ran(command)
    count(result)


def _commands(settings: Settings) -> Iterator[list[str]]:
    """Yield the night's commands: aggregate, and load the result unless workers read it directly."""
    history = [] if settings.nightly_history is None else ["--history", settings.nightly_history]
    yield ["aggregate", "--catch-up", *history]
    if settings.weekly_store != "snapshot":
        yield ["store", "load", "--catch-up"]


async def _ran(command: list[str]) -> str:
    """Run one of our commands as a process of its own; return how it ended."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "fraudstream", *command),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        said, _ = await process.communicate()
        result = RESULTS.get(process.returncode or 0, "failed")
    except Exception:  # a failed night must not end a worker
        logger.exception("the nightly job could not be started")
        return "failed"
    log = logger.info if result == "done" else logger.error
    log("nightly job %s: %s", result, said.decode(errors="replace").strip()[-500:])
    return result
