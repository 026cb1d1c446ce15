"""Limits how many connections the pages have and for how long, and chooses which to end when there are too many.

aiohttp has no limit of its own, neither for connections nor for a request that never ends.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from yarl import URL

from fraudstream.web import guard
from fraudstream.web.front import Front, site, without_prefix
from fraudstream.web.pace import Pace

RequestFactory = Callable[..., web.BaseRequest]
Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one worker's pages; times in seconds."""

    connections: int = 200
    first_request_s: float = 10.0
    """Until the first request of a connection is whole."""
    between_requests_s: float = 75.0
    """Until the next request is whole, the previous answer being sent; nginx keeps idle connections for 60 s."""
    answer_s: float = 90.0
    """Until a request is answered, including the wait for its turn."""
    body_s: float = 5.0
    """Until a body that nobody reads has ended."""
    shutdown_s: float = 2.0


@dataclass(slots=True)
class Connection:
    """An open connection: its client, and since when it is in its present state (answering or waiting)."""

    address: str
    by_proxy: bool
    transport: asyncio.Transport
    since_s: float = field(default_factory=time.monotonic)
    requests: int = 0
    answering: bool = False

    def overdue(self, now_s: float, limits: Limits) -> bool:
        """Tell whether it has exceeded its limit."""
        waiting_s = limits.between_requests_s if self.requests else limits.first_request_s
        return now_s - self.since_s > (limits.answer_s if self.answering else waiting_s)


class Connections(web.Server):
    """aiohttp's server with limits; it gives handlers the client's address and removes the prefix."""

    def __init__(self, answer: Answer, factory: RequestFactory, front: Front, limits: Limits) -> None:
        super().__init__(
            self._answer,
            request_factory=self._request,
            handler_cancellation=True,  # when the client is gone
            keepalive_timeout=limits.between_requests_s,
            lingering_time=limits.body_s,
            access_log=None,
        )
        self._of_app = answer
        self._factory = factory
        self._front = front
        self._limits = limits
        self._open: dict[RequestHandler, Connection] = {}
        self._pace = Pace()
        self._sweeping: asyncio.TimerHandle | None = None

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Take a connection; if there are too many, end one."""
        super().connection_made(handler, transport)
        peer = str((transport.get_extra_info("peername") or ("",))[0])
        self._open[handler] = Connection(site(peer), self._front.trusts(peer), transport)
        alive = [each for each in self._open.values() if not each.transport.is_closing()]
        if len(alive) > self._limits.connections:
            _least(alive).transport.abort()
        if self._sweeping is None:
            self._sweep()

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Forget a connection."""
        self._open.pop(handler, None)
        super().connection_lost(handler, exc)

    def _sweep(self) -> None:
        """End what is overdue; again while there are connections."""
        now_s = time.monotonic()
        for connection in self._open.values():
            if connection.overdue(now_s, self._limits):
                connection.transport.abort()
        again_s = min(1.0, self._limits.first_request_s / 4)
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(again_s, self._sweep) if self._open else None

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        """Make aiohttp's request, without the prefix and with the client's address."""
        peer = (protocol.peername or ("",))[0]
        seen = self._front.seen(str(peer), message.headers)
        path = without_prefix(message.path, seen.prefix)
        if path != message.path:
            message = message._replace(path=path, url=_relative(path))
        request = self._factory(message, payload, protocol, writer, task)
        request[guard.CLIENT] = seen.address
        request[guard.HOST] = seen.host
        request[guard.PREFIX] = seen.prefix
        return request

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request at the pages' pace."""
        connection = self._open[request.protocol]
        connection.since_s, connection.answering = time.monotonic(), True
        connection.requests += 1
        try:
            return await self._pace.run(request[guard.CLIENT], partial(self._of_app, request))
        finally:
            connection.since_s, connection.answering = time.monotonic(), False


def _least(connections: list[Connection]) -> Connection:
    """Return the connection to end: of the address with most (proxies last), waiting ones first, the oldest first."""
    having = Counter(each.address for each in connections)
    return min(
        connections,
        key=lambda each: (1 if each.by_proxy else -having[each.address], each.answering, each.since_s),
    )


def _relative(path: str) -> URL:
    """Return the URL of a request's path, as aiohttp's parser does."""
    path, _, query = path.partition("?")
    return URL.build(path=path, query_string=query, encoded=True)


class Runner(web.AppRunner):
    """Runs an app on `Connections`."""

    __slots__ = ("_front", "_limits")

    def __init__(self, app: web.Application, front: Front, limits: Limits) -> None:
        super().__init__(app, shutdown_timeout=limits.shutdown_s)
        self._front = front
        self._limits = limits

    async def _make_server(self) -> Connections:
        usual = await super()._make_server()
        return Connections(usual.request_handler, usual.request_factory, self._front, self._limits)
