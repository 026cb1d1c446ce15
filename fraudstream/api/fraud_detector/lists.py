"""Lists: those of the topic `lists`, which workers follow, too; what only programs know of them is beside, in the database."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from fraudstream.adapters.database.resources import Resource, Resources, ResourceStore
from fraudstream.adapters.lists.topic import OnLists
from fraudstream.api.fraud_detector.definitions import RULE
from fraudstream.api.fraud_detector.errors import absent, conflict, invalid
from fraudstream.api.fraud_detector.shapes import Body, Handler, arn, page, time_text
from fraudstream.domain.detectorpl.tokens import tokens
from fraudstream.domain.lists.entries import VALUE_LENGTH_MAX, Change, Listed, Listing

LIST = "list"
BY = "Amazon Fraud Detector's protocol"
ELEMENTS_MAX = 100_000
BELIEVED_S = 5.0
"""How long it is believed what is on a list."""

TYPE = "variableType"

Read = Callable[[str | None], Awaitable[OnLists]]
"""Returns all lists, with the entries of one."""
Publish = Callable[[Sequence[Change]], Awaitable[None]]


class Lists:
    """Creates, reads, changes and removes lists."""

    def __init__(self, store: ResourceStore, read: Read, publish: Publish) -> None:
        self._store, self._read, self._publish = store, read, publish

    @property
    def operations(self) -> Mapping[str, Handler]:
        """What it answers."""
        return {
            "CreateList": self.create,
            "UpdateList": self.update,
            "GetListElements": self.elements,
            "GetListsMetadata": self.metadata,
            "DeleteList": self.remove,
        }

    async def create(self, asked: Body) -> Body:
        """Make a list with elements."""
        name = asked["name"]
        if name in (await self._read(None)).listings:
            raise invalid(f"list {name} already exists.")
        elements = _elements(asked)
        listing = Listing("text", "watch", BY, datetime.now(UTC), asked.get("description", ""))
        known = {key: value for key, value in asked.items() if key not in ("name", "elements")}
        await asyncio.to_thread(self._store.within, lambda found: found.put(LIST, name, known))
        await self._publish([Change(name, None, listing), *(_added(name, each) for each in elements)])
        return {}

    async def update(self, asked: Body) -> Body:
        """Change elements, description or, if it has none, the type of its variables."""
        name, mode = asked["name"], asked.get("updateMode")
        lists = await self._read(name)
        if name not in lists.listings:
            raise absent(f"list {name} does not exist.")
        if "elements" in asked and mode is None:
            raise invalid("elements need an updateMode: REPLACE, APPEND or REMOVE.")
        given, before = _elements(asked), lists.entries.keys()
        added = given if mode in ("APPEND", "REPLACE") else []
        removed = {"REMOVE": before & given, "REPLACE": before - given}.get(mode or "", set())
        if len((before | added) - removed) > ELEMENTS_MAX:
            raise invalid(f"a list has at most {ELEMENTS_MAX:,} elements.")
        await asyncio.to_thread(self._store.within, lambda found: _described(found, asked))
        await self._publish(
            [
                *(Change(name, each, None) for each in sorted(removed)),
                *(_added(name, each) for each in added if each not in before),
            ]
        )
        return {}

    async def elements(self, asked: Body) -> Body:
        """Return a page of a list's elements."""
        lists = await self._read(asked["name"])
        if asked["name"] not in lists.listings:
            raise absent(f"list {asked['name']} does not exist.")
        every = [Resource(LIST, each, 0, {"element": each}, 0, 0) for each in sorted(lists.entries)]
        answer = page("elements", every, asked)
        answer["elements"] = [each["element"] for each in answer["elements"]]
        return answer

    async def metadata(self, asked: Body) -> Body:
        """Return what lists there are, also those that fraudstream's own commands made."""
        listings = (await self._read(None)).listings
        name = asked.get("name")
        if name is not None and name not in listings:
            raise absent(f"list {name} does not exist.")
        known = await asyncio.to_thread(
            self._store.within, lambda found: {each.name: each for each in found.all(LIST)}
        )
        every = [
            _resource(each, listing, known.get(each))
            for each, listing in sorted(listings.items())
            if name in (None, each)
        ]
        answer = page("lists", every, asked)
        chosen = {arn(each): each for each in every}
        answer["lists"] = [_told(chosen[each["arn"]]) for each in answer["lists"]]
        return answer

    async def remove(self, asked: Body) -> Body:
        """Remove a list that no rule asks; one that is not there is no error."""
        name = asked["name"]
        await asyncio.to_thread(self._store.within, lambda found: _removed(found, name))
        lists = await self._read(name)
        if name in lists.listings:
            gone = [Change(name, each, None) for each in lists.entries]
            await self._publish([*gone, Change(name, None, None)])
        return {}


