"""The room of rules: the draft, each rule's form with what it would have done lately, and what the draft changes."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from fraudstream.adapters.rules import changes
from fraudstream.adapters.rules.draft import ChangedMeanwhile, Draft, rule_named
from fraudstream.console.access import form_of
from fraudstream.console.app import Console
from fraudstream.console.releases.rule_form import Checked, checked, fields_of
from fraudstream.console.releases.workshop import Workshop
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import Permission, Person
from fraudstream.domain.releases.differences import differences_of_rules
from fraudstream.domain.rules import OUTCOMES, Mode, Rule, Ruleset, RuleState
from fraudstream.domain.rules.words import words

EMPTY = dict.fromkeys(("name", "when", "tags", "reason", "owner", "expires_at", "overrides", "capacity"), "")
EMPTY |= {"state": "draft", "outcome": "review", "priority": "0", "pass_percent": "0"}
"""The form of a new rule."""
CAPACITY_MAX = 1_000_000


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes of /rules."""
    workshop = Workshop(console)
    _reading(router, console, workshop)
    _trying(router, console, workshop)
    _writing(router, console, workshop)


def _reading(router: APIRouter, console: Console, workshop: Workshop) -> None:
    @router.get("/rules", name="rules")
    def rules(request: Request) -> Response:
        person = console.person(request)
        return _listed(console, workshop, request, person)

    @router.get("/rules/fires")
    def fires(request: Request) -> Response:
        person = console.person(request)
        values = _of_draft(workshop.draft(person).read())
        try:
            values.update(fires=workshop.lately(person.time_zone).fires(), wrong="")
        except SetupError as error:
            values.update(fires={}, wrong=str(error))
        return console.page(request, person, "releases/rules_table.html", **values)

    @router.get("/rules/new")
    def new(request: Request) -> Response:
        person = console.person(request, Permission.WRITE_RULES)
        return _form(console, workshop, request, person, {"owner": person.name}, "")

    @router.get("/rules/edit")
    def edit(request: Request, name: str) -> Response:
        person = console.person(request)
        rule = rule_named(workshop.draft(person).read().ruleset, name)
        return _form(console, workshop, request, person, fields_of(rule, person.time_zone), name)

    @router.get("/rules/diff")
    def diff(request: Request, release: int | None = None) -> Response:
        person = console.person(request)
        log, after = workshop.releases(person.name).log(), workshop.draft(person).read().ruleset.described()
        number = log.active if release is None else release
        if number is None:
            before, what = workshop.event_type.ruleset.described(), "the event type's file"
        else:
            before = dict(workshop.releases(person.name).numbered(number).ruleset)
            what = f"release {number}"
        found = differences_of_rules(before, after)
        return console.page(
            request, person, "releases/diff.html", before=what, after="the draft", back="/rules", found=found
        )

    @router.get("/rules/words")
    def known(request: Request) -> Response:
        console.person(request)
        table = workshop.lists_now()
        found = words(workshop.columns, () if table is None else sorted(table.listings))
        return JSONResponse([each._asdict() for each in found])


def _trying(router: APIRouter, console: Console, workshop: Workshop) -> None:
    @router.post("/rules/try")
    async def try_(request: Request) -> Response:
        person = console.person(request)
        form = dict(await form_of(request))
        values = await run_in_threadpool(_tried, workshop, person, form)
        return console.page(request, person, "releases/tried.html", **values)


