"""`POST /v1/predictions`: one event or many, decided by the workers; `GET /v1/predictions/{id}`: a decision made before."""

from collections.abc import Sequence

import msgspec
from fastapi import APIRouter, Request, Response

from fraudstream.api.access import Access, note
from fraudstream.api.archived import ArchivedDecisions
from fraudstream.api.asking import Asker
from fraudstream.api.door import Refusal, body_of
from fraudstream.api.metrics import ApiMetrics
from fraudstream.api.outcomes import Outcome
from fraudstream.api.schemas import (
    DECISION,
    ERROR,
    EVENT,
    EVENT_STATUSES,
    EVENTS_MAX,
    JSON,
    answers,
    asked,
    one_or_many,
)

DEADLINE_MAX_MS = 60_000
DEADLINE_HEADER = "X-Deadline-Ms"
RETRY_AFTER_S = 1
"""When events that are refused because too many wait may come again."""

EXAMPLE = {"tid": "p-1", "cc_num": "4006080197832643", "amount": 12.5, "trans_ts": 1764230400}

DEADLINE = {
    "name": DEADLINE_HEADER,
    "in": "header",
    "description": "How long to wait for the decisions, in ms.",
    "schema": {"type": "integer", "minimum": 1, "maximum": DEADLINE_MAX_MS},
}


def parsed(body: bytes) -> tuple[list[bytes], bool]:
    """Return the events of a body as they are written, and whether it is an array of them; raises Refusal."""
    try:
        if body.lstrip()[:1] != b"[":
            return [bytes(msgspec.json.decode(body, type=msgspec.Raw))], False
        events = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Refusal(400, "not-json", f"the body is not JSON: {error}") from error
    if not 1 <= len(events) <= EVENTS_MAX:
        raise Refusal(422, "too-many", f"a request has 1 to {EVENTS_MAX:,} events, this one {len(events):,}")
    return [bytes(event) for event in events], True


def deadline_s(request: Request, default_ms: int) -> float:
    """Return how long a request waits; raises Refusal."""
    text = request.headers.get(DEADLINE_HEADER)
    if text is None:
        return default_ms / 1000
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= DEADLINE_MAX_MS):
        raise Refusal(
            400, "deadline", f"{DEADLINE_HEADER} is a number of milliseconds from 1 to {DEADLINE_MAX_MS}"
        )
    return int(text) / 1000


def answer(outcomes: Sequence[Outcome], as_array: bool) -> Response:
    """Return the decisions in the order asked; one event alone is answered with its own status."""
    retry = {"Retry-After": str(RETRY_AFTER_S)}
    if not as_array:
        (one,) = outcomes
        headers = retry if one.code in ("crowded", "unavailable") else None
        return Response(one.to_bytes(), one.status, headers, JSON)
    if all(one.code == "crowded" for one in outcomes):
        return Response(outcomes[0].to_bytes(), outcomes[0].status, retry, JSON)
    return Response(b"[" + b",".join(one.to_bytes() for one in outcomes) + b"]", 200, None, JSON)


def routes(
    asker: Asker,
    access: Access,
    archived: ArchivedDecisions,
    metrics: ApiMetrics,
    default_deadline_ms: int,
) -> APIRouter:
    """Return the routes of predictions."""
    router = APIRouter(prefix="/v1/predictions", tags=["predictions"])

    @router.post(
        "",
        summary="Decide one event, or up to 1,000",
        openapi_extra=asked(one_or_many(EVENT), EXAMPLE) | {"parameters": [DEADLINE]},
        responses=answers(one_or_many({"anyOf": [DECISION, ERROR]}), "The decisions", EVENT_STATUSES),
    )
    async def predict(request: Request) -> Response:
        """Each event is counted in its entity's windows, archived and answered as on the topic `decisions`.

        The same id again is the same event: it is counted once, and the answer is the same.
        """
        key = await access.allow(request.headers.get("Authorization"), "predict")
        note(request, key)
        wait_s = deadline_s(request, default_deadline_ms)
        events, as_array = parsed(await body_of(request))
        access.take(key, len(events))
        outcomes = await asker.ask(events, wait_s)
        for one in outcomes:
            metrics.event(one.code or "decided", asker.in_flight)
        return answer(outcomes, as_array)

    @router.get(
        "/{transaction_id}",
        summary="Fetch a decision that was made before",
        openapi_extra={"security": [{"key": []}]},
        responses=answers(DECISION, "The decision", [404]),
    )
    async def fetch(request: Request, transaction_id: str) -> Response:
        """Looks among what this process asked for, then in the archive, if there is one."""
        key = await access.allow(request.headers.get("Authorization"), "predict")
        note(request, key)
        access.take(key, 1)
        found = asker.known(transaction_id)
        if found is None:
            found = await archived.find(transaction_id)
        return Response(found.to_bytes(), found.status, None, JSON)

    return router
