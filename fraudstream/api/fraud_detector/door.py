"""`POST /`: the header names the operation, the body is its input; errors are those that SDKs know."""

import asyncio
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import msgspec
from fastapi import APIRouter, Request, Response

from fraudstream.adapters.database.resources import ResourceStore
from fraudstream.api.access import Access, NotAllowed, TooMany, note
from fraudstream.api.door import Refusal, body_of
from fraudstream.api.fraud_detector import (
    definitions,
    deleted_events,
    detectors,
    encryption,
    external_models,
    model_versions,
    models,
    rules,
    tags,
)
from fraudstream.api.fraud_detector.errors import FORBIDDEN, ServiceError, invalid, unavailable
from fraudstream.api.fraud_detector.service import Service
from fraudstream.api.fraud_detector.shapes import Body, Handler, Operation
from fraudstream.api.fraud_detector.signatures import signer
from fraudstream.domain.card_numbers import without_card_numbers
from fraudstream.domain.errors import FraudstreamError

logger = logging.getLogger(__name__)

JSON = "application/x-amz-json-1.1"
SCOPE = "detectors"
"""What keys need for everything but predictions."""

OPERATIONS: Mapping[str, Operation] = {
    **definitions.OPERATIONS,
    **models.OPERATIONS,
    **model_versions.OPERATIONS,
    **detectors.OPERATIONS,
    **rules.OPERATIONS,
    **tags.OPERATIONS,
    **external_models.OPERATIONS,
    **encryption.OPERATIONS,
    **deleted_events.OPERATIONS,
}


class Target(NamedTuple):
    """A service that requests name in their header, and what is answered of it."""

    service: Service
    operations: Mapping[str, Operation]
    """What needs nothing but the database."""
    others: Mapping[str, tuple[Handler, str]]
    """What needs more, with the scopes of keys for it."""


class FraudDetector:
    """Answers one request after the other; `others`: operations that need more than the database, with their scopes."""

    def __init__(
        self,
        store: ResourceStore,
        access: Access,
        others: Mapping[str, tuple[Handler, str]] | None = None,
        beside: Sequence[Target] = (),
    ) -> None:
        """`beside`: further services at the same address."""
        own = Target(Service(), OPERATIONS, others or {})
        self._targets = {each.service.target_prefix: each for each in (own, *beside)}
        self._store, self._access = store, access

    def routes(self) -> APIRouter:
        """Return the one route."""
        router = APIRouter(tags=["Amazon Fraud Detector"])
        router.add_api_route("/", self.post, methods=["POST"], summary="Amazon Fraud Detector's protocol")
        return router

    async def post(self, request: Request) -> Response:
        """Answer an operation of the header `X-Amz-Target`, signed with an API key as access key id and as secret."""
        try:
            return _answer(200, await self._answered(request))
        except ServiceError as error:
            return _answer(error.status, {"__type": error.code, "message": error.message})

    async def _answered(self, request: Request) -> Body:
        prefix, _, operation = request.headers.get("x-amz-target", "").partition(".")
        target = self._targets.get(prefix)
        if target is None or operation not in target.service.operations:
            raise ServiceError("UnknownOperationException", "X-Amz-Target names no operation of the service")
        body = await read_body(request)
        handler, scope = target.others.get(operation, (None, SCOPE))
        await allow(self._access, request, body, scope, target.service)
        if handler is None and operation not in target.operations:
            raise invalid(f"{operation} is not supported by fraudstream; see docs/fraud-detector.md")
        asked = target.service.asked(operation, body)
        if scope == SCOPE and without_card_numbers(text := body.decode(errors="replace")) != text:
            raise invalid("a card number does not belong in a definition")
        try:
            if handler is not None:
                return await handler(asked)
            return await asyncio.to_thread(self._done, target.operations[operation], asked)
        except FraudstreamError as error:
            logger.warning("%s: %s", operation, error)
            raise unavailable("this cannot be done now; try again") from error

    def _done(self, operation: Operation, asked: Body) -> Body:
        return self._store.within(lambda resources: operation(resources, deepcopy(asked)))


async def read_body(request: Request) -> bytes:
    """Return the body of a request; raises ServiceError."""
    try:
        return await body_of(request)
    except Refusal as error:
        raise ServiceError("ValidationException", error.detail, error.status) from error


async def allow(access: Access, request: Request, body: bytes, scope: str, service: Service) -> None:
    """Check signature, key and scope; raises ServiceError."""
    bearer = None
    if access.needs_keys:
        url, now_s = str(request.url), time.time()
        bearer = f"Bearer {signer(url, request.headers, body, now_s, request.method, service.signing_name)}"
    try:
        key = await access.allow(bearer, scope)
        access.take(key, 1)
    except NotAllowed as error:
        if error.status == FORBIDDEN:
            raise ServiceError("AccessDeniedException", str(error)) from error
        raise ServiceError("UnrecognizedClientException", str(error), FORBIDDEN) from error
    except TooMany as error:
        raise ServiceError("ThrottlingException", str(error)) from error
    note(request, key)


def _answer(status: int, body: Mapping[str, Any]) -> Response:
    headers = {"x-amzn-RequestId": str(uuid.uuid4())}
    return Response(msgspec.json.encode(body), status, headers, JSON)
