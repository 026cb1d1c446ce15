"""`POST /v1/labels`: what events turned out to be."""

import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from fastapi import APIRouter, Request, Response

from fraudstream.api.access import Access, note
from fraudstream.api.door import Refusal, body_of
from fraudstream.api.schemas import EVENTS_MAX, JSON, answers, asked, one_or_many, schema_of
from fraudstream.domain.card_numbers import without_card_numbers
from fraudstream.domain.labels import Label, LabelSource

Publish = Callable[[Sequence[Label]], Awaitable[None]]
"""Returns once the brokers have labels; raises FraudstreamError."""


class Said(msgspec.Struct, forbid_unknown_fields=True):
    """A label as it is sent to us."""

    transaction_id: str
    fraud: bool | None
    known_at: int | None = None
    """Epoch ms; the moment of its arrival if it is left out."""
    source: LabelSource = "import"
    note: str | None = None


def parsed(body: bytes, now_ms: int) -> list[Label]:
    """Return the labels of a body; raises Refusal."""
    try:
        said = msgspec.json.decode(body, type=Said | list[Said])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Refusal(422, "invalid", f"the body is not a label or an array of labels: {error}") from error
    labels = said if isinstance(said, list) else [said]
    if not 1 <= len(labels) <= EVENTS_MAX:
        raise Refusal(422, "too-many", f"a request has 1 to {EVENTS_MAX:,} labels, this one {len(labels):,}")
    for label in labels:
        if not label.transaction_id.strip():
            raise Refusal(422, "invalid", "a label needs the transaction_id that it is about")
        if label.known_at is not None and not 0 <= label.known_at <= now_ms:
            raise Refusal(
                422,
                "invalid",
                "known_at is when the label became known, in epoch milliseconds, and not in the future",
            )
    return [
        Label(
            each.transaction_id,
            each.fraud,
            now_ms if each.known_at is None else each.known_at,
            each.source,
            None if each.note is None else without_card_numbers(each.note),
        )
        for each in labels
    ]


def routes(publish: Publish, access: Access) -> APIRouter:
    """Return the route of labels."""
    router = APIRouter(prefix="/v1/labels", tags=["labels"])

    example = {"transaction_id": "p-1", "fraud": True, "source": "chargeback"}
    counted = {"type": "object", "properties": {"labels": {"type": "integer"}}, "required": ["labels"]}

    @router.post(
        "",
        status_code=202,
        summary="Say what events turned out to be",
        openapi_extra=asked(one_or_many(schema_of(Said)), example),
        responses=answers(counted, "How many labels the brokers have", status=202),
    )
    async def post(request: Request) -> Response:
        """A later label of an event replaces an earlier one. Answered when the brokers have all of them."""
        key = await access.allow(request.headers.get("Authorization"), "labels")
        note(request, key)
        sent = parsed(await body_of(request), time.time_ns() // 1_000_000)
        access.take(key, len(sent))
        await publish(sent)
        return Response(msgspec.json.encode({"labels": len(sent)}), 202, None, JSON)

    return router
