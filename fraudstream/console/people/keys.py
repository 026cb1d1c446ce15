"""Keys of programs that ask the API."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from fraudstream.adapters.database.api_keys import SCOPES, ApiKeys
from fraudstream.console.app import Console
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import Permission, Person
from fraudstream.domain.times import DAY_MS

NAME_MAX = 100
DONE = {"revoked": "The key is revoked; processes of the API know it within ten seconds."}


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes."""
    keys = ApiKeys(console.engine)

    def shown(request: Request, person: Person, **said: Any) -> Response:
        values = {"keys": keys.all(), "scopes": SCOPES, "key": "", "done": ""}
        return console.page(request, person, "keys.html", **values | said)

    @router.get("/keys")
    def all_keys(request: Request, done: str = "") -> Response:
        person = console.person(request, Permission.MANAGE_PEOPLE)
        return shown(request, person, done=DONE.get(done, ""))

    @router.post("/keys")
    def create(
        request: Request,
        name: Annotated[str, Form()] = "",
        scope: Annotated[list[str] | None, Form()] = None,
        events_per_s: Annotated[str, Form()] = "",
        days: Annotated[str, Form()] = "",
    ) -> Response:
        person = console.person(request, Permission.MANAGE_PEOPLE)
        if not name.strip():
            raise SetupError("a key needs the name of the program that it is for")
        limit, lasting = _number(events_per_s, "events a second"), _number(days, "days")
        expires_at = None if lasting is None else time.time_ns() // 1_000_000 + round(lasting * DAY_MS)
        key = keys.create(name.strip()[:NAME_MAX], scope or (), limit, expires_at, person.name)
        return shown(request, person, key=key)

    @router.post("/keys/revoke")
    def revoke(request: Request, key_id: Annotated[str, Form()] = "") -> Response:
        keys.revoke(key_id, console.person(request, Permission.MANAGE_PEOPLE).name)
        return RedirectResponse("/keys?done=revoked", 303)


def _number(text: str, what: str) -> float | None:
    """Return a number above zero as somebody has typed it, None if nothing is there; raises SetupError."""
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise SetupError(f"{what}: {text[:40]} is not a number") from error
    if not 0 < value < 1e9:
        raise SetupError(f"{what} must be above 0")
    return value
