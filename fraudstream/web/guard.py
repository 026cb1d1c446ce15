"""Headers of every answer, and which requests are refused."""

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
"""Called with a sentence, the path that failed, and the address of a helpful archive search or ""; returns HTML."""

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
"""Set on a request that is answered without login, and so without details."""

CLIENT = web.RequestKey("client", str)
"""The address by which clients are limited."""
HOST = web.RequestKey("host", str)
PREFIX = web.RequestKey("prefix", str)
"""The path below which a proxy serves these pages; their links begin with it."""

LINK = re.compile(r'(\b(?:href|src|action)=)"/')

MESSAGES = {404: "There is no such page.", 405: "This address is only for reading."}


def is_loopback(host: str) -> bool:
    """Return True for a name of this machine that no other machine can use."""
    return host.lower() in LOOPBACK


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add security headers; browsers may cache static files but must revalidate them, and store nothing else."""
    response.headers.update(HEADERS)
    static = request.path.startswith("/static/")
    response.headers["Cache-Control"] = "no-cache" if static else "no-store"


def only_for(names: Collection[str], addresses: bool) -> Middleware:
    """Return a middleware that refuses other host names: a page elsewhere must not reach us by DNS rebinding.

    `addresses`: IP addresses are accepted, too; they cannot be rebound.
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
    """Return a page whose links begin with the request's prefix.

    Templates write links from the root. Quotation marks in data are escaped, so data never looks like a link.
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
