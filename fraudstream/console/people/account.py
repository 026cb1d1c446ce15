"""One's own account: how things are shown, the password, the sessions."""

import asyncio
from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from fraudstream.console.app import Console
from fraudstream.console.formatting import sentence
from fraudstream.console.people.checking import Passwords, Refused
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import MoneyStyle, Person

DONE = {
    "preferences": "Saved.",
    "password": "Your password is changed; your other sessions have ended.",
    "session": "That session has ended.",
    "sessions": "All your other sessions have ended.",
}


def add_routes(router: APIRouter, console: Console, passwords: Passwords) -> None:
    """Add the routes."""

    def shown(request: Request, person: Person, status: int = 200, **said: Any) -> Response:
        return console.page(
            request, person, "account.html", status, **_values(console, request, person) | said
        )

    @router.get("/account")
    def account(request: Request, done: str = "") -> Response:
        return shown(request, console.person(request), done=DONE.get(done, ""))

    @router.post("/account/preferences")
    def preferences(
        request: Request,
        shown: Annotated[str, Form()] = "",
        time_zone: Annotated[str, Form()] = "UTC",
        money_style: Annotated[MoneyStyle, Form()] = MoneyStyle.CODE,
    ) -> Response:
        person = console.person(request)
        if time_zone not in available_timezones():
            raise SetupError("there is no such time zone")
        console.people.set_preferences(person.name, person.name, shown, time_zone, money_style)
        return _done("preferences")

    @router.post("/account/password")
    async def password(
        request: Request, current: Annotated[str, Form()] = "", new: Annotated[str, Form()] = ""
    ) -> Response:
        person = console.person(request)
        checked = await passwords.check(person.name, current)
        if isinstance(checked, Refused):
            wrong = "The current password is wrong." if checked.status == 403 else checked.sentence
            return await asyncio.to_thread(shown, request, person, checked.status, wrong=wrong)
        try:
            hashed = await passwords.hashed(new)
        except SetupError as error:
            return await asyncio.to_thread(shown, request, person, 400, wrong=sentence(str(error)))
        own = console.access.secret(request)
        await asyncio.to_thread(console.people.set_password, person.name, person.name, hashed, own)
        return _done("password")

    @router.post("/account/sessions")
    def end_session(request: Request, session: Annotated[str, Form()] = "") -> Response:
        person = console.person(request)
        own = console.access.secret(request)
        if session == "others":
            console.sessions.end_others(person.id, person.name, own)
            return _done("sessions")
        console.sessions.end_one(person.id, person.name, session)
        return _done("session")


def _done(what: str) -> Response:
    return RedirectResponse(f"/account?done={what}", 303)


def _values(console: Console, request: Request, person: Person) -> dict[str, Any]:
    user = console.people.named(person.name)
    return {
        "zones": sorted(available_timezones()),
        "styles": list(MoneyStyle),
        "has_password": user.password_hash is not None,
        "sessions": console.sessions.of(person.id, console.access.secret(request)),
        "done": "",
        "wrong": "",
    }
