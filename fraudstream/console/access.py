"""Who asks, and that it is they who ask: sessions, permissions, and tokens against forged forms."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData, Headers

from fraudstream.adapters.database.people import User
from fraudstream.adapters.database.sessions import Sessions
from fraudstream.domain.people import Permission, Person

MULTIPART = "multipart/form-data"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FORM_MAX_FIELDS = 5_000
FIELD_BYTES_MAX = 32 * 1024 * 1024
CSRF_HEADER = "X-CSRF"


class LoginNeeded(Exception):
    """Nobody is logged in, and the page is for people who are."""


class Forbidden(Exception):
    """Somebody may not do that; the sentence says what would be needed."""


@dataclass(frozen=True)
class Access:
    """The sessions behind the console's cookies."""

    sessions: Sessions
    secure: bool
    """Whether cookies are only sent over TLS."""
    hours: float
    """How long a session lasts."""
    _own_forms: set[Callable[..., Any]] = field(default_factory=set)

    @property
    def cookie(self) -> str:
        """Name of the cookie; with the prefix a browser takes it from this host only, over TLS only."""
        return "__Host-fraudstream" if self.secure else "fraudstream"

    def secret(self, request: Request) -> str:
        """Return what a request's cookie says; empty without one."""
        return request.cookies.get(self.cookie, "")

    async def check(self, request: Request) -> None:
        """Find out who asks, and refuse forms that did not come from our own pages; runs before every page."""
        secret = self.secret(request)
        person = await asyncio.to_thread(self.sessions.person, secret) if secret else None
        request.state.person = person
        request.state.who = "-" if person is None else person.name
        request.state.csrf = csrf_of(secret) if secret else ""
        if request.method in SAFE or self._checked_while_it_arrives(request):
            return
        given = request.headers.get(CSRF_HEADER) or (await form_of(request)).get("csrf")
        self.check_token(request, given if isinstance(given, str) else None)

    def check_token(self, request: Request, given: str | None) -> None:
        """Raise Forbidden unless a form has the token of who sent it."""
        secret = self.secret(request)
        if given is None or not secret or not hmac.compare_digest(given.encode(), csrf_of(secret).encode()):
            raise Forbidden(
                "this form was not sent from a page of yours, or you have logged in again since; go back, reload the page and try again"
            )

    def checks_while_it_arrives(self, endpoint: Callable[..., Any]) -> None:
        """Leave it to an endpoint to check the token of forms with a file, which it reads as they arrive."""
        self._own_forms.add(endpoint)

    def _checked_while_it_arrives(self, request: Request) -> bool:
        return has_file(request.headers) and request.scope.get("endpoint") in self._own_forms

    def begin_as_guest(self, request: Request, response: Response) -> None:
        """Give somebody who is not logged in a cookie that belongs to no session, so that their form has a token, too."""
        if not self.secret(request):
            self._set(response, request.state.guest)

    def guest(self, request: Request) -> None:
        """Make that cookie's secret before the form is rendered."""
        if not self.secret(request):
            request.state.guest = secrets.token_urlsafe(32)
            request.state.csrf = csrf_of(request.state.guest)

    def begin(self, request: Request, response: Response, user: User) -> None:
        """Log somebody in: always with a new secret, whatever cookie they came with."""
        agent = request.headers.get("user-agent", "")
        self._set(response, self.sessions.begin(user.id, user.name, self.hours, agent))

    def end(self, request: Request, response: Response) -> None:
        """Log out."""
        self.sessions.end(self.secret(request))
        response.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="lax")

    def _set(self, response: Response, secret: str) -> None:
        response.set_cookie(
            self.cookie,
            secret,
            max_age=round(self.hours * 3600),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )


def person_of(request: Request, permission: Permission | None) -> Person:
    """Return who asks; raises LoginNeeded, or Forbidden if they lack the permission."""
    person: Person | None = request.state.person
    if person is None:
        raise LoginNeeded
    if permission is not None and not person.may(permission):
        raise Forbidden(f"this is not for the role {person.role}; it needs the permission {permission}")
    return person


async def form_of(request: Request) -> FormData:
    """Return the form that was sent; read once. It has no files: they would lie on a disk with all that is in them."""
    return await request.form(max_files=0, max_fields=FORM_MAX_FIELDS, max_part_size=FIELD_BYTES_MAX)


def has_file(headers: Headers) -> bool:
    """Tell whether a form is sent as those are that may have files."""
    return headers.get("content-type", "").startswith(MULTIPART)


def csrf_of(secret: str) -> str:
    """Return the token for forms of whoever has this cookie; it does not tell the cookie."""
    return hashlib.sha256(f"csrf:{secret}".encode()).hexdigest()


def to_login(request: Request) -> Response:
    """Lead to the login, and from there back to a page; a part of a page that htmx asks for leads the whole page there."""
    if request.headers.get("HX-Request"):
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    onward = request.method in SAFE and wanted != "/"
    return RedirectResponse(f"/login?{urlencode({'next': wanted})}" if onward else "/login", 303)


def local(target: str | None) -> str:
    """Return a path of ours to go to next; what leads anywhere else leads to the start.

    >>> [local(each) for each in ("/cases?a=1", "//evil.example", "https://evil.example", "/\\\\evil.example", None, "/a\\nb")]
    ['/cases?a=1', '/', '/', '/', '/', '/']
    """
    plain = target is not None and target.isprintable() and target.startswith("/")
    if target is None or not plain or target.startswith("//") or "\\" in target:
        return "/"
    return target
