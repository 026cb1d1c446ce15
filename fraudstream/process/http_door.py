"""What every request of an application goes through: card numbers in its address, headers of the answer, the log of requests."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fraudstream.domain.card_numbers import without_card_numbers

CARD_NUMBER = "a card number does not belong in an address; send it in a body"
Header = tuple[bytes, bytes]


@dataclass(frozen=True)
class Door:
    """An ASGI middleware around a whole application."""

    app: ASGIApp
    headers: Sequence[Header]
    """Of every answer that does not have them already."""
    refused: ASGIApp
    """What answers a request with a card number in its address: addresses end up in logs everywhere."""
    answered: Callable[[str, int, float], None]
    """Told route, status and seconds of every request."""
    log: logging.Logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and note that it was answered; bodies, queries and ids are not written down."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(one for one in self.headers if one[0] not in given),
                ]
            await send(message)

        try:
            await self._answering(scope)(scope, receive, noted)
        finally:
            spent_s = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "other")
            who = scope.get("state", {}).get("who", "-")
            self.answered(route, status, spent_s)
            self.log.info("%s %s %s %.1f ms %s", scope["method"], route, status, spent_s * 1000, who)

    def _answering(self, scope: Scope) -> ASGIApp:
        address = unquote_plus(f"{scope['path']} {scope['query_string'].decode('latin-1')}")
        return self.app if without_card_numbers(address) == address else self.refused
