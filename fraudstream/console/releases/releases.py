"""The room of releases: what decides, what is tried beside it, and what people do about it."""

import asyncio
from typing import Annotated, Any

from aiokafka.errors import KafkaError
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.models.registry import ACTIVE
from fraudstream.adapters.releases.drafting import draft
from fraudstream.adapters.releases.telling import answers
from fraudstream.console.app import Console
from fraudstream.console.releases.acting import ACTIONS, KIND, Acting, Asked
from fraudstream.console.releases.guarding import Guard
from fraudstream.console.releases.workshop import Workshop
from fraudstream.domain.errors import FraudstreamError, SetupError
from fraudstream.domain.people import Permission, Person
from fraudstream.domain.registry.version_log import State as VersionState
from fraudstream.domain.releases.applied import Applied
from fraudstream.domain.releases.differences import differences
from fraudstream.domain.releases.release import name_of
from fraudstream.settings import Settings

USABLE = frozenset({VersionState.READY, VersionState.ACTIVE})


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes of /releases."""
    workshop = Workshop(console)
    acting = Acting(console, workshop)
    console.beside("the guard of canaries", Guard(console, workshop).run)
    _reading(router, console, workshop, acting)
    _drafting(router, console, workshop)
    _acting(router, console, acting)


def _reading(router: APIRouter, console: Console, workshop: Workshop, acting: Acting) -> None:
    @router.get("/releases", name="releases")
    def releases(request: Request) -> Response:
        person = console.person(request)
        log = workshop.releases(person.name).log()
        return console.page(
            request,
            person,
            "releases/releases.html",
            event_type=log.event_type,
            rows=[(number, log.of(number)[-1]) for number in reversed(log.states)],
            roles=log.roles(),
            proposals=acting.proposals.open(KIND),
            by_two=console.settings.releases_by_two,
            done=request.query_params.get("done", ""),
        )

    @router.get("/releases/workers")
    def workers(request: Request) -> Response:
        person = console.person(request)
        log, wrong, found = workshop.releases(person.name).log(), "", list[Applied]()
        try:
            found = asyncio.run(_answers(console.settings, log.event_type))
        except (FraudstreamError, KafkaError) as error:
            wrong = str(error)
        return console.page(
            request, person, "releases/workers.html", workers=found, wrong=wrong, roles=log.roles()
        )

    @router.get("/releases/new")
    def new(request: Request, rules: str = "draft", model: str = ACTIVE) -> Response:
        person = console.person(request, Permission.RELEASE)
        return _new(console, workshop, request, person, {"rules": rules, "model": model})

    @router.get("/releases/{number}")
    def release(request: Request, number: int) -> Response:
        person = console.person(request)
        values = _of_release(workshop, person, number)
        by_two = console.settings.releases_by_two
        return console.page(request, person, "releases/release.html", **values, by_two=by_two)

    @router.get("/releases/{number}/diff")
    def diff(request: Request, number: int, against: int) -> Response:
        person = console.person(request)
        store = workshop.releases(person.name)
        found = differences(store.numbered(against), store.numbered(number))
        before, after = (name_of(store.event_type, each) for each in (against, number))
        return console.page(
            request,
            person,
            "releases/diff.html",
            before=before,
            after=after,
            back=f"/releases/{number}",
            found=found,
        )


def _of_release(workshop: Workshop, person: Person, number: int) -> dict[str, Any]:
    """Return what the page of a release shows."""
    store = workshop.releases(person.name)
    log = store.log()
    found, history = store.numbered(number), log.of(number)
    return {
        "number": number,
        "name": name_of(log.event_type, number),
        "release": found,
        "history": history[::-1],
        "state": log.states[number],
        "share": history[-1].share,
        "revision": log.revision,
        "active": log.active,
        "previous": log.previous,
        "others": [each for each in log.states if each != number],
        "actions": {key: each for key, each in ACTIONS.items() if log.states[number] in each.states},
    }


async def _answers(settings: Settings, event_type: str) -> list[Applied]:
    await ensure_topics(settings)
    return await answers(settings, event_type)


def _drafting(router: APIRouter, console: Console, workshop: Workshop) -> None:
    @router.post("/releases/draft")
    def make(
        request: Request,
        model: Annotated[str, Form()] = ACTIVE,
        rules: Annotated[str, Form()] = "draft",
        threshold: Annotated[str, Form()] = "",
        note: Annotated[str, Form()] = "",
        why: Annotated[str, Form()] = "",
    ) -> Response:
        person = console.person(request, Permission.RELEASE)
        form = {"model": model, "rules": rules, "threshold": threshold, "note": note, "why": why}
        try:
            ruleset = workshop.draft(person).read().ruleset if rules == "draft" else None
            number, made = draft(
                workshop.releases(person.name),
                workshop.registry(person.name),
                workshop.event_type,
                model,
                ruleset,
                _threshold(threshold, console.settings),
                note,
                why,
            )
        except SetupError as error:
            return _new(console, workshop, request, person, form, str(error), 422)
        details = {"model": made.model_version, "sha256": made.sha256, "why": why}
        console.audit(person, "release.draft", name_of(made.event_type, number), details)
        return RedirectResponse(f"/releases/{number}", 303)


def _threshold(text: str, settings: Settings) -> float | None:
    if not text.strip():
        return settings.fraud_threshold
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < 1:
        raise SetupError("the threshold is a probability between 0 and 1, or empty for the model's")
    return found


def _new(
    console: Console,
    workshop: Workshop,
    request: Request,
    person: Person,
    form: dict[str, str],
    wrong: str = "",
    status: int = 200,
) -> Response:
    """Return the page on which a release is made."""
    states = workshop.registry(person.name).log().states
    return console.page(
        request,
        person,
        "releases/new.html",
        status=status,
        fields={"model": ACTIVE, "rules": "draft", "threshold": "", "note": "", "why": "", **form},
        versions=[str(version) for version, state in states.items() if state in USABLE][::-1],
        wrong=wrong,
    )


def _acting(router: APIRouter, console: Console, acting: Acting) -> None:
    @router.post("/releases/proposals/{proposal_id}/{decision}")
    def decide(request: Request, proposal_id: str, decision: str) -> Response:
        person = console.person(request, Permission.RELEASE)
        if decision == "reject":
            rejected = acting.proposals.reject(person, proposal_id)
            return RedirectResponse(f"/releases?done=rejected+{rejected.id}", 303)
        if decision != "approve":
            raise SetupError("a proposal is approved or rejected")
        return RedirectResponse(f"/releases/{acting.approve(person, proposal_id).number}", 303)

    @router.post("/releases/{number}/{action}")
    def act(
        request: Request,
        number: int,
        action: str,
        revision: Annotated[int, Form()],
        percent: Annotated[str, Form()] = "",
        why: Annotated[str, Form()] = "",
    ) -> Response:
        person = console.person(request, Permission.RELEASE)
        proposed = acting.ask(person, Asked(action, number, _share(percent), why), revision)
        return RedirectResponse("/releases?done=proposed" if proposed else f"/releases/{number}", 303)


def _share(percent: str) -> float | None:
    if not percent.strip():
        return None
    try:
        return float(percent) / 100
    except ValueError:
        raise SetupError(f"a share is a number in per cent, not {percent[:20]!r}") from None
