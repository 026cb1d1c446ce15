"""Logging in and out."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from fraudstream.console.access import local
from fraudstream.console.app import Console
from fraudstream.console.people.checking import Passwords, Refused


def add_routes(router: APIRouter, console: Console, passwords: Passwords) -> None:
    """Add the routes."""
    access = console.access
    oidc = console.settings.oidc_issuer is not None

    def asked(request: Request, name: str, onward: str, refused: Refused | None) -> Response:
        access.guest(request)
        sentence, status = (refused.sentence, refused.status) if refused else ("", 200)
        page = console.page(
            request, None, "login.html", status, name=name, onward=onward, sentence=sentence, oidc=oidc
        )
        access.begin_as_guest(request, page)
        return page

    @router.get("/login", name="login")
    def ask(request: Request, next: str = "/") -> Response:  # noqa: A002 - the word in the address
        if request.state.person is not None:
            return RedirectResponse(local(next), 303)
        return asked(request, "", local(next), None)

    @router.post("/login")
    async def log_in(
        request: Request,
        name: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        onward: Annotated[str, Form()] = "/",
    ) -> Response:
        user = await passwords.check(name, password)
        if isinstance(user, Refused):
            console.metrics.login(user.result)
            return await asyncio.to_thread(asked, request, name[:254], local(onward), user)
        console.metrics.login("right")
        answer = RedirectResponse(local(onward), 303)
        await asyncio.to_thread(access.begin, request, answer, user)
        return answer

    @router.post("/logout")
    def log_out(request: Request) -> Response:
        answer = RedirectResponse("/login", 303)
        access.end(request, answer)
        return answer
