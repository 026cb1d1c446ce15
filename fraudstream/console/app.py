"""The application: what it has while it runs, its routes, and how errors become pages."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection, Engine
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from fraudstream.adapters.database.audit import append
from fraudstream.adapters.database.engine import writing
from fraudstream.adapters.database.people import People
from fraudstream.adapters.database.sessions import Sessions
from fraudstream.adapters.lists.followed import FollowedLists
from fraudstream.console.access import Access, person_of
from fraudstream.console.background import Background, Run, end
from fraudstream.console.door import behind_door
from fraudstream.console.errors import handle_errors
from fraudstream.console.metrics import ConsoleMetrics
from fraudstream.console.rendering import Pages
from fraudstream.console.static_files import mount_static
from fraudstream.domain.people import Permission, Person
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)


class Console:
    """Everything a process of the console has; `app` is what a server runs. Rooms ask it for all they need."""

    def __init__(self, settings: Settings, engine: Engine, rooms: Sequence["Room"]) -> None:
        """`engine`: of the database. Raises SetupError."""
        self.settings = settings
        self.engine = engine
        self.rooms = rooms
        self.people = People(engine)
        self.sessions = Sessions(engine)
        self.secure = bool(settings.console_certificate_file) or (settings.console_url or "").startswith(
            "https:"
        )
        self.access = Access(self.sessions, self.secure, settings.console_session_hours)
        self.metrics = ConsoleMetrics()
        self.pages = Pages([room for room in rooms if room.label])
        self.lists = FollowedLists(settings)
        self.background: list[Background] = []
        self.fastapi = FastAPI(
            title="fraudstream console",
            version=version("fraudstream"),
            lifespan=self._running,
            dependencies=[Depends(self.access.check)],
            openapi_url=None,
        )
        for add_routes in dict.fromkeys(room.add_routes for room in rooms):
            add_routes(self.fastapi.router, self)  # into one router: an included one would be analysed twice
        self.fastapi.add_api_route("/health", self.health, methods=["GET"])
        self.fastapi.add_api_route("/metrics", self.exposition, methods=["GET"])
        mount_static(self.fastapi)
        self.fastapi.add_api_route("/{path:path}", self._missing, methods=["GET"])
        handle_errors(self.fastapi, self.pages)
        self.app: ASGIApp = behind_door(self.fastapi, settings, self.secure, self.metrics.answered)

    def person(self, request: Request, permission: Permission | None = None) -> Person:
        """Return who asks; leads to the login if nobody is logged in, and to a page 403 if they may not do that."""
        return person_of(request, permission)

    def page(
        self, request: Request, person: Person | None, template: str, /, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """Return a template of a room as a page, or as a part of one."""
        return self.pages.page(request, person, template, values, status)

    def audit(
        self,
        person: Person | str,
        action: str,
        subject: str,
        details: Mapping[str, Any] | None = None,
        connection: Connection | None = None,
    ) -> None:
        """Append to the audit trail what somebody has changed; `action` is like `case.close`, `subject` what was changed.

        `connection`: of the transaction that changes it (`engine.writing`); without one the entry has a transaction of its own.
        Asks the database, so call it where that is right: in a handler that is no coroutine, or in a thread.
        """
        name = person if isinstance(person, str) else person.name
        if connection is not None:
            append(connection, name, action, subject, details)
            return
        with writing(self.engine) as own:
            append(own, name, action, subject, details)

    def beside(self, name: str, run: Run) -> None:
        """Run something while the console runs, such as the reading of a topic; `name` is what health calls it."""
        self.background.append(Background(name, run))

    async def health(self) -> Response:
        """Return 200 if the database answers and everything beside the pages does its work; 503 with sentences if not."""
        problems = [each.problem for each in self.background if each.problem]
        await asyncio.to_thread(self._ask_database)
        body = {"status": "unavailable" if problems else "ok", "problems": problems}
        return Response(msgspec.json.encode(body), 503 if problems else 200, media_type="application/json")

    def _ask_database(self) -> None:
        self.sessions.person("")

    async def _missing(self) -> Response:
        """Answer what no room has, with the navigation of whoever asks."""
        raise HTTPException(404)

    async def exposition(self) -> Response:
        """Return the metrics of this process."""
        tasks = {each.name: not each.problem for each in self.background}
        return Response(self.metrics.text(tasks), media_type="text/plain; version=0.0.4")

    @asynccontextmanager
    async def _running(self, _app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(each.run(), name=each.name) for each in self.background]
        await asyncio.sleep(0)  # each of them has begun before the first page is asked for
        try:
            yield
        finally:
            await end(tasks)


@dataclass(frozen=True, slots=True)
class Room:
    """A part of the console: its address, its word in the navigation, and what answers there."""

    path: str
    label: str
    """Empty: it is not in the navigation."""
    permission: Permission | None
    """What it takes to look at it; None: to be logged in."""
    add_routes: Callable[[APIRouter, Console], None]
    """Called once, even if several rooms have the same."""

    def open_to(self, person: Person) -> bool:
        """Tell whether somebody may look at it."""
        return self.permission is None or person.may(self.permission)
