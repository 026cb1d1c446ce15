"""`POST /v1/score`: what a release would say of an event if some of its features were others."""

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response

from fraudstream.api.access import Access, note
from fraudstream.api.door import Refusal, body_of
from fraudstream.api.predictions import EXAMPLE
from fraudstream.api.schemas import EVENT, JSON, JUDGEMENT, answers, asked, schema_of
from fraudstream.domain.errors import InvalidTransaction, SetupError
from fraudstream.predict.what_if import WhatIf
from fraudstream.predict.what_if_detectors import WhatIfDetectors

FEATURES_MAX = 1_000
AT_ONCE_MAX = 4
"""Questions that are computed at the same time; more wait."""


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """A question."""

    event: msgspec.Raw
    features: dict[str, float | None] = {}
    release: Annotated[int, msgspec.Meta(ge=1, lt=10**9)] | None = None
    """Its number; None: the active one."""


def parsed(body: bytes) -> Wanted:
    """Return the question of a body; raises Refusal."""
    try:
        wanted = msgspec.json.decode(body, type=Wanted)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Refusal(422, "invalid", f"the body is no event to score: {error}") from error
    if len(wanted.features) > FEATURES_MAX:
        raise Refusal(422, "too-many", f"a question has at most {FEATURES_MAX:,} features")
    return wanted


def routes(what_if: WhatIf, detectors: WhatIfDetectors, access: Access) -> APIRouter:
    """Return the route of what-if questions."""
    router = APIRouter(prefix="/v1/score", tags=["predictions"])
    turns = asyncio.Semaphore(AT_ONCE_MAX)

    example = {"event": EXAMPLE, "features": {"num_trans_last_10m": 6}}

    @router.post(
        "",
        summary="Ask what a release would say of an event, also with other features",
        openapi_extra=asked(schema_of(Wanted, {"event": EVENT}), example),
        responses=answers(JUDGEMENT, "What it says", [404]),
    )
    async def score(request: Request) -> Response:
        """Nothing is counted, published or archived. Windows hold the event alone, unless `features` says otherwise."""
        key = await access.allow(request.headers.get("Authorization"), "score")
        note(request, key)
        wanted = parsed(await body_of(request))
        access.take(key, 1)
        async with turns:
            try:
                chosen = await detectors.chosen(wanted.release)
            except SetupError as error:
                raise Refusal(404, "unknown", str(error)) from error
            try:
                known = await what_if.known(bytes(wanted.event), chosen.detector)
                judged = await asyncio.to_thread(what_if.judged, known, chosen, wanted.features)
            except (InvalidTransaction, SetupError) as error:
                raise Refusal(422, "invalid", str(error)) from error
        return Response(msgspec.json.encode(judged), 200, None, JSON)

    return router