class Contents:
    """What is on lists, as rules need it: read from the topic now and then."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._known: dict[str, tuple[frozenset[str] | None, float]] = {}

    async def of(self, names: Iterable[str]) -> dict[str, frozenset[str]]:
        """Return what is on these lists, leaving out those that there are not; raises FraudstreamError."""
        for name in set(names):
            if time.monotonic() > self._known.get(name, (None, 0.0))[1]:
                lists = await self._read(name)
                content = frozenset(lists.entries) if name in lists.listings else None
                self._known[name] = content, time.monotonic() + BELIEVED_S
        found = {name: self._known[name][0] for name in names}
        return {name: content for name, content in found.items() if content is not None}


def _elements(asked: Body) -> list[str]:
    elements: list[str] = list(dict.fromkeys(asked.get("elements", [])))
    if len(elements) > ELEMENTS_MAX:
        raise invalid(f"a list has at most {ELEMENTS_MAX:,} elements.")
    if any(len(each) > VALUE_LENGTH_MAX for each in elements):
        raise invalid(f"an element has at most {VALUE_LENGTH_MAX} characters.")
    return elements


def _added(name: str, value: str) -> Change:
    return Change(name, value, Listed(BY, datetime.now(UTC)))


def _described(resources: Resources, asked: Body) -> None:
    before = resources.get(LIST, asked["name"])
    known = {} if before is None else before.document
    if TYPE in asked and known.get(TYPE, asked[TYPE]) != asked[TYPE]:
        raise invalid(f"list {asked['name']} is of the variable type {known[TYPE]} already.")
    changed = {key: asked[key] for key in ("description", TYPE) if key in asked}
    resources.put(LIST, asked["name"], known | changed)


def _asks(expression: str, name: str) -> bool:
    """Tell whether a condition asks a list.

    >>> [_asks("$a > 1 and ($zip in@bad)", name) for name in ("bad", "ba")]
    [True, False]
    """
    return any((at.text, asked.text) == ("@", name) for at, asked in pairwise(tokens(expression)))


def _removed(resources: Resources, name: str) -> None:
    for rule in resources.all(RULE):
        if _asks(rule.document["expression"], name):
            raise conflict(f"list {name} cannot be deleted: rule {rule.document['ruleId']} asks it.")
    resources.delete(LIST, name)


def _resource(name: str, listing: Listing, known: Resource | None) -> Resource:
    at = round(listing.at.timestamp() * 1000)
    document = {} if known is None else known.document
    described = document.get("description") or listing.why
    return Resource(
        LIST,
        name,
        0,
        {"name": name} | document | ({"description": described} if described else {}),
        at,
        at if known is None else known.updated_at,
    )


def _told(one: Resource) -> Body:
    own = {key: one.document[key] for key in ("name", "description", TYPE) if key in one.document}
    times = {"createdTime": time_text(one.created_at), "updatedTime": time_text(one.updated_at)}
    return own | times | {"arn": arn(one)}
