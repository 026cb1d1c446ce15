"""Pages of the search: the form, its answer, one payment, and an answer to take away."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from multidict import MultiDict

from fraudstream.adapters.archive.filters import COMPARISONS, PART
from fraudstream.adapters.archive.search import Position
from fraudstream.adapters.event_types import event_type_named
from fraudstream.console.access import form_of
from fraudstream.console.app import Console
from fraudstream.console.search import exports
from fraudstream.console.search.asked import TEXTS, Asked, day_start, from_address, from_form, local_time
from fraudstream.console.search.finding import WHOLE_S, Finder, Found
from fraudstream.domain.archived import unarchived
from fraudstream.domain.errors import FraudstreamError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.people import Person
from fraudstream.domain.rules import OUTCOMES

PAGE, EXPORT_MAX = 50, 10_000
FORMATS = {
    "csv": ("text/csv; charset=utf-8", exports.as_csv),
    "json": ("application/json", exports.as_json),
}


class Search:
    """What the pages of the search share."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.event_type = event_type_named(console.settings.event_type)
        self.finder = Finder(console.settings.archive_place)

    async def found(self, asked: Asked) -> Found:
        """Return a page of an answer, or as much of it as there is time for."""
        return await self.finder.page(asked.query(PAGE), self.console.settings.console_search_seconds)

    def page(
        self,
        request: Request,
        person: Person,
        asked: Asked,
        found: Found | None = None,
        wrong: str = "",
    ) -> Response:
        """Return the form as it was filled in, with an answer or with what was wrong."""
        links = {}
        if found is not None and found.more:
            links["older"] = asked.address(before=Position.of(found.payments[-1]).text)
        elif found is not None and found.reached:
            links["on"] = asked.address(until=day_start(found.reached), before="")
        if found is not None and found.payments:
            links |= {name: asked.address("/search/export", format=name, before="") for name in FORMATS}
        if asked.texts["before"]:
            links["newest"] = asked.address(before="")
        return self.console.page(
            request,
            person,
            "search.html",
            400 if wrong else 200,
            asked=asked,
            found=found,
            wrong=wrong,
            links=links,
            since=local_time(asked.texts["since"], person.time_zone),
            until=local_time(asked.texts["until"], person.time_zone),
            outcomes=OUTCOMES,
            operators=(*COMPARISONS, PART),
            **shown_of(self.event_type),
        )


def shown_of(event_type: EventType) -> dict[str, Any]:
    """Return what templates need of the event type."""
    currency = next(
        (each.name for each in event_type.variables if each.field == event_type.currency_field), ""
    )
    names = [*event_type.columns, "score", "probability", "model_version", "release", "reasons", "degraded"]
    return {
        "entity": event_type.entity_word,
        "has_entity": event_type.entity is not None,
        "has_merchant": "merchant" in event_type.columns,
        "currency_of": lambda row: row.get(currency) or event_type.money.currency,
        "decimals": event_type.money.decimals,
        "columns": [*names, *(name for name in (*FEATURES, *event_type.declared) if name not in names)],
    }


NOTHING = Asked(dict.fromkeys(TEXTS, ""))


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes."""
    search = Search(console)

    @router.get("/search", name="search")
    async def answer(request: Request) -> Response:
        person, asked = console.person(request), NOTHING
        try:
            asked = from_address(MultiDict(request.query_params.multi_items()))
            found = await search.found(asked) if asked.anything else None
        except FraudstreamError as error:
            if error.later:
                raise
            return search.page(request, person, asked, wrong=str(error))
        return search.page(request, person, asked, found)

    @router.post("/search")
    async def ask(request: Request) -> Response:
        person = console.person(request)
        form = MultiDict((name, str(value)) for name, value in (await form_of(request)).multi_items())
        try:
            tokenizer = console.settings.tokenizer()
            asked = from_form(form, search.event_type, tokenizer, person.time_zone)
        except FraudstreamError as error:
            return search.page(request, person, NOTHING, wrong=str(error))
        return RedirectResponse(asked.address(), 303)

    @router.get("/search/export")
    async def export(request: Request, format: str) -> Response:  # noqa: A002 - the word in the address
        console.person(request)
        given = MultiDict(request.query_params.multi_items())
        form = format if format in FORMATS else "csv"
        media, written = FORMATS[form]
        found = await search.finder.page(from_address(given).query(EXPORT_MAX), WHOLE_S)
        headers = {
            "Content-Disposition": f'attachment; filename="payments.{form}"',
            "X-Complete": "no" if found.more or found.reached else "yes",
        }
        return Response(written(found.payments), media_type=media, headers=headers)

    @router.get("/search/payment")
    async def payment(request: Request, id: str) -> Response:  # noqa: A002 - the word in the address
        person = console.person(request)
        found = await search.finder.page(from_address(MultiDict(id=id)).query(PAGE), WHOLE_S)
        decisions = [unarchived(row, search.event_type.declared) for row in found.payments]
        values = {"decisions": decisions, **shown_of(search.event_type)}
        return console.page(request, person, "payment.html", 200 if decisions else 404, **values)
