"""What every request of the console goes through: the host's name, the size of forms, headers of answers, the log of requests."""

import logging
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fraudstream.console.access import has_file
from fraudstream.console.arriving import FILE_BYTES_MAX
from fraudstream.process.http_door import CARD_NUMBER, Door
from fraudstream.process.http_server import LOOPBACK
from fraudstream.settings import Settings

access_log = logging.getLogger("fraudstream.console.access")

BODY_BYTES_MAX = 40 * 1024 * 1024
"""A list of a million values."""
WITH_FILE = "/upload"
"""What addresses end with that take a file; it is read as it arrives."""
LARGER = "Put a larger one on its list with: fraudstream lists import"

HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Of every answer."""

STRICT_TLS = ((b"strict-transport-security", b"max-age=31536000"),)


class Bounded:
    """Refuses requests under another host's name, which a page elsewhere may have led here, and bodies that are too large."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._own = urlsplit(settings.console_url).hostname if settings.console_url else None
        self._any = self._own is None and settings.console_host not in LOOPBACK

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is in bounds."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._ours(headers.get("host", "")):
            sentence = "The console has another host name; FRAUDSTREAM_CONSOLE_URL sets it."
            await PlainTextResponse(sentence, 421)(scope, receive, send)
            return
        of_file = scope["path"].endswith(WITH_FILE) and has_file(headers)
        most = FILE_BYTES_MAX if of_file else BODY_BYTES_MAX
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            return message if size <= most else {"type": "http.disconnect"}

        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > most:
            sentence = (
                f"A file may have {most:,} bytes here. {LARGER}"
                if of_file
                else f"A form may have {most:,} bytes."
            )
            await PlainTextResponse(sentence, 413)(scope, receive, send)
            return
        await self._app(scope, counted, send)

    def _ours(self, host: str) -> bool:
        name = (urlsplit(f"//{host}").hostname or "") if host.isprintable() and "@" not in host else ""
        return self._any or name in LOOPBACK or name == self._own or (self._own is None and _is_address(name))


def behind_door(
    app: ASGIApp, settings: Settings, secure: bool, answered: Callable[[str, int, float], None]
) -> ASGIApp:
    """Return the application behind the door that all its requests go through."""
    headers = (*HEADERS, *STRICT_TLS) if secure else HEADERS
    refused = PlainTextResponse(CARD_NUMBER, 400)
    return Door(Bounded(app, settings), headers, refused, answered, access_log)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
