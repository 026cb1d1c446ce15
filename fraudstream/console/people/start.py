"""The address of the console itself: leads everybody to what they do there."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from fraudstream.console.app import Console
from fraudstream.domain.people import Permission, Person

REVIEWERS, OTHERS = "/cases", "/results"


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the route."""

    @router.get("/", name="start")
    def start(request: Request) -> Response:
        return RedirectResponse(_first(console, console.person(request)), 303)


def _first(console: Console, person: Person) -> str:
    """Return where somebody begins: reviewers at the cases, others at the results."""
    wanted = REVIEWERS if person.may(Permission.REVIEW) else OTHERS
    seen = [room.path for room in console.rooms if room.label and room.open_to(person)]
    return wanted if wanted in seen else next(iter(seen), "/account")
