"""The SQL page: a query, its result, the tables there are, and what one asked lately."""

import asyncio
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.datastructures import QueryParams

from fraudstream.adapters.database.queries import RecentQueries
from fraudstream.analytics.files import ArchiveFiles, Days, Files
from fraudstream.console.access import form_of
from fraudstream.console.app import Console
from fraudstream.console.exporting import FORMATS, as_file
from fraudstream.console.query.checking import LENGTH_MAX
from fraudstream.console.query.running import BYTES_MAX, ROWS_MAX, Queries, QueryFailed, Result
from fraudstream.console.results.asked import Asked
from fraudstream.domain.card_numbers import masked
from fraudstream.domain.people import Permission, Person

SHOWN = 200
"""Rows of a result on the page; the files have all of them."""

MOMENT = "make_timestamptz(event_time * 1000)"
"""SQL of the moment of a payment, whose day is that of the time zone that the page says."""
EXAMPLE = f"""SELECT CAST({MOMENT} AS DATE) AS day, outcome,
  count(*) AS payments, round(sum(amount), 2) AS amount
FROM payments
GROUP BY ALL
ORDER BY day DESC, payments DESC"""  # noqa: S608 - shown to people

CARD_NUMBER = "leave out what looks like a number of a card: the archive has tokens only, and the search turns a number into one"


class QueryPages:
    """What the page has."""

    def __init__(self, console: Console) -> None:
        settings = console.settings
        self.console = console
        self._files = ArchiveFiles(settings.archive_place, settings.data_dir / "analytics" / "copies")
        self._queries = Queries(settings.console_query_seconds)
        self._recent = RecentQueries(console.engine)

    async def page(
        self, request: Request, person: Person, sql: str, result: Result | None = None, wrong: str = ""
    ) -> Response:
        """Return the page with a query and perhaps its result."""
        asked = await self._asked(request.query_params, person)
        tables: dict[str, Any] = {}
        if asked is not None:
            files = await self._found(asked)
            tables = await self._queries.tables(files) if files.decisions else {}
            wrong = wrong or asked.wrong
        values = {
            "asked": asked,
            "sql": sql,
            "result": result,
            "wrong": wrong,
            "tables": tables,
            "recent": await asyncio.to_thread(self._recent.of, person.id),
            "place": self.console.settings.archive_place,
            "zones": [] if asked is None else asked.zones(person.time_zone),
            "moment": MOMENT,
            "shown": SHOWN,
            "rows_max": ROWS_MAX,
            "megabytes_max": BYTES_MAX // 1_000_000,
            "seconds": self.console.settings.console_query_seconds,
            "length_max": LENGTH_MAX,
        }
        return self.console.page(request, person, "query.html", status=400 if wrong else 200, **values)

    async def result(self, person: Person, sql: str, asked: Asked | None) -> Result:
        """Run a query and note it; raises QueryFailed."""
        if masked(sql) != sql:
            raise QueryFailed(CARD_NUMBER)
        if not sql.strip():
            raise QueryFailed("there is nothing to run")
        if asked is not None and asked.wrong:
            raise QueryFailed(asked.wrong)
        files = None if asked is None else await self._found(asked)
        if asked is None or files is None or not files.decisions:
            raise QueryFailed("the archive has no payments of these days")
        try:
            found = await self._queries.run(sql, files, asked.question)
        except QueryFailed as error:
            await asyncio.to_thread(self._recent.add, person.id, sql, problem=str(error))
            raise
        await asyncio.to_thread(self._recent.add, person.id, sql, found.took_ms, len(found.rows))
        return found

    async def posted(self, request: Request, person: Person) -> tuple[str, Result]:
        """Run the query of a form; raises QueryFailed."""
        sql = str((await form_of(request)).get("sql") or "").replace("\r\n", "\n")[: LENGTH_MAX + 1]
        return sql, await self.result(person, sql, await self._asked(request.query_params, person))

    async def _found(self, asked: Asked) -> Files:
        return await self._files.found(Days.between(asked.question.since_ms, asked.question.until_ms))

    async def _asked(self, params: QueryParams, person: Person) -> Asked | None:
        """Return the days that are asked about; None if the archive has none."""
        newest = await self._files.newest()
        if newest is None:
            return None
        return replace(Asked.of(params, newest, None, person.time_zone), by="day", filters=(), known=None)


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes."""
    pages = QueryPages(console)

    @router.get("/query")
    async def page(request: Request, sql: str = "") -> Response:
        person = console.person(request, Permission.QUERY)
        return await pages.page(request, person, sql[:LENGTH_MAX] or EXAMPLE)

    @router.post("/query")
    async def run(request: Request) -> Response:
        person = console.person(request, Permission.QUERY)
        try:
            sql, result = await pages.posted(request, person)
        except QueryFailed as error:
            text = str((await form_of(request)).get("sql") or "")
            return await pages.page(request, person, masked(text[:LENGTH_MAX]), wrong=str(error))
        return await pages.page(request, person, sql, result)

    @router.post("/query/result.{form}")
    async def file(request: Request, form: str) -> Response:
        person = console.person(request, Permission.QUERY)
        if form not in FORMATS:
            raise HTTPException(404)
        _, result = await pages.posted(request, person)
        return as_file("result", form, [name for name, _ in result.columns], result.dicts)
