"""What every request goes through: size, slowness, card numbers in addresses, headers of answers, the log of requests."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from urllib.parse import unquote_plus

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fraudstream.api.metrics import ApiMetrics
from fraudstream.domain.card_numbers import without_card_numbers

access_log = logging.getLogger("fraudstream.api.access")

BODY_BYTES_MAX = 8 * 1024 * 1024
"""A thousand events of eight kilobytes."""

BODY_TIMEOUT_S = 10.0
"""How long a client may take to send its body."""

HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
"""Of every answer."""


def failed(status: int, code: str, detail: str, **headers: str) -> Response:
    """Return the answer that says why there is no other."""
    body = msgspec.json.encode({"error": {"code": code, "detail": detail}})
    return Response(body, status, headers, "application/json")


class Refusal(Exception):
    """A body that is not read."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


async def body_of(request: Request) -> bytes:
    """Read a body; raises Refusal for one that is too large or comes too slowly."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for part in request.stream():
                size += len(part)
                if size > BODY_BYTES_MAX:
                    raise Refusal(
                        413, "too-large", f"a body may have {BODY_BYTES_MAX:,} bytes; send fewer events"
                    )
                parts.append(part)
    except TimeoutError as error:
        raise Refusal(408, "too-slow", f"the body did not arrive within {BODY_TIMEOUT_S:.0f} s") from error
    return b"".join(parts)


class Door:
    """An ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, metrics: ApiMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and note that it was answered; bodies, queries and ids are not written down."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        try:
            await self._answered(scope)(scope, receive, noted)
        finally:
            spent_s = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "other")
            who = scope.get("state", {}).get("key", "-")
            self._metrics.answered(route, status, spent_s)
            access_log.info("%s %s %s %.1f ms %s", scope["method"], route, status, spent_s * 1000, who)

    def _answered(self, scope: Scope) -> ASGIApp:
        """Return what answers: addresses end up in logs everywhere, so those with a card number are refused."""
        address = unquote_plus(f"{scope['path']} {scope['query_string'].decode('latin-1')}")
        if without_card_numbers(address) != address:
            return failed(
                400, "card-number", "a card number does not belong in an address; send it in a body"
            )
        return self._app


Handler = Callable[[Request], Awaitable[Response]]
