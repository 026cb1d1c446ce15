"""What every request goes through: size, slowness, card numbers in addresses, headers of answers, the log of requests."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from fraudstream.api.metrics import ApiMetrics
from fraudstream.domain.card_numbers import masked
from fraudstream.process.http_door import CARD_NUMBER, Door

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
    """Return the answer that says why there is no other; what was sent may be in `detail`, but no card number is."""
    body = msgspec.json.encode({"error": {"code": code, "detail": masked(detail)}})
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


def door(app: ASGIApp, metrics: ApiMetrics) -> ASGIApp:
    """Return the application behind the door that all its requests go through."""
    return Door(app, HEADERS, failed(400, "card-number", CARD_NUMBER), metrics.answered, access_log)


Handler = Callable[[Request], Awaitable[Response]]
