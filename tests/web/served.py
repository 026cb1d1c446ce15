"""A served worker as a test sees it: an address and a client."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from tests.web.fake_worker import FakeWorker


@dataclass(frozen=True)
class Site:
    """A served worker and an HTTP client for it."""

    worker: FakeWorker
    url: str
    http: aiohttp.ClientSession

    async def json(self, path: str, status: int = 200) -> Any:
        """GET and return JSON of an answer with that status."""
        async with self.http.get(self.url + path) as response:
            body = await response.text()
            assert status == response.status, body
            assert "application/json" == response.content_type
            return msgspec.json.decode(body)

    async def html(self, path: str, status: int = 200) -> str:
        """GET a page as a browser would."""
        async with self.http.get(self.url + path, headers={"Accept": "text/html,*/*"}) as response:
            body = await response.text()
            assert status == response.status, body
            assert "text/html" == response.content_type
            return body


Serve = Callable[..., Awaitable[Site]]
