"""Work beside the pages, such as reading topics: begun with the console, begun again when it fails, and seen in its health."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from fraudstream.domain.errors import FraudstreamError

logger = logging.getLogger(__name__)

Run = Callable[[], Awaitable[None]]
WAIT_FIRST_S, WAIT_MAX_S = 1.0, 30.0
WELL_S = 10.0
"""After so long without failing again a task is well."""


class Background:
    """A task that runs until the console ends. What it raises is its problem until it has run for a while again."""

    def __init__(self, name: str, run: Run) -> None:
        """`run`: runs until it is cancelled, and cleans up then."""
        self.name = name
        self._run = run
        self._failed = ""
        self._begun_s = 0.0

    @property
    def problem(self) -> str:
        """What keeps it from its work, a sentence; empty if nothing does."""
        running_s = time.monotonic() - self._begun_s if self._begun_s else 0.0
        return "" if running_s > WELL_S else self._failed

    async def run(self) -> None:
        """Run it, again and again, with growing waits."""
        wait_s = WAIT_FIRST_S
        while True:
            self._begun_s = time.monotonic()
            try:
                await self._run()
                self._failed = f"{self.name} has ended by itself"
            except FraudstreamError as error:
                self._failed = f"{self.name} cannot do its work: {error}"
            except Exception:  # the boundary: the pages go on, and health tells
                logger.exception("%s failed", self.name)
                self._failed = f"{self.name} failed; the console's log says why"
            if time.monotonic() - self._begun_s > WELL_S:
                wait_s = WAIT_FIRST_S
            self._begun_s = 0.0
            logger.warning("%s; again in %.0f s", self._failed, wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, WAIT_MAX_S)


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            logger.warning("a task beside the pages did not end in order: %s", ended)
