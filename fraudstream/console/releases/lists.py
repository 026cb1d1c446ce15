"""The room of lists: what rules ask by `in_list`, put on and taken off by hand or from a file, and rules that are snoozed."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Annotated, BinaryIO, get_args
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from fraudstream.adapters.lists import changes
from fraudstream.adapters.lists.topic import OnLists
from fraudstream.console.app import Console
from fraudstream.console.arriving import FILE_BYTES_MAX, Arriving
from fraudstream.console.reading import read_moment
from fraudstream.console.releases.imports import Imports
from fraudstream.console.releases.uploads import Upload, Uploads
from fraudstream.domain.card_numbers import without_card_numbers
from fraudstream.domain.errors import FraudstreamError, SetupError
from fraudstream.domain.lists.entries import SNOOZE, Change, Kind, Purpose
from fraudstream.domain.people import Permission, Person

SHOWN_MAX = 100
STOP_ASKING = 286
"""Status with which htmx asks no more."""
Text = Annotated[str, Form()]


class ListRoom:
    """What the pages do."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.settings = console.settings
        self.imports = Imports()
        self.uploads = Uploads(console.settings.data_dir / "console" / "uploads")

    def read(self, name: str | None = None) -> OnLists:
        """Return what is on lists now; raises FraudstreamError."""
        return self.console.lists.on_from_thread(name)

    def write(
        self, person: Person, action: str, name: str, made: Iterable[Change], **details: object
    ) -> None:
        """Publish changes, and say in the audit trail how many, but not the values."""
        number = asyncio.run(changes.written(self.settings, made))
        self.console.audit(person, f"list.{action}", name, {"records": number, **details})

    def put(self, person: Person, name: str, upload: str, why: str, told: Callable[[int], None]) -> None:
        """Put what somebody has uploaded on a list, and say so in the audit trail; `told` gets how many records were written."""
        self.read(name).listing(name)
        made = changes.imported(self.uploads.rows(upload), name, person.name, why)
        number = asyncio.run(changes.written(self.settings, made, told))
        self.console.audit(person, "list.import", name, {"records": number, "why": without_card_numbers(why)})

    def page(
        self,
        request: Request,
        person: Person,
        name: str,
        wrong: str = "",
        upload: Upload | None = None,
        wanted: str = "",
    ) -> Response:
        """Return the page of a list."""
        found = self.read(name)
        listing = found.listing(name)
        entries = found.entries
        if wanted:
            try:
                kept = changes.values_of(self.settings, found, name).of(wanted)
                entries = {each: entries[each] for each in kept if each in entries}
            except SetupError as error:
                wrong, entries = str(error), {}
        return self.console.page(
            request,
            person,
            "releases/list.html",
            status=422 if wrong else 200,
            name=name,
            listing=listing,
            entries=list(islice(entries.items(), SHOWN_MAX)),
            total=len(found.entries),
            found=len(entries),
            wanted=without_card_numbers(wanted),
            wrong=wrong,
            upload=upload,
            asked=(asked := request.query_params.get("importing", "")),
            importing=self.imports.of(asked),
            bytes_max=FILE_BYTES_MAX,
            done=request.query_params.get("done", ""),
            expired=lambda entry: entry.expires_at is not None and entry.expires_at < datetime.now(UTC),
        )


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes of /lists."""
    room = ListRoom(console)
    console.beside("reading lists", console.lists.run)
    _reading(router, room)
    _changing(router, room)
    _uploading(router, room)


def _reading(router: APIRouter, room: ListRoom) -> None:
    @router.get("/lists", name="lists")
    def lists(request: Request) -> Response:
        person = room.console.person(request)
        found, wrong = OnLists(), ""
        try:
            found = room.read()
        except FraudstreamError as error:
            wrong = str(error)
        return room.console.page(
            request,
            person,
            "releases/lists.html",
            listings=found.listings,
            numbers=found.numbers,
            snoozed=found.snoozes,
            purposes=get_args(Purpose),
            wrong=wrong,
            done=request.query_params.get("done", ""),
        )

    @router.get("/lists/{name}")
    def one(request: Request, name: str) -> Response:
        return room.page(request, room.console.person(request), name)

    @router.post("/lists/{name}/find")
    def find(request: Request, name: str, wanted: Text = "") -> Response:
        return room.page(request, room.console.person(request), name, wanted=wanted.strip())


def _changing(router: APIRouter, room: ListRoom) -> None:
    @router.post("/lists/create")
    def create(
        request: Request, name: Text, kind: Text = "text", purpose: Text = "watch", why: Text = ""
    ) -> Response:
        person = room.console.person(request, Permission.WRITE_RULES)
        if kind not in get_args(Kind) or purpose not in get_args(Purpose):
            raise SetupError("a list is of text or of cards, and to allow, deny or watch")
        made = changes.listing_of(room.read(), name, kind, purpose, person.name, why)  # type: ignore[arg-type]  # checked above
        room.write(person, "create", name, [made], kind=kind, purpose=purpose)
        return _back(name, "made")

    @router.post("/lists/snooze")
    def snooze(request: Request, rule: Text, entity: Text, until: Text = "", why: Text = "") -> Response:
        person = room.console.person(request, Permission.WRITE_RULES)
        ends = read_moment(until, person.time_zone)
        if ends is None:
            raise SetupError("say until when the rule is snoozed")
        entry = changes.entry_of(person.name, ends, why)
        ids = changes.entities_of(room.settings, entity)
        room.write(person, "snooze", rule, [Change(SNOOZE + rule, kept, entry) for kept in ids], until=until)
        return RedirectResponse("/lists?done=snoozed", 303)

    @router.post("/lists/wake")
    def wake(request: Request, rule: Text, entity: Text) -> Response:
        person = room.console.person(request, Permission.WRITE_RULES)
        ids = changes.entities_of(room.settings, entity)
        room.write(person, "wake", rule, [Change(SNOOZE + rule, kept, None) for kept in ids])
        return RedirectResponse("/lists?done=woken", 303)

    @router.post("/lists/{name}/add")
    def add(request: Request, name: str, values: Text, until: Text = "", why: Text = "") -> Response:
        person = room.console.person(request, Permission.WRITE_RULES)
        try:
            reader = changes.values_of(room.settings, room.read(name), name)
            entry = changes.entry_of(person.name, read_moment(until, person.time_zone), why)
            kept = [each for line in values.splitlines() if line.strip() for each in reader.of(line)]
        except SetupError as error:
            return room.page(request, person, name, str(error))
        room.write(person, "add", name, [Change(name, each, entry) for each in kept], why=entry.why)
        return _back(name, "added")

    @router.post("/lists/{name}/remove")
    def remove(request: Request, name: str, value: Text) -> Response:
        person = room.console.person(request, Permission.WRITE_RULES)
        reader = changes.values_of(room.settings, room.read(name), name)
        room.write(person, "remove", name, [Change(name, each, None) for each in reader.of(value)])
        return _back(name, "removed")


def _uploading(router: APIRouter, room: ListRoom) -> None:
    arriving = Arriving()

    @router.post("/lists/{name}/upload")
    async def upload(request: Request, name: str) -> Response:
        person = room.console.person(request, Permission.WRITE_RULES)
        check = partial(room.console.access.check_token, request)

        def kept(file: BinaryIO, filename: str) -> Upload:
            return room.uploads.keep(file, filename, changes.values_of(room.settings, room.read(name), name))

        try:
            found = await arriving.read(request, check, kept)
        except SetupError as error:
            return await run_in_threadpool(room.page, request, person, name, str(error))
        return await run_in_threadpool(room.page, request, person, name, upload=found)

    room.console.access.checks_while_it_arrives(upload)

    @router.post("/lists/{name}/import")
    def take(
        request: Request, name: str, upload: Text, rows: Annotated[int, Form()] = 0, why: Text = ""
    ) -> Response:
        person = room.console.person(request, Permission.WRITE_RULES)
        found = room.imports.begin(upload, rows, partial(room.put, person, name, upload, why))
        if found.ended:
            return _back(name, "imported")
        return RedirectResponse(f"/lists/{quote(name, safe='')}?importing={quote(upload, safe='')}", 303)

    @router.get("/lists/{name}/imports/{upload}")
    def progress(request: Request, name: str, upload: str) -> Response:
        person = room.console.person(request)
        found = room.imports.of(upload)
        status = STOP_ASKING if found is None or found.ended else 200
        return room.console.page(
            request, person, "releases/list_import.html", status=status, name=name, importing=found
        )


def _back(name: str, done: str) -> Response:
    return RedirectResponse(f"/lists/{quote(name, safe='')}?done={done}", 303)
