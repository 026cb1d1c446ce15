"""Archive searches take turns by client: a search reads whole days and must not hold up others."""

import asyncio
from collections.abc import Awaitable, Callable

from fraudstream.adapters.archive.search import ArchiveQuery
from fraudstream.monitor.recent import Decision
from fraudstream.web.params import PageError
from fraudstream.web.turns import Crowded, Turns

AT_ONCE = 2
EACH_MAX = 2
WAITING_MAX = 8
"""Searches at the same time (one per client), and how many may wait: of one client, of all."""

TURN_S = 30.0
ABANDONED_S = 1.0
"""A search that failed or was cancelled may still use its thread for this long."""


class Searches:
    """Searches the archive in turn."""

    def __init__(self, search: Callable[[ArchiveQuery], Awaitable[list[Decision]]]) -> None:
        self._search = search
        self._turns = Turns(AT_ONCE, EACH_MAX, WAITING_MAX)

    async def find(self, query: ArchiveQuery, who: str) -> list[Decision]:
        """Search when it is the client's turn; raises PageError if it cannot get one."""
        try:
            async with asyncio.timeout(TURN_S):
                await self._turns.enter(who)
        except Crowded as error:
            message = "Too many searches of the archive are waiting; try again later."
            raise PageError(429, "too-many-searches", message) from error
        except TimeoutError as error:
            message = "Other searches of the archive take too long; try again later."
            raise PageError(503, "archive-busy", message) from error
        free_after_s = ABANDONED_S
        try:
            found = await self._search(query)
            free_after_s = 0.0
        finally:
            asyncio.get_running_loop().call_later(free_after_s, self._turns.leave, who)
        return found
