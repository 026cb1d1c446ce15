"""Logins of the pages: people by name and password (HTTP Basic), other workers and Prometheus by a token (Bearer).

Files are read once, at the start: restart the workers after a change. Neither names nor secrets are logged.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from fraudstream.adapters.secrets.password_files import read_users
from fraudstream.domain.errors import SetupError
from fraudstream.web import guard
from fraudstream.web.passwords import Passwords
from fraudstream.web.turns import Crowded

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OPEN = frozenset({"/health"})
"""Answered without login, but then without details: a probe needs no secret."""

TOKEN = re.compile(r"[\x21-\x7e]{32,1024}")


class Login:
    """Checks `Authorization` headers; one per worker, on the worker's event loop."""

    def __init__(self, passwords: Passwords | None, token: str | None) -> None:
        self._passwords = passwords
        self._token = token

    @classmethod
    def wanted(
        cls, host: str, users_file: Path | None, token_file: Path | None, without_login: bool
    ) -> "Login | None":
        """Return the login for pages bound to `host`, None if they have none.

        With a file there is always a login. Raises SetupError if a file cannot be used, or if there is none, others
        can reach the pages, and `without_login` is not set.
        """
        if users_file is None and token_file is None:
            if guard.is_loopback(host) or without_login:
                return None
            raise SetupError(
                f"others can reach the pages at {host}, which have no login: set FRAUDSTREAM_WEB_USERS_FILE (written by: "
                "fraudstream web-user NAME) or FRAUDSTREAM_WEB_TOKEN_FILE, or FRAUDSTREAM_WEB_WITHOUT_LOGIN=true if your "
                "own proxy requires a login"
            )
        passwords = None if users_file is None else Passwords(read_users(users_file))
        return cls(passwords, None if token_file is None else read_token(token_file))

    @property
    def peer_headers(self) -> dict[str, str]:
        """Headers for requests to the group's other workers, which have the same token."""
        return {} if self._token is None else {"Authorization": f"Bearer {self._token}"}

    async def admits(self, authorization: str, address: str) -> bool:
        """Check an `Authorization` header that came from an address; raises Crowded."""
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return self._token is not None and _same(credentials.strip(), self._token)
        if scheme.lower() == "basic" and self._passwords is not None:
            try:
                decoded = base64.b64decode(credentials.strip(), validate=True).decode()
            except (binascii.Error, UnicodeError, ValueError):
                return False
            name, _, password = decoded.partition(":")
            return await self._passwords.fit(name, password, address)
        return False

    def middleware(self) -> Middleware:
        """Return a middleware that checks every request, even for addresses that do not exist."""

        @web.middleware
        async def check_login(request: web.Request, handler: Handler) -> web.StreamResponse:
            authorization = request.headers.get("Authorization", "")
            try:
                admitted = bool(authorization) and await self.admits(authorization, request[guard.CLIENT])
            except Crowded:
                sentence = "Too many logins at once with this name or from this address; try again."
                return guard.json_error(429, "too-many-logins", sentence, {"Retry-After": "1"})
            if not admitted and request.path in OPEN:
                request[guard.ANONYMOUS] = True
            elif not admitted:
                return self._refusal()
            return await handler(request)

        return check_login

    def _refusal(self) -> web.Response:
        """Return an answer that says how to log in, but not even which addresses exist."""
        response = guard.json_error(401, "login-needed", "These pages need a login.")
        if self._passwords is not None:
            response.headers.add("WWW-Authenticate", 'Basic realm="fraudstream", charset="UTF-8"')
        if self._token is not None:
            response.headers.add("WWW-Authenticate", 'Bearer realm="fraudstream"')
        return response


def read_token(path: Path) -> str:
    """Return the token in a file; raises SetupError, which does not repeat it, if it cannot be used."""
    mend = f"make one with: openssl rand -hex 32 > {path}"
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"the token file {path} cannot be read; {mend}") from error
    if not TOKEN.fullmatch(token):
        raise SetupError(f"the token in {path} is not 32 to 1024 visible ASCII characters; {mend}")
    return token


def _same(given: str, expected: str) -> bool:
    """Compare in constant time: it reveals neither text, not even a length."""
    digests = (hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest() for text in (given, expected))
    return hmac.compare_digest(*digests)
