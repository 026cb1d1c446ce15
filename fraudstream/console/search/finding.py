"""Searches the archive for pages of payments: a few at a time, each for a limited time."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from fraudstream.adapters.archive.lake import Lake
from fraudstream.adapters.archive.opening import object_store
from fraudstream.adapters.archive.search import ArchiveQuery, find_by_day
from fraudstream.domain.errors import FraudstreamError

AT_ONCE, WAIT_S = 2, 10.0
"""So many searches run at the same time; another waits so long for its turn."""

WHOLE_S = 60.0
"""How long what should be complete is searched for: a file, the page of one payment."""

Payment = dict[str, Any]


class Busy(FraudstreamError):
    """Others search, too."""

    later = True


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search, newest first."""

    payments: list[Payment]
    more: bool
    """Whether there are older ones that match."""
    reached: str
    """The day that the search came to when its time was over; empty if it is complete."""
    took_s: float


class Finder:
    """Searches one archive."""

    def __init__(self, place: str) -> None:
        """`place`: directory or s3:// URL."""
        self._place = place
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def page(self, query: ArchiveQuery, budget_s: float) -> Found:
        """Return the newest payments that match, at most `query.limit`; raises Busy, FilterError or what the archive says.

        After `budget_s` it begins no further day, and says how far it came.
        """
        found: list[Payment] = []
        reached = ""
        async with self._turn(), object_store(self._place) as objects:
            started = time.monotonic()
            wanted = replace(query, limit=query.limit + 1)
            async with aclosing(find_by_day(Lake(objects), wanted)) as days:
                async for day, payments in days:
                    found += payments
                    if len(found) > query.limit:
                        break
                    if time.monotonic() - started > budget_s:
                        reached = str(day)
                        break
        took_s = time.monotonic() - started
        return Found(found[: query.limit], len(found) > query.limit, reached, took_s)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(WAIT_S):
                await self._turns.acquire()
        except TimeoutError:
            raise Busy("others search the archive at this moment") from None
        try:
            yield
        finally:
            self._turns.release()
