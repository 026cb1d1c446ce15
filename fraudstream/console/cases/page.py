"""The page of a case, and what people do on it."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from fraudstream.console.app import Console
from fraudstream.console.cases.desk import Desk
from fraudstream.console.cases.told import Decided, chosen, has_entity
from fraudstream.console.cases.words import FINDINGS, REASONS, SNOOZES, title
from fraudstream.console.reading import read_ms
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import Permission, Person
from fraudstream.domain.review.actions import (
    Action,
    Assign,
    Claim,
    Close,
    Escalate,
    Note,
    Release,
    Reopen,
    SetDue,
    Snooze,
    Tag,
    Undo,
    Untag,
)
from fraudstream.domain.review.case import UNDO_MS, Case, CaseRefused, Finding, State
from fraudstream.domain.times import HOUR_MS

EARLIER_MAX = 20
PAYMENTS_MAX = 200
"""Payments of a case that its page knows; the newest."""


def add_routes(router: APIRouter, console: Console, desk: Desk) -> None:
    """Add the routes."""

    @router.get("/cases/{case_id}", name="case")
    def case_page(request: Request, case_id: str, payment: str = "") -> Response:
        return _page(console, desk, request, console.person(request), case_id, payment)

    @router.get("/cases/{case_id}/past")
    async def past(request: Request, case_id: str, payment: str = "") -> Response:
        """What the archive adds: a part of the page, or without JavaScript a page of its own."""
        person = console.person(request)
        values = await asyncio.to_thread(_case, desk, person, case_id, payment)
        if values["looked_at"] is None:
            raise HTTPException(404)
        told = await desk.told(values["case"], values["payments"], values["looked_at"])
        template = "_past.html" if request.headers.get("HX-Request") else "past.html"
        return console.page(request, person, template, **values, told=told)

    _add_actions(router, console, desk)


def _add_actions(router: APIRouter, console: Console, desk: Desk) -> None:
    """Add what people do: every form leads back to the case, or to the queue with the close that can be taken back."""

    @router.post("/cases/{case_id}/close")
    def close(
        request: Request,
        case_id: str,
        finding: Annotated[Finding, Form()],
        reason: Annotated[str, Form()] = "",
        version: Annotated[int, Form()] = 0,
    ) -> Response:
        person = console.person(request, Permission.REVIEW)
        try:
            with desk.store.transaction() as cases:
                desk.change(cases, person, case_id, Close(finding, reason), version=version)
        except CaseRefused as refused:
            if not _closed_so(desk, case_id, person, finding):
                return _page(
                    console, desk, request, person, case_id, refused=refused, wanted=(finding, reason)
                )
        return RedirectResponse(f"/cases?closed={case_id}", 303)

    @router.post("/cases/{case_id}/{name}")
    def act(
        request: Request,
        case_id: str,
        name: str,
        text: Annotated[str, Form()] = "",
        over: Annotated[bool, Form()] = False,
    ) -> Response:
        person = console.person(request, Permission.REVIEW)
        if name == "assign":
            console.person(request, Permission.REVIEW_ALL)
        try:
            with desk.store.transaction() as cases:
                action = _action(name, text.strip(), person, cases.now_ms)
                others = over or isinstance(action, Assign | Reopen | Undo)
                desk.change(cases, person, case_id, action, over=others)
        except CaseRefused as refused:
            return _page(console, desk, request, person, case_id, refused=refused)
        return RedirectResponse(f"/cases/{case_id}", 303)


def _action(name: str, text: str, person: Person, now_ms: int) -> Action:
    """Return what a form asks for; raises SetupError, or HTTPException if there is no such form."""
    match name:
        case "claim":
            return Claim()
        case "release":
            return Release()
        case "assign":
            return Assign(text or None)
        case "due":
            at_ms = read_ms(text, person.time_zone)
            if at_ms is None:
                raise SetupError("say when it is due")
            return SetDue(at_ms)
        case "snooze":
            if text not in SNOOZES:
                raise SetupError("say for how long it is to be snoozed")
            return Snooze(now_ms + int(text) * HOUR_MS)
        case "escalate":
            return Escalate(text)
        case "undo":
            return Undo()
        case "reopen":
            return Reopen(text)
        case "note":
            return Note(text)
        case "tag":
            return Tag(text)
        case "untag":
            return Untag(text)
    raise HTTPException(404)


def _closed_so(desk: Desk, case_id: str, person: Person, finding: Finding) -> bool:
    """Tell whether this person has closed the case like that already: a second click asks for nothing else."""
    with desk.store.reading() as cases:
        case = cases.find(case_id)
    return (
        case is not None
        and case.state == State.CLOSED
        and (case.closed_by, case.finding) == (person.name, finding)
    )


def _page(
    console: Console,
    desk: Desk,
    request: Request,
    person: Person,
    case_id: str,
    payment: str = "",
    refused: CaseRefused | None = None,
    wanted: tuple[Finding | None, str] = (None, ""),
) -> Response:
    """Return the page of a case; `refused`: what was just not done, and why; `wanted`: how it was to be closed then."""
    values = _case(desk, person, case_id, payment)
    case: Case = values["case"]
    people = [each.person for each in console.people.all()] if person.may(Permission.REVIEW_ALL) else []
    return console.page(
        request,
        person,
        "case.html",
        409 if refused else 200,
        **values,
        refused="" if refused is None else str(refused),
        wanted=wanted,
        reviewers=[each.name for each in people if each.may(Permission.REVIEW)],
        may=person.may(Permission.REVIEW)
        and case.state != State.CLOSED
        and values["claimed"] in (None, person.name),
        findings=FINDINGS,
        reasons=REASONS,
        snoozes=SNOOZES,
    )


def _case(desk: Desk, person: Person, case_id: str, payment: str) -> dict[str, Any]:
    """Return what is known of a case without the archive; raises HTTPException if there is none."""
    with desk.store.reading() as cases:
        case = cases.find(case_id)
        if case is None:
            raise HTTPException(404)
        payments = [Decided.of(each, case) for each in cases.payments(case_id, PAYMENTS_MAX)]
        earlier = cases.of_entity(case.entity_kind, case.entity, EARLIER_MAX) if has_entity(case) else []
        labels, history, now_ms = cases.labels(case_id), cases.history(case_id), cases.now_ms
    known: Mapping[str, Any] = {each: found[-1] for each, found in labels.items()}
    return {
        "case": case,
        "title": title(case),
        "payments": payments,
        "looked_at": chosen(payments, payment),
        "is_blind": case.state != State.CLOSED and any(each.is_blind for each in payments),
        "earlier": [each for each in earlier if each.id != case.id],
        "labels": known,
        "history": history,
        "claimed": case.claimed(now_ms),
        "undo_ms": max(0, (case.closed_at or 0) + UNDO_MS - now_ms) if case.closed_by == person.name else 0,
        "words": desk.words(person),
        "entity_word": desk.event_type.entity_word,
        "now_ms": now_ms,
    }
