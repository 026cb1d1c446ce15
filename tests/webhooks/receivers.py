"""Programs that receive webhooks: real HTTP servers that behave as they are told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.shared import PATIENCE_S

Behaviour = Callable[["Receiving", str], Awaitable[int]]
"""Returns the status of the answer to an event."""


class Receiving:
    """What one server has got."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.arrived: Counter[str] = Counter()
        """Events that were answered with 200."""
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        """Take an event."""
        body = await request.read()
        self.requests.append((dict(request.headers), body))
        event = request.headers["Fraudstream-Id"]
        status = await self.behaviour(self, event)
        if status == 200:
            self.arrived[event] += 1
        return web.Response(status=status, headers={"Location": self.url + "elsewhere"})

    async def until(self, enough: Callable[["Receiving"], bool], timeout_s: float = PATIENCE_S) -> None:
        """Wait until it has got enough."""
        async with asyncio.timeout(timeout_s):
            for _ in count():
                if enough(self):
                    return
                await asyncio.sleep(0.05)


async def well(_receiving: Receiving, _event: str) -> int:
    """Take everything."""
    return 200


async def hanging(_receiving: Receiving, _event: str) -> int:
    """Never answer."""
    await asyncio.sleep(3_600)
    return 200


def always(status: int) -> Behaviour:
    """Answer everything with a status."""

    async def behaviour(_receiving: Receiving, _event: str) -> int:
        return status

    return behaviour


@asynccontextmanager
async def receiving(behaviour: Behaviour = well) -> AsyncIterator[Receiving]:
    """Run a server."""
    got = Receiving(behaviour)
    app = web.Application()
    app.router.add_post("/{tail:.*}", got.answer)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        got.url = str(server.make_url("/"))
        yield got
