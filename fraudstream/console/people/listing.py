"""Who there is: invite people, change what they may do, disable them."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from fraudstream.console.app import Console
from fraudstream.domain.people import ROLE_WORDS, Permission, Person, Role

DONE = {"role": "The role is changed.", "disabled": "Disabled, and logged out.", "enabled": "Enabled again."}


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes."""

    def shown(request: Request, person: Person, **said: Any) -> Response:
        values = {"users": console.people.all(), "roles": ROLE_WORDS, "link": "", "invited": "", "done": ""}
        may = person.may(Permission.MANAGE_PEOPLE)
        return console.page(request, person, "people.html", **values | said, may_manage=may)

    def managing(request: Request) -> Person:
        return console.person(request, Permission.MANAGE_PEOPLE)

    @router.get("/people")
    def people(request: Request, done: str = "") -> Response:
        return shown(request, console.person(request, Permission.READ_AUDIT), done=DONE.get(done, ""))

    @router.post("/people/invite")
    def invite(
        request: Request,
        name: Annotated[str, Form()] = "",
        shown_as: Annotated[str, Form()] = "",
        role: Annotated[Role, Form()] = Role.ANALYST,
    ) -> Response:
        person = managing(request)
        if console.people.find(name) is None:
            console.people.create(person.name, name, role, shown_as)
        days = console.settings.console_invitation_days
        token = console.sessions.invite(person.name, name, days)
        start = console.settings.console_url or str(request.base_url).rstrip("/")
        return shown(
            request, person, link=f"{start}/invitations/{token}", invited=name.strip().lower(), days=days
        )

    @router.post("/people/role")
    def set_role(
        request: Request, name: Annotated[str, Form()] = "", role: Annotated[Role, Form()] = Role.ANALYST
    ) -> Response:
        console.people.set_role(managing(request).name, name, role)
        return _done("role")

    @router.post("/people/disable")
    def disable(request: Request, name: Annotated[str, Form()] = "") -> Response:
        console.people.disable(managing(request).name, name)
        return _done("disabled")

    @router.post("/people/enable")
    def enable(request: Request, name: Annotated[str, Form()] = "") -> Response:
        console.people.enable(managing(request).name, name)
        return _done("enabled")


def _done(what: str) -> Response:
    return RedirectResponse(f"/people?done={what}", 303)
