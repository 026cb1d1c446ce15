"""`POST /`: the header names the operation, the body is its input; errors are those that SDKs know."""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from fraudstream.adapters.database.resources import ResourceStore
from fraudstream.api.access import Access, NotAllowed, TooMany
from fraudstream.api.door import Refusal, body_of
from fraudstream.api.fraud_detector import definitions, detectors, model_versions, models, rules, tags
from fraudstream.api.fraud_detector.errors import FORBIDDEN, ServiceError, invalid, unavailable
from fraudstream.api.fraud_detector.service import Service
from fraudstream.api.fraud_detector.shapes import Body, Operation
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
}
Handler = Callable[[Body], Awaitable[Body]]


class FraudDetector:
    """Answers one request after the other; `others`: operations that need more than the database, with their scopes."""

    def __init__(
        self, store: ResourceStore, access: Access, others: Mapping[str, tuple[Handler, str]] | None = None
    ) -> None:
        self._service = Service()
        self._store, self._access, self._others = store, access, others or {}

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
        if prefix != self._service.target_prefix or operation not in self._service.operations:
            raise ServiceError("UnknownOperationException", "X-Amz-Target names no operation of the service")
        try:
            body = await body_of(request)
        except Refusal as error:
            raise ServiceError("ValidationException", error.detail, error.status) from error
        handler, scope = self._others.get(operation, (None, SCOPE))
        await self._allow(request, body, scope)
        if handler is None and operation not in OPERATIONS:
            raise invalid(f"{operation} is not supported by fraudstream; see docs/fraud-detector.md")
        asked = self._service.asked(operation, body)
        if scope == SCOPE and without_card_numbers(text := body.decode(errors="replace")) != text:
            raise invalid("a card number does not belong in a definition")
        try:
            return await (handler(asked) if handler else asyncio.to_thread(self._done, operation, asked))
        except FraudstreamError as error:
            logger.warning("%s: %s", operation, error)
            raise unavailable("this cannot be done now; try again") from error

    async def _allow(self, request: Request, body: bytes, scope: str) -> None:
        """Check signature, key and scope; raises ServiceError."""
        bearer = None
        if self._access.needs_keys:
            key_text = signer(str(request.url), request.headers, body, time.time())
            bearer = f"Bearer {key_text}"
        try:
            key = await self._access.allow(bearer, scope)
            self._access.take(key, 1)
        except NotAllowed as error:
            if error.status == FORBIDDEN:
                raise ServiceError("AccessDeniedException", str(error)) from error
            raise ServiceError("UnrecognizedClientException", str(error), FORBIDDEN) from error
        except TooMany as error:
            raise ServiceError("ThrottlingException", str(error)) from error
        request.state.who = key.name if key else "-"

    def _done(self, operation: str, asked: Body) -> Body:
        return self._store.within(lambda resources: OPERATIONS[operation](resources, deepcopy(asked)))


def _answer(status: int, body: Mapping[str, Any]) -> Response:
    headers = {"x-amzn-RequestId": str(uuid.uuid4())}
    return Response(msgspec.json.encode(body), status, headers, JSON)
