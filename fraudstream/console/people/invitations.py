"""Accepting an invitation: whoever has the link sets a password, once."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from fraudstream.console.app import Console
from fraudstream.console.formatting import sentence
from fraudstream.console.people.checking import Passwords
from fraudstream.domain.errors import SetupError

OVER = "This invitation was used, has expired or never was one; ask an admin for another."


def add_routes(router: APIRouter, console: Console, passwords: Passwords) -> None:
    """Add the routes."""
    access = console.access

    def shown(request: Request, name: str | None, wrong: str, status: int) -> Response:
        access.guest(request)
        page = console.page(request, None, "invitation.html", status, name=name, wrong=wrong, over=OVER)
        access.begin_as_guest(request, page)
        return page

    @router.get("/invitations/{token}")
    def invitation(request: Request, token: str) -> Response:
        name = console.sessions.invited(token)
        return shown(request, name, "", 404 if name is None else 200)

    @router.post("/invitations/{token}")
    async def accept(
        request: Request,
        token: str,
        password: Annotated[str, Form()] = "",
        again: Annotated[str, Form()] = "",
    ) -> Response:
        name = await asyncio.to_thread(console.sessions.invited, token)
        if name is None:
            return await asyncio.to_thread(shown, request, None, "", 404)
        try:
            if password != again:
                raise SetupError("the two passwords are not the same")
            hashed = await passwords.hashed(password)
        except SetupError as error:
            return await asyncio.to_thread(shown, request, name, sentence(str(error)), 400)
        if await asyncio.to_thread(console.sessions.accept, token, hashed) is None:
            return await asyncio.to_thread(shown, request, None, "", 404)
        answer = RedirectResponse("/", 303)
        user = await asyncio.to_thread(console.people.named, name)
        await asyncio.to_thread(access.begin, request, answer, user)
        return answer
