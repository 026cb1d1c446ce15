"""Sends one event to one receiver."""

import time
from types import TracebackType
from typing import NamedTuple, Self

import aiohttp

from fraudstream.domain.errors import SetupError
from fraudstream.webhooks.addresses import PublicResolver, check_url
from fraudstream.webhooks.signing import ATTEMPT_HEADER, ID_HEADER, SIGNATURE_HEADER, signature

ANSWER_BYTES_MAX = 64 * 1024
"""So much of an answer is read, to use the connection again."""

PROBLEM_LENGTH_MAX = 200


class Event(NamedTuple):
    """What is sent."""

    id: str
    body: bytes
    attempt: int = 1


class Sender:
    """Sends events; a context manager that keeps connections."""

    def __init__(self, timeout_s: float, private: bool) -> None:
        """`private`: addresses that are not public are allowed."""
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._private = private
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        resolver = None if self._private else PublicResolver()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, resolver=resolver, use_dns_cache=False),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def send(self, url: str, secret: str, event: Event) -> str:
        """Send an event; return why it has not arrived, empty if it has: only a status from 200 to 299 says so."""
        assert self._session is not None
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "fraudstream",
            ID_HEADER: event.id,
            ATTEMPT_HEADER: str(event.attempt),
            SIGNATURE_HEADER: signature(secret, int(time.time()), event.body),
        }
        try:
            check_url(url, self._private)
            async with self._session.post(
                url, data=event.body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.content.read(ANSWER_BYTES_MAX)
                return "" if 200 <= answer.status < 300 else f"answered with status {answer.status}"
        except TimeoutError:
            return f"did not answer within {self._timeout.total:g} s"
        except (aiohttp.ClientError, SetupError, OSError, ValueError) as error:
            return f"cannot be reached: {error}"[:PROBLEM_LENGTH_MAX]
