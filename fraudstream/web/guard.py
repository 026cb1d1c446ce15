"""What every answer carries and which requests are answered at all."""

import logging
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from ipaddress import ip_address

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from fraudstream.web.params import PageError

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ErrorPage = Callable[[str, str, str], str]
"""Given a sentence, the address that failed, and a search in the archive that may help or ""; returns HTML."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "fraudstream",
}
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
ANONYMOUS = web.RequestKey("anonymous", bool)
"""Set on a request that is answered without login: it gets no details."""

CLIENT = web.RequestKey("client", str)
"""The address limits go by."""
HOST = web.RequestKey("host", str)
PREFIX = web.RequestKey("prefix", str)
"""What stands before every address of ours where a proxy gave us a part of its own: links begin with it."""

LINK = re.compile(r'(\b(?:href|src|action)=)"/')

MESSAGES = {404: "There is no such page.", 405: "This address is only for reading."}


def is_loopback(host: str) -> bool:
    """Return True for a name of this machine that no other machine can use."""
    return host.lower() in LOOPBACK


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Harden an answer; static files may be kept but are asked for again, everything else is never stored."""
    response.headers.update(HEADERS)
    static = request.path.startswith("/static/")
    response.headers["Cache-Control"] = "no-cache" if static else "no-store"


def only_for(names: Collection[str], addresses: bool) -> Middleware:
    """Return a middleware that refuses other host names: a page elsewhere must not reach us by DNS rebinding.

    `addresses`: an IP address is answered, too; nobody can point one elsewhere.
    """

    @web.middleware
    async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request[HOST]
        if host not in names and not (addresses and _is_address(host)):
            sentence = "These pages have another host name; FRAUDSTREAM_WEB_HOSTS adds one."
            return json_error(421, "wrong-host", sentence)
        return await handler(request)

    return check_host


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def errors_as_pages(render: ErrorPage) -> Middleware:
    """Return a middleware that turns failures into JSON below /api/ and into a page elsewhere.

    Neither ever repeats the address: somebody may have put a card number into it.
    """

    @web.middleware
    async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        archive = ""
        try:
            return await handler(request)
        except PageError as error:
            status, code, message, archive = error.status, error.code, error.message, error.archive
        except web.HTTPException as error:
            status, code = error.status, error.reason.lower().replace(" ", "-")
            message = MESSAGES.get(status, "The request could not be answered.")
        except Exception:  # the boundary: a page that fails must not take the worker with it
            logger.exception("a page failed")
            status, code, message = 500, "internal-error", "The page failed; the worker's log says why."
        if request.path.startswith("/api/") or ANONYMOUS in request:
            return json_error(status, code, message)
        return html(request, render(message, request.path, archive), status)

    return answer_errors


def html(request: web.Request, text: str, status: int) -> web.Response:
    """Return a page whose links begin with the prefix of whoever asks.

    Templates write links from the root. What users wrote has its quotation marks escaped and never looks like one.
    """
    if prefix := request[PREFIX]:
        text = LINK.sub(rf'\1"{prefix}/', text)
    return web.Response(text=text, status=status, content_type="text/html")


def json_error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an error as programs read it."""
    body = msgspec.json.encode({"error": {"status": status, "code": code, "message": message}})
    return web.Response(
        body=body, status=status, headers=headers, content_type="application/json", charset="utf-8"
    )
