"""The pages of results, and their tables as files."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from fraudstream.adapters.archive.filters import FilterError
from fraudstream.adapters.event_types import event_type_named
from fraudstream.analytics.archive import Archive
from fraudstream.analytics.figures import NO_VALUE, OTHERS, PERIODS
from fraudstream.analytics.series import newest_archived
from fraudstream.console.app import Console
from fraudstream.console.exporting import FORMATS, as_file
from fraudstream.console.formatting import in_zone
from fraudstream.console.results import columns, views
from fraudstream.console.results.asked import Asked, newest_in
from fraudstream.console.results.charts import Line, bars, curves
from fraudstream.console.results.columns import Column
from fraudstream.console.results.drift import DAYS, DriftReports
from fraudstream.console.results.scores import LiveScores
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import Person
from fraudstream.domain.rules import OUTCOMES

TABS = (
    ("/results", "Figures"),
    ("/results/attacks", "Attacks"),
    ("/results/rules", "Rules"),
    ("/results/drift", "Drift"),
    ("/results/scores", "Scores now"),
)


class Links:
    """Where the rows of a table lead: to the figures of what they are about."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def rule(self, row: dict[str, Any]) -> str | None:
        """Return the address of a rule's payments; None of a rule that decides nothing."""
        decides = row["role"] == "decides"
        return self._asked.narrowed("/results", f"rules={row['rule']}") if decides else None

    def group(self, row: dict[str, Any]) -> str | None:
        """Return the address of a group's payments: a day, or a value of a column."""
        by, value = self._asked.by, row["group"]
        if by == "day":
            return self._asked.link("/results", **{"from": value, "to": value})
        if by in PERIODS or value in (NO_VALUE, OTHERS):
            return None
        return self._asked.narrowed("/results", f"{by}={value}")


