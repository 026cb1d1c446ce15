"""Pages of topics: the list, the records of one, one record beside its source, and a topic as it grows."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from fraudstream import topics
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.admin import administration, existing_topics
from fraudstream.adapters.kafka.browsing import Browsing, browsing
from fraudstream.adapters.kafka.partition_logs import Record
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.console.app import Console
from fraudstream.console.reading import read_ms
from fraudstream.console.stream.facts import TopicFacts, facts_of
from fraudstream.console.stream.shown import Place, Records, ShownRecord
from fraudstream.console.stream.tail import Tails
from fraudstream.domain.errors import BrokerUnavailable, SetupError
from fraudstream.topics import Topic

PAGE = 50
OFFSET_DIGITS_MAX = 18


class Stream:
    """What the pages of topics share."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.settings = console.settings
        self.kafka = Kafka.of(console.settings)
        self.records = Records(console.settings, event_type_named(console.settings.event_type))
        self.tails = Tails(self.kafka)

    def topic(self, name: str) -> Topic:
        """Return a topic of ours by its full name; no other is shown."""
        found = topics.all_topics(self.settings).get(name)
        if found is None:
            raise HTTPException(404)
        return found

    async def partitions(self, name: str) -> int:
        """Return how many partitions a topic has; raises SetupError if it does not exist."""
        async with administration(self.kafka) as admin:
            found = await existing_topics(admin, [name])
        if name not in found:
            raise SetupError(f"there is no topic {name} yet; make it with: fraudstream topics create")
        return found[name].partitions

    async def shown(self, name: str, records: list[Record]) -> list[ShownRecord]:
        """Return what people may see of records."""
        topic = self.topic(name)
        return [await self.records.shown(topic, record) for record in records]

    async def live(self, request: Request, name: str) -> Response:
        """Return a topic as it grows."""
        console = self.console
        console.person(request)
        self.topic(name)
        count = await self.partitions(name)
        secret = console.access.secret(request)

        async def shown(records: list[Record], left_out: int) -> str:
            values = {"records": await self.shown(name, records), "left_out": left_out}
            return console.pages.render(request, request.state.person, "_records_live.html", values)

        async def may() -> bool:
            return await asyncio.to_thread(console.sessions.person, secret) is not None

        events = self.tails.events(name, count, shown, may)
        return StreamingResponse(events, media_type="text/event-stream")

    async def one(self, request: Request, name: str, partition: int, offset: int) -> Response:
        """Return the page of one record, beside its source if it has one."""
        person, topic = self.console.person(request), self.topic(name)
        if not (0 <= partition < await self.partitions(name) and 0 <= offset < 10**OFFSET_DIGITS_MAX):
            raise HTTPException(404)
        async with browsing(self.kafka) as browser:
            record = await browser.at(name, partition, offset)
            shown = None if record is None else await self.records.shown(topic, record)
            source = None if shown is None else await self._source(browser, shown.source)
        values = {"name": name, "record": shown, "source": source}
        return self.console.page(request, person, "record.html", 200 if shown else 404, **values)

    async def _source(self, browser: Browsing, place: Place | None) -> ShownRecord | None:
        """Return the record that a decision or a dead letter is about; None if it is no longer there."""
        topic = topics.all_topics(self.settings).get(place.topic) if place else None
        if place is None or topic is None:
            return None
        record = await browser.at(place.topic, place.partition, place.offset)
        return None if record is None else await self.records.shown(topic, record)


async def looked_up(
    browser: Browsing, name: str, count: int, partition: int | None, offset: int | None, at_ms: int | None
) -> list[Record]:
    """Return a page of records: from an offset or a moment on, or the newest."""
    some = range(count) if partition is None else [partition]
    if at_ms is not None:
        starts = await browser.offsets_at(name, some, at_ms)
        each = -(-PAGE // len(some))
        found = [
            record
            for one, start in starts.items()
            if start is not None
            for record in await browser.after(name, one, start, each)
        ]
        return sorted(found, key=lambda record: (record.timestamp, record.partition, record.offset))[:PAGE]
    if partition is not None and offset is not None:
        return await browser.after(name, partition, offset, PAGE)
    return list(reversed(await browser.newest(name, some, PAGE)))


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes."""
    stream = Stream(console)

    @router.get("/stream/topics")
    async def listed(request: Request) -> Response:
        person, wrong = console.person(request), ""
        try:
            found = await facts_of(stream.settings)
        except BrokerUnavailable as error:
            wrong = str(error)
            found = [
                TopicFacts(name, topic, {}) for name, topic in topics.all_topics(stream.settings).items()
            ]
        return console.page(request, person, "topics.html", 503 if wrong else 200, topics=found, wrong=wrong)

    @router.get("/stream/topics/{name}")
    async def records(
        request: Request,
        name: str,
        partition: int | None = None,
        offset: str = "",
        before: str = "",
        at: str = "",
    ) -> Response:
        person, topic = console.person(request), stream.topic(name)
        at_ms, start, end = read_ms(at, person.time_zone), _offset(offset), _offset(before)
        count = await stream.partitions(name)
        if partition is not None and not 0 <= partition < count:
            raise SetupError(f"{name} has the partitions 0 to {count - 1}")
        async with browsing(stream.kafka) as browser:
            if partition is not None and end is not None:
                found = await browser.before(name, partition, end, PAGE)
            else:
                found = await looked_up(browser, name, count, partition, start, at_ms)
            spans = await browser.spans(name, range(count))
        values: dict[str, Any] = {"name": name, "topic": topic, "partition": partition, "spans": spans}
        values |= {"records": await stream.shown(name, found), "at": at, "older": None, "newer": None}
        if partition is not None and found:
            values["older"] = found[0].offset if found[0].offset > spans[partition].begin else None
            newer = found[-1].offset + 1
            values["newer"] = newer if newer < spans[partition].end else None
        return console.page(request, person, "records.html", **values)

    @router.get("/stream/topics/{name}/live")
    async def live(request: Request, name: str) -> Response:
        return await stream.live(request, name)

    @router.get("/stream/topics/{name}/{partition}/{offset}")
    async def one(request: Request, name: str, partition: int, offset: int) -> Response:
        return await stream.one(request, name, partition, offset)


def _offset(text: str) -> int | None:
    """Read an offset of an address or a form."""
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > OFFSET_DIGITS_MAX:
        raise SetupError(f"an offset is a whole number of at most {OFFSET_DIGITS_MAX} digits")
    return int(text)