def _tried(workshop: Workshop, person: Person, form: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page says of a rule while it is written."""
    one = checked(form, workshop.columns, person.time_zone)
    values: dict[str, Any] = {
        "checked": one,
        "tried": None,
        "wrong": "",
        "money_of": workshop.event_type.money,
    }
    if one.rule is None:
        return values
    try:
        ruleset = _with(workshop.draft(person).read().ruleset, one.rule, str(form.get("was", "")))
        values["tried"] = workshop.tried(ruleset, one.rule.name, _capacity(form), person.time_zone)
    except SetupError as error:
        values["wrong"] = str(error)
    return values


def _with(ruleset: Ruleset, rule: Rule, was: str) -> Ruleset:
    """Return the draft with a rule in place of the one that it was, or beside the others if it is new."""
    others = [each for each in ruleset.rules if each.name not in (was, rule.name)]
    names = [each.name for each in ruleset.rules]
    place = names.index(was) if was in names else len(others)
    return Ruleset([*others[:place], rule, *others[place:]], ruleset.mode)


def _capacity(form: Mapping[str, Any]) -> int | None:
    text = str(form.get("capacity", "")).strip()
    return min(int(text), CAPACITY_MAX) if text.isdecimal() else None


def _writing(router: APIRouter, console: Console, workshop: Workshop) -> None:
    @router.post("/rules/save")
    async def save(request: Request) -> Response:
        person = console.person(request, Permission.WRITE_RULES)
        form = {key: str(value) for key, value in dict(await form_of(request)).items()}
        return await run_in_threadpool(_saved, console, workshop, request, person, form)

    def change(
        person: Person, what: str, name: str, seen: str, changed: Callable[[Ruleset], Ruleset]
    ) -> Response:
        after = workshop.draft(person).change(what, changed, seen)
        console.audit(person, "rule.change", name or "all rules", {"what": what, "version": after.version})
        return RedirectResponse("/rules", 303)

    @router.post("/rules/state")
    def state(
        request: Request,
        name: Annotated[str, Form()],
        to: Annotated[str, Form()],
        seen: Annotated[str, Form()] = "",
    ) -> Response:
        person = console.person(request, Permission.WRITE_RULES)
        if to not in get_args(RuleState):
            raise SetupError(f"a rule cannot be {to[:20]!r}")
        return change(
            person, f"made {name} {to}", name, seen, lambda rules: changes.replaced(rules, name, state=to)
        )

    @router.post("/rules/remove")
    def remove(request: Request, name: Annotated[str, Form()], seen: Annotated[str, Form()] = "") -> Response:
        person = console.person(request, Permission.WRITE_RULES)
        return change(person, f"removed {name}", name, seen, lambda rules: changes.removed(rules, name))

    @router.post("/rules/mode")
    def mode(request: Request, mode: Annotated[Mode, Form()], seen: Annotated[str, Form()] = "") -> Response:
        person = console.person(request, Permission.WRITE_RULES)
        return change(person, f"mode {mode}", "", seen, lambda rules: Ruleset(rules.rules, mode))


def _saved(
    console: Console, workshop: Workshop, request: Request, person: Person, form: dict[str, str]
) -> Response:
    """Save a rule, or show the form again with what is wrong."""
    was = form.get("was", "")
    one = checked(form, workshop.columns, person.time_zone)
    if one.rule is None:
        return _form(console, workshop, request, person, form, was, one, status=422)
    rule = one.rule
    what = f"changed {was}" if was else f"added {rule.name}"

    def changed(ruleset: Ruleset) -> Ruleset:
        return changes.replaced(ruleset, was, **_fields(rule)) if was else changes.added(ruleset, rule)

    try:
        after = workshop.draft(person).change(what, changed, form.get("seen", ""))
    except SetupError as error:
        status = 409 if isinstance(error, ChangedMeanwhile) else 422
        return _form(console, workshop, request, person, form, was, one, str(error), status)
    told = {"what": what, "when": rule.when, "state": rule.state, "version": after.version}
    console.audit(person, "rule.save", rule.name, told)
    return RedirectResponse(f"/rules?{urlencode({'saved': rule.name})}", 303)


def _fields(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in rule.__struct_fields__}


def _listed(console: Console, workshop: Workshop, request: Request, person: Person) -> Response:
    draft = workshop.draft(person).read()
    log = workshop.releases(person.name).log()
    return console.page(
        request,
        person,
        "releases/rules.html",
        **_of_draft(draft),
        fires=None,
        wrong="",
        active=log.active,
        saved=request.query_params.get("saved", ""),
        event_type=workshop.event_type.name,
    )


def _of_draft(draft: Draft) -> dict[str, Any]:
    """Return what pages show of the draft."""
    return {
        "rules": sorted(draft.ruleset.rules, key=lambda rule: -rule.priority),
        "mode": draft.ruleset.mode,
        "ruleset_version": draft.ruleset.version,
        "last": draft.last,
        "seen": draft.tag or "",
        "states": get_args(RuleState),
    }


def _form(
    console: Console,
    workshop: Workshop,
    request: Request,
    person: Person,
    fields: Mapping[str, str],
    was: str,
    one: Checked | None = None,
    wrong: str = "",
    status: int = 200,
) -> Response:
    """Return the page with a rule's form; `was`: its name in the draft, empty for a new one."""
    draft = workshop.draft(person).read()
    return console.page(
        request,
        person,
        "releases/rule.html",
        status=status,
        fields={**EMPTY, **fields},
        was=was,
        seen=draft.tag or "",
        checked=one,
        wrong=wrong,
        outcomes=OUTCOMES,
        states=get_args(RuleState),
        columns=workshop.columns,
    )
