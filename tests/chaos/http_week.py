"""A weekly store over HTTP, for the worker under test."""

from collections.abc import Collection

import aiohttp
import msgspec

from fraudstream.domain.errors import WeeklyUnavailable
from fraudstream.domain.weekly import Week, WeeklyAnswer, WeeklyStore

CACHED_CARDS = 8
"""Few, so that nearly every micro-batch asks."""


class HttpWeek(WeeklyStore):
    """Asks a weekly store over HTTP; the worker puts its guard before it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def connect(self) -> None:
        """Open the session."""
        self._session = aiohttp.ClientSession()

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Ask for all cards at once."""
        assert self._session is not None
        try:
            async with self._session.post(self._url, data=msgspec.json.encode(list(entities))) as response:
                response.raise_for_status()
                rows = msgspec.json.decode(await response.read(), type=dict[str, Week])
        except (aiohttp.ClientError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise WeeklyUnavailable(str(error)) from error
        return WeeklyAnswer(rows, midnight_ms)

    async def newest(self, midnight_ms: int) -> int | None:
        """Return this midnight: the store has all of them."""
        return midnight_ms
