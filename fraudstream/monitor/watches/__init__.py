"""Watches: each checks one thing beside a worker's progress, and yields what is wrong as problems for the health.

A watch that has to ask a broker or store does so in `look`, every LOOK_EVERY_S, while payments are decided. Calling it
returns what the last look found, so a health check costs nothing and never waits.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Protocol

from fraudstream.monitor.watches.archive import ArchiveWatch
from fraudstream.monitor.watches.nightly import NightlyWatch
from fraudstream.monitor.watches.weekly import WeeklyWatch

__all__ = ["ArchiveWatch", "NightlyWatch", "WeeklyWatch", "look_now_and_then"]

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 30.0


class Looking(Protocol):
    """A watch that has to ask a broker or store."""

    async def look(self) -> None:
        """Ask; without an answer, what was known stays."""
        ...


def look_now_and_then(app: Any, watches: Sequence[Looking]) -> None:
    """Let the watches look repeatedly for as long as the app runs."""

    async def looking() -> None:
        while True:
            for watch in watches:
                await _look(watch)
            await asyncio.sleep(LOOK_EVERY_S)

    app.task(looking)


async def _look(watch: Looking) -> None:
    try:
        await watch.look()
    except Exception:  # a failed look must not end a worker
        logger.exception("the check %s failed", type(watch).__name__)
