"""`POST /v1/lists/{name}`: puts values on a list, and takes them off."""

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response

from fraudstream.adapters.lists.values import Values
from fraudstream.api.access import Access, note
from fraudstream.api.door import Refusal, body_of
from fraudstream.api.schemas import EVENTS_MAX, JSON, answers, asked, schema_of
from fraudstream.domain.card_numbers import without_card_numbers
from fraudstream.domain.errors import SetupError
from fraudstream.domain.lists.entries import WHY_LENGTH_MAX, Change, Kind, Listed, Moment

BELIEVED_S = 10.0
"""How long it is believed what lists there are."""

Publish = Callable[[Sequence[Change]], Awaitable[None]]
"""Returns once the brokers have changes; raises FraudstreamError."""

Kinds = Callable[[], Awaitable[dict[str, Kind]]]
"""Returns the kind of each list there is; raises FraudstreamError."""


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """What a request changes."""

    add: list[str] = []
    remove: list[str] = []
    until: Moment | None = None
    """From which event time on what is added is not on the list any more."""
    why: Annotated[str, msgspec.Meta(max_length=WHY_LENGTH_MAX)] = ""


class KnownLists:
    """The kinds of the lists, read from the topic now and then."""

    def __init__(self, kinds: Kinds) -> None:
        self._read = kinds
        self._kinds: dict[str, Kind] = {}
        self._until_s = 0.0

    async def kind(self, name: str) -> Kind:
        """Return the kind of a list; raises Refusal if there is none of this name."""
        if name not in self._kinds or time.monotonic() > self._until_s:
            self._kinds = await self._read()
            self._until_s = time.monotonic() + BELIEVED_S
        if name not in self._kinds:
            raise Refusal(404, "unknown", "there is no such list; make one with: fraudstream lists create")
        return self._kinds[name]


def changes_of(wanted: Wanted, name: str, values: Values, by: str) -> list[Change]:
    """Return the records that a request asks for; raises Refusal that says which value is none, without showing it."""
    if not 1 <= len(wanted.add) + len(wanted.remove) <= EVENTS_MAX:
        raise Refusal(422, "too-many", f"a request changes 1 to {EVENTS_MAX:,} values")
    entry = Listed(by, datetime.now(UTC), without_card_numbers(wanted.why), wanted.until)
    changes = []
    for place, (text, said) in enumerate(
        [*((text, entry) for text in wanted.add), *((text, None) for text in wanted.remove)], 1
    ):
        try:
            changes += [Change(name, kept, said) for kept in values.of(text)]
        except SetupError as error:
            raise Refusal(422, "invalid", f"value {place}: {error}") from error
    return changes


def routes(
    publish: Publish, known: KnownLists, values: Callable[[Kind, str], Values], access: Access
) -> APIRouter:
    """Return the route of lists; `values` returns what reads the values of a list of a kind."""
    router = APIRouter(prefix="/v1/lists", tags=["lists"])

    changed = {
        "type": "object",
        "properties": {
            "list": {"type": "string"},
            "added": {"type": "integer"},
            "removed": {"type": "integer"},
        },
        "required": ["list", "added", "removed"],
    }

    @router.post(
        "/{name}",
        status_code=202,
        summary="Put values on a list, and take values off it",
        openapi_extra=asked(schema_of(Wanted), {"add": ["4006080197832643"], "why": "stolen"}),
        responses=answers(changed, "What the brokers have", [404], status=202),
    )
    async def change(request: Request, name: str) -> Response:
        """Workers know it within a second. Answered when the brokers have all of it; card numbers are kept as tokens."""
        key = await access.allow(request.headers.get("Authorization"), "lists")
        note(request, key)
        try:
            wanted = msgspec.json.decode(await body_of(request), type=Wanted)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise Refusal(422, "invalid", f"the body does not say what to add or remove: {error}") from error
        kind = await known.kind(name)
        try:
            reader = values(kind, name)
        except SetupError as error:
            raise Refusal(422, "invalid", str(error)) from error
        changes = changes_of(wanted, name, reader, key.name if key else "api")
        access.take(key, len(changes))
        await publish(changes)
        said = {"list": name, "added": len(wanted.add), "removed": len(wanted.remove)}
        return Response(msgspec.json.encode(said), 202, None, JSON)

    return router
