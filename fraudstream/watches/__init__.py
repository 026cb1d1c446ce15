"""What a worker compares with what should be, beside its progress. Each watch knows one thing and names it as problems.

A watch that has to ask somebody does so in `look`, every LOOK_EVERY_S and beside the payments; what it says when it is
called is what it knew at its last look, so a health check costs nothing and never waits.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Protocol

from fraudstream.watches.archive import ArchiveWatch
from fraudstream.watches.nightly import NightlyWatch
from fraudstream.watches.weekly import WeeklyWatch

__all__ = ["ArchiveWatch", "NightlyWatch", "WeeklyWatch", "look_now_and_then"]

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 30.0


class Looking(Protocol):
    """A watch that has to ask somebody."""

    async def look(self) -> None:
        """Ask; what cannot be asked now stays as it was known."""
        ...


def look_now_and_then(app: Any, watches: Sequence[Looking]) -> None:
    """Let the watches look as long as the app runs."""

    async def looking() -> None:
        while True:
            for watch in watches:
                await _look(watch)
            await asyncio.sleep(LOOK_EVERY_S)

    app.task(looking)


async def _look(watch: Looking) -> None:
    try:
        await watch.look()
    except Exception:  # the health is not worth a worker
        logger.exception("%s could not look", type(watch).__name__)