class Results:
    """What the pages share."""

    def __init__(self, console: Console, archive: Archive) -> None:
        settings = console.settings
        self.console = console
        self.archive = archive
        self.money = event_type_named(settings.event_type).money
        self.drift = DriftReports(settings, self.archive)
        self.scores = LiveScores(settings)

    async def asked(self, request: Request, person: Person) -> Asked | None:
        """Return what is asked; None if the archive has nothing yet."""
        newest = await self.archive.files.newest()
        if newest is None:
            return None
        reviews = self.console.settings.console_reviews_a_day
        return Asked.of(request.query_params, newest, reviews, person.time_zone)

    async def shown(
        self, request: Request, template: str, look: Callable[[Asked], Awaitable[dict[str, Any] | None]]
    ) -> Response:
        """Return a page of what `look` finds; a filter that does not fit is said where it was written."""
        person = self.console.person(request)
        asked = await self.asked(request, person)
        found, wrong = None, "" if asked is None else asked.wrong
        if asked is not None and not wrong:
            try:
                found = await look(asked)
            except FilterError as error:
                wrong = str(error)
        values = {
            "tabs": TABS,
            "asked": asked,
            "found": found,
            "wrong": wrong,
            "columns": columns,
            "money": self.money,
            "place": self.archive.place,
            "periods": PERIODS,
            "outcomes": OUTCOMES,
            "zones": [] if asked is None else asked.zones(person.time_zone),
            "names": await self.names(asked) if asked is not None else [],
            "link": None if asked is None else Links(asked),
        }
        return self.console.page(request, person, template, status=400 if wrong else 200, **values)

    async def names(self, asked: Asked) -> list[str]:
        """Return the columns that filters and groupings may name."""
        plain = Asked(asked.first, asked.last, zone=asked.zone).question
        return await self.archive.ask(plain, lambda decided: sorted(decided.columns), "columns") or []

    async def table(self, name: str, asked: Asked) -> tuple[tuple[Column, ...], views.Rows]:
        """Return a table for a file."""
        if name == "rules":
            return columns.RULES, await views.rules(self.archive, asked) or []
        if name == "figures":
            found = await views.overview(self.archive, asked)
            all_columns = (columns.GROUP, *columns.DECIDED, *columns.BECAME, *columns.WEIGHTED)
            return all_columns, found["rows"] if found else []
        of_attacks = {
            "attacks": (columns.LARGEST, "largest"),
            "positions": (columns.POSITIONS, "positions"),
            "alerts": (columns.ALERTS, "alerts"),
        }
        if name not in of_attacks:
            raise HTTPException(404)
        found = await views.attacks(self.archive, asked)
        named, key = of_attacks[name]
        return named, found[key] if found else []

    async def drifted(self, asked: Asked) -> dict[str, Any]:
        """Return the report on drift, or why there is none; of no later days than the archive has."""
        newest = await self.archive.files.newest()
        until = asked.last if newest is None else min(asked.last, newest_in(newest, asked.zone))
        found = {"first": until - timedelta(days=DAYS - 1), "until": until}
        try:
            return {**found, "report": await self.drift.until(until, asked.zone), "why_not": ""}
        except SetupError as error:
            return {**found, "report": None, "why_not": str(error)}

    async def scored(self, asked: Asked) -> dict[str, Any]:
        """Return the five minutes of scores: live, else the newest of the archive."""
        live = await self.scores.look()
        series, until_ms, source = live.series, live.now_ms, "topic"
        if series is None:
            newest = Asked(asked.last - timedelta(days=1), asked.last, zone=asked.zone).question
            found = await self.archive.ask(newest, newest_archived, "series")
            series, until_ms = found or (None, live.now_ms)
            source = "archive"
        steps = [] if series is None else list(series.steps)
        names = [f"{in_zone(each.start_ms, asked.zone):%H:%M:%S %Z}" for each in steps]
        fraud = Line("fraud", "block", [each.fraud for each in steps])
        means = (
            Line("fraud", "p99", [each.mean_fraud_score for each in steps]),
            Line("the others", "p50", [each.mean_other_score for each in steps]),
        )
        return {
            "last": None if series is None else series.last,
            "steps": steps,
            "until_ms": until_ms,
            "source": source,
            "why_not": live.why_not,
            "charts": [
                bars("Fraud every ten seconds", names, [fraud]),
                curves("Mean score", names, means, top=1000.0),
            ],
        }


def add_routes(router: APIRouter, results: Results) -> None:
    """Add the routes."""

    @router.get("/results")
    async def overview(request: Request) -> Response:
        return await results.shown(
            request, "results.html", lambda asked: views.overview(results.archive, asked)
        )

    @router.get("/results/attacks")
    async def attacks(request: Request) -> Response:
        return await results.shown(
            request, "results_attacks.html", lambda asked: views.attacks(results.archive, asked)
        )

    @router.get("/results/rules")
    async def rules(request: Request) -> Response:
        async def found(asked: Asked) -> dict[str, Any] | None:
            rows = await views.rules(results.archive, asked)
            return None if rows is None else {"rows": rows}

        return await results.shown(request, "results_rules.html", found)

    @router.get("/results/drift")
    async def drift(request: Request) -> Response:
        return await results.shown(request, "results_drift.html", results.drifted)

    @router.get("/results/scores")
    async def scores(request: Request) -> Response:
        part = bool(request.headers.get("HX-Request"))
        template = "_results_scores.html" if part else "results_scores.html"
        return await results.shown(request, template, results.scored)

    @router.get("/results/{name}.{form}")
    async def file(request: Request, name: str, form: str) -> Response:
        asked = await results.asked(request, results.console.person(request))
        if form not in FORMATS or asked is None:
            raise HTTPException(404)
        if asked.wrong:
            raise FilterError(asked.wrong)
        named, rows = await results.table(name, asked)
        zone = asked.zone.replace("/", "-")
        return as_file(f"{name}-{asked.first}-{asked.last}-{zone}", form, [each.name for each in named], rows)
