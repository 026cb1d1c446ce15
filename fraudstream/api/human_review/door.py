"""Amazon A2I's addresses, `/human-loops`; errors are told as SDKs expect them."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from fraudstream.adapters.database.resources import Resources, ResourceStore
from fraudstream.api.access import Access
from fraudstream.api.fraud_detector.door import allow, read_body
from fraudstream.api.fraud_detector.errors import ServiceError, invalid, unavailable
from fraudstream.api.fraud_detector.service import Service, object_in
from fraudstream.api.fraud_detector.shapes import Body
from fraudstream.api.human_review import loops
from fraudstream.domain.errors import FraudstreamError

logger = logging.getLogger(__name__)

SERVICE = "sagemaker-a2i-runtime"
SCOPE = "predict"
"""What keys need: who predicts starts human loops, too."""

LENIENT = frozenset({"HumanLoopName"})
JSON = "application/json"

Doing = Callable[[Resources, Body], Body]


class HumanLoops:
    """Answers requests about human loops."""

    def __init__(self, store: ResourceStore, access: Access) -> None:
        self._service = Service(SERVICE)
        self._store, self._access = store, access

    def routes(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/human-loops", tags=["Amazon A2I"])
        for path, method, answer, summary in (
            ("", "POST", self.start, "Start a human loop"),
            ("", "GET", self.listed, "List the human loops of a flow"),
            ("/stop", "POST", self.stop, "Stop a human loop"),
            ("/{name}", "GET", self.describe, "Describe a human loop"),
            ("/{name}", "DELETE", self.remove, "Delete a human loop"),
        ):
            router.add_api_route(path, answer, methods=[method], summary=summary)
        return router

    async def start(self, request: Request) -> Response:
        """Open a case of what the request has."""
        return await self._answered(request, "StartHumanLoop", loops.start, 201)

    async def stop(self, request: Request) -> Response:
        """Let nobody look at it any more."""
        return await self._answered(request, "StopHumanLoop", loops.stop)

    async def listed(self, request: Request) -> Response:
        """Return a page."""
        return await self._answered(request, "ListHumanLoops", loops.listed, given=dict(request.query_params))

    async def describe(self, request: Request, name: str) -> Response:
        """Return one, with the place of its output once there is one."""
        return await self._answered(
            request, "DescribeHumanLoop", loops.described, given={"HumanLoopName": name}
        )

    async def remove(self, request: Request, name: str) -> Response:
        """Forget one that has ended."""
        return await self._answered(request, "DeleteHumanLoop", loops.remove, given={"HumanLoopName": name})

    async def _answered(
        self,
        request: Request,
        operation: str,
        doing: Doing,
        status: int = 200,
        given: Mapping[str, str] | None = None,
    ) -> Response:
        """`given`: what the address says, instead of the body."""
        try:
            body = await read_body(request)
            await allow(self._access, request, body, SCOPE, self._service)
            asked = self._asked(operation, object_in(body) if given is None else given)
            try:
                answer = await asyncio.to_thread(
                    self._store.within, lambda resources: doing(resources, asked)
                )
            except FraudstreamError as error:
                logger.warning("%s: %s", operation, error)
                raise unavailable("this cannot be done now; try again") from error
        except ServiceError as error:
            return _answer(error.status, {"Message": error.message}, {"x-amzn-ErrorType": error.code})
        return _answer(status, answer, {})

    def _asked(self, operation: str, said: Mapping[str, Any]) -> Body:
        """Check what a request says; times of an address are text here, which botocore's check would refuse."""
        times = {name: said[name] for name in loops.TIMES if name in said}
        rest = {name: value for name, value in said.items() if name not in loops.TIMES}
        if "MaxResults" in rest:
            text = str(rest["MaxResults"])
            if not (text.isascii() and text.isdigit() and len(text) <= 3):
                raise invalid("MaxResults is a number from 1 to 100.")
            rest["MaxResults"] = int(text)
        return self._service.checked(operation, rest, LENIENT) | times


def _answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    own = {"x-amzn-RequestId": str(uuid.uuid4())}
    return Response(msgspec.json.encode(body), status, {**own, **headers}, JSON)
