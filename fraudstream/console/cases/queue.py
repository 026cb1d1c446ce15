"""The queue: its views, and claiming the next case."""

from typing import get_args

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from fraudstream.adapters.database.case_queries import Queue, View
from fraudstream.console.app import Console
from fraudstream.console.cases.desk import Desk
from fraudstream.console.cases.views import AT_RISK, EMPTY, VIEWS, WAITING, Asked
from fraudstream.console.cases.words import title
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import Permission, Person
from fraudstream.domain.review.actions import Claim
from fraudstream.domain.review.case import UNDO_MS, Case, State

PAGE = 50
QUEUES: tuple[Queue, ...] = get_args(Queue)
COUNTED = 1_000
"""Of more than so many the tabs say only that there are more."""


def add_routes(router: APIRouter, console: Console, desk: Desk) -> None:
    """Add the routes."""

    @router.get("/cases", name="cases")
    def queue(
        request: Request,
        view: str = WAITING,
        tag: str = "",
        at_risk: str = "",
        after: str = "",
        closed: str = "",
        told: str = "",
    ) -> Response:
        asked = Asked.of(view, tag, at_risk, after)
        return _queue(console, desk, request, asked, closed, none_left=told == "none")

    @router.get("/cases/of/{entity}")
    def of_entity(request: Request, entity: str) -> Response:
        """Lead to the newest case of a card."""
        console.person(request)
        with desk.store.reading() as cases:
            found = [case for name in QUEUES for case in cases.queue(View(queue=name, entity=entity), 1)]
        if not found:
            raise SetupError("there is no case of it; its alerts were blocked, or are older than the cases")
        return RedirectResponse(f"/cases/{max(found, key=lambda case: case.opened_at).id}", 303)

    @router.post("/cases/next")
    def claim_next(request: Request) -> Response:
        person = console.person(request, Permission.REVIEW)
        with desk.store.transaction() as cases:
            case = cases.claim_next(person.name)
            if case is not None:
                desk.audit(person, case, Claim(), cases)
        return RedirectResponse("/cases?told=none" if case is None else f"/cases/{case.id}", 303)


def _queue(
    console: Console, desk: Desk, request: Request, asked: Asked, closed: str, *, none_left: bool
) -> Response:
    """Return a view of the queue; `closed`: the case that was closed just now, `none_left`: nothing could be claimed."""
    person = console.person(request)
    with desk.store.reading() as cases:
        last = cases.find(asked.after) if asked.after else None
        found = cases.queue(asked.view(person), PAGE + 1, last)
        counts = {name: cases.count(Asked(name).view(person), COUNTED + 1) for name in VIEWS}
        undoable = _undoable(cases.find(closed), person, cases.now_ms) if closed else None
        now_ms = cases.now_ms
    return console.page(
        request,
        person,
        "cases.html",
        asked=asked,
        views=VIEWS,
        counts=counts,
        counted=COUNTED,
        cases=found[:PAGE],
        further=found[PAGE - 1].id if len(found) > PAGE else "",
        empty=EMPTY[asked.name],
        at_risk=AT_RISK,
        undoable=undoable,
        left_ms=0 if undoable is None else (undoable.closed_at or 0) + UNDO_MS - now_ms,
        none_left=none_left,
        title=title,
        words=desk.words(person),
        now_ms=now_ms,
    )


def _undoable(case: Case | None, person: Person, now_ms: int) -> Case | None:
    """Return a case that this person has closed so lately that they can take it back."""
    if case is None or case.state != State.CLOSED or case.closed_by != person.name:
        return None
    return case if now_ms < (case.closed_at or 0) + UNDO_MS else None
