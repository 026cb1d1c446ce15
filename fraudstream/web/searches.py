"""Who may search the archive next: a search reads whole days, and nobody waits for another's."""

import asyncio
from collections.abc import Awaitable, Callable

from fraudstream.adapters.lake_search import ArchiveQuery
from fraudstream.tables.recent import Decision
from fraudstream.web.params import PageError
from fraudstream.web.turns import Crowded, Turns

AT_ONCE = 2
EACH_MAX = 2
WAITING_MAX = 8
"""Searches at once (one of each viewer), and that wait: of one viewer, of all."""

TURN_S = 30.0
ABANDONED_S = 1.0
"""A search that failed or that nobody waits for any more may have a thread for a moment longer."""


class Searches:
    """Searches the archive in turn."""

    def __init__(self, search: Callable[[ArchiveQuery], Awaitable[list[Decision]]]) -> None:
        self._search = search
        self._turns = Turns(AT_ONCE, EACH_MAX, WAITING_MAX)

    async def find(self, query: ArchiveQuery, who: str) -> list[Decision]:
        """Search for somebody; raises PageError if it cannot be his turn."""
        try:
            async with asyncio.timeout(TURN_S):
                await self._turns.enter(who)
        except Crowded as error:
            message = "Others wait for the archive, or you have searches waiting already; try again."
            raise PageError(429, "too-many-searches", message) from error
        except TimeoutError as error:
            message = "The searches of others take too long; try again."
            raise PageError(503, "archive-busy", message) from error
        free_after_s = ABANDONED_S
        try:
            found = await self._search(query)
            free_after_s = 0.0
        finally:
            asyncio.get_running_loop().call_later(free_after_s, self._turns.leave, who)
        return found
