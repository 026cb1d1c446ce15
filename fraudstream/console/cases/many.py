"""Closing many cases at once: first how many, then, confirmed, the close."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response

from fraudstream.console.app import Console
from fraudstream.console.cases.desk import Desk
from fraudstream.console.cases.words import FINDINGS, REASONS, title
from fraudstream.domain.people import Permission
from fraudstream.domain.review.actions import Close
from fraudstream.domain.review.case import Finding, State

AT_ONCE = 500
"""Cases that are closed at once."""


def add_routes(router: APIRouter, console: Console, desk: Desk) -> None:
    """Add the route."""

    @router.post("/cases/close")
    def close_many(
        request: Request,
        finding: Annotated[Finding, Form()],
        ids: Annotated[list[str], Form()] = [],  # noqa: B006 - FastAPI copies it
        reason: Annotated[str, Form()] = "",
        confirmed: Annotated[int, Form()] = 0,
    ) -> Response:
        return _close_many(console, desk, request, finding, ids[:AT_ONCE], reason, confirmed)


def _close_many(
    console: Console,
    desk: Desk,
    request: Request,
    finding: Finding,
    ids: list[str],
    reason: str,
    confirmed: int,
) -> Response:
    """Show how many cases and how much money would be closed; close them once that number is confirmed."""
    person = console.person(request, Permission.REVIEW_ALL)
    values: dict[str, Any] = {
        "finding": finding,
        "findings": FINDINGS,
        "reason": reason,
        "reasons": REASONS,
        "title": title,
        "words": desk.words(person),
    }
    with desk.store.transaction() as cases:
        chosen = [case for each in dict.fromkeys(ids) if (case := cases.find(each)) is not None]
        if not confirmed or confirmed != len(chosen) or not reason.strip():
            open_ones = [case for case in chosen if case.state != State.CLOSED]
            wrong = "say why they are closed" if confirmed and not reason.strip() else ""
            return console.page(
                request, person, "close_many.html", 200, **values, cases=open_ones, wrong=wrong
            )
        action = Close(finding, reason)
        done, refused = cases.change_all([case.id for case in chosen], action, person.name)
        for case in done:
            desk.audit(person, case, action, cases)
    whose = {case.id: case for case in chosen}
    return console.page(
        request,
        person,
        "closed_many.html",
        **values,
        done=done,
        refused=[(whose[each.case_id], each.why) for each in refused],
    )
