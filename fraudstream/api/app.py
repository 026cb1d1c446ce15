"""The application: what it needs while it runs, its routes, and how errors become answers."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from fraudstream import topics
from fraudstream.adapters.database.api_keys import ApiKeys
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.kafka.asking import EventLog
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.lists.topic import read, write
from fraudstream.adapters.lists.values import Values, values_of_list
from fraudstream.adapters.weekly.stores import weekly_store
from fraudstream.api import labels, lists, predictions, scoring
from fraudstream.api.access import Access, NotAllowed, TooMany
from fraudstream.api.archived import ArchivedDecisions
from fraudstream.api.asking import Asker
from fraudstream.api.direct import Direct
from fraudstream.api.door import Refusal, door, failed
from fraudstream.api.metrics import ApiMetrics
from fraudstream.api.schemas import ERROR, JSON, SECURITY
from fraudstream.domain.errors import FraudstreamError, SetupError
from fraudstream.domain.events.parser import Parser, entity_index
from fraudstream.domain.labels import Label
from fraudstream.domain.lists.entries import Change, Kind
from fraudstream.predict.what_if import WhatIf
from fraudstream.predict.what_if_detectors import WhatIfDetectors
from fraudstream.settings import Settings
from fraudstream.traffic.label_file import send_labels

if TYPE_CHECKING:
    from fraudstream.api.fraud_detector.building import Built

logger = logging.getLogger(__name__)

Answering = Callable[[], Awaitable[Response]]

MESSAGES = {
    404: "there is no such address; see /docs",
    405: "this address does not take this method; see /docs",
}


class Api:
    """Everything a process of the API has; `app` is what a server runs."""

    def __init__(self, settings: Settings, engine: Engine | None) -> None:
        """`engine`: of the database; None if requests need no keys and nothing else asks for it. Raises SetupError."""
        self.event_type = event_type_named(settings.event_type)
        if not self.event_type.wire.is_plain:
            raise SetupError(
                f"events of the type {self.event_type.name} are not plain JSON, and the API takes plain JSON only; "
                "use a copy of the event type without [format] and [envelope]"
            )
        self._settings = settings
        self._kafka = Kafka.of(settings)
        replies = secrets.randbelow(settings.partitions)
        entities = entity_index(self.event_type, settings.tokenizer(), settings.partitions)
        parser = Parser(self.event_type, entities, settings.future_tolerance_s * 1000)
        self.asker = Asker(parser, settings.partitions, replies, settings.api_in_flight_max)
        self._log = EventLog(
            self._kafka,
            f"{settings.app_id}-api",
            settings.topic(topics.TRANSACTIONS.name),
            TopicPartition(settings.topic(topics.REPLIES.name), replies),
            self.asker.heard,
        )
        self.asker.log = self._log
        self._publisher = Publisher(self._kafka, f"{settings.app_id}-api-labels", patience_s=10.0)
        self._publishing = asyncio.Lock()
        self.metrics = ApiMetrics()
        access = Access(None if engine is None or settings.api_without_keys else ApiKeys(engine))
        fastapi = FastAPI(
            title="fraudstream",
            version=version("fraudstream"),
            description=f"Decisions about events of the type `{self.event_type.name}`.",
            lifespan=self._running,
            redoc_url=None,
        )
        self._weekly = weekly_store(settings)
        what_if = WhatIf(parser, self.event_type, settings.lateness_horizon_s * 1000, self._weekly)
        fastapi.include_router(scoring.routes(what_if, WhatIfDetectors(settings, self.event_type), access))
        archived = ArchivedDecisions(settings.archive_place, self.event_type)
        asking = predictions.routes(self.asker, access, archived, self.metrics, settings.api_deadline_ms)
        fastapi.include_router(asking)
        if self.event_type.id is not None:
            fastapi.include_router(labels.routes(self.publish, access))
        self._detector = (
            self._fraud_detector(engine, access, archived)
            if settings.api_fraud_detector and engine is not None
            else None
        )
        if self._detector is not None:
            fastapi.include_router(self._detector.router)
        known = lists.KnownLists(self._list_kinds)
        fastapi.include_router(lists.routes(self.publish_lists, known, self._values, access))
        _add_operation(fastapi, self.health, self.exposition)
        _handle_errors(fastapi)
        hot = [asking] if self._detector is None else [asking, self._detector.router]
        self.app: ASGIApp = door(Direct(fastapi, *hot), self.metrics)

    def _fraud_detector(self, engine: Engine, access: Access, archived: ArchivedDecisions) -> "Built":
        from fraudstream.api.fraud_detector.building import built

        publish, settings = (self.publish, self.publish_lists), self._settings
        asking = (self.asker, self.event_type, self.metrics)
        return built(settings, engine, access, *asking, *publish, archived)

    async def publish(self, said: Sequence[Label]) -> None:
        """Publish labels and wait until the brokers have them; raises FraudstreamError."""
        async with self._publishing:
            await send_labels(self._publisher, self._settings, said)

    async def publish_lists(self, changes: Sequence[Change]) -> None:
        """Publish changes of lists and wait until the brokers have them; raises FraudstreamError."""
        async with self._publishing:
            async for _ in write(self._publisher, self._settings, changes):
                pass

    async def _list_kinds(self) -> dict[str, Kind]:
        found = await read(self._settings)
        return {name: listing.kind for name, listing in found.listings.items()}

    def _values(self, kind: Kind, name: str) -> Values:
        entity = self.event_type.entity
        return values_of_list(kind, name, entity.kind if entity else None, self._settings.tokenizer())

    async def health(self) -> Response:
        """Return 200 if events can be asked for, 503 if not."""
        if self._log.problem:
            return failed(503, "unavailable", f"replies cannot be read: {self._log.problem}")
        return Response(b'{"status":"ok"}', media_type="application/json")

    async def exposition(self) -> Response:
        """Return the metrics of this process."""
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    @asynccontextmanager
    async def _running(self, _app: FastAPI) -> AsyncIterator[None]:
        await ensure_topics(self._settings)
        await self._log.start()
        await self._publisher.start()
        await self._weekly.connect()
        logger.info("asks for decisions about %s", self.event_type.name)
        beside = (
            []
            if self._detector is None
            else [self._detector.settling.run(), self._detector.lists.run_again()]
        )
        tasks = [asyncio.create_task(each) for each in beside]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._detector is not None:
                await self._detector.work.stop()
            await self._weekly.close()
            await self._publisher.stop()
            await self._log.stop()


def _add_operation(app: FastAPI, health: Answering, exposition: Answering) -> None:
    """Add what whoever operates it asks, without a key, and say how a key is sent to the others."""
    well = {"type": "object", "properties": {"status": {"const": "ok"}}, "required": ["status"]}
    said: dict[int | str, dict[str, Any]] = {
        200: {"description": "It can", "content": {JSON: {"schema": well}}},
        503: {"description": "It cannot", "content": {JSON: {"schema": ERROR}}},
    }
    text: dict[int | str, dict[str, Any]] = {
        200: {"description": "Metrics", "content": {"text/plain": {"schema": {"type": "string"}}}}
    }
    app.add_api_route(
        "/health", health, tags=["operation"], summary="Whether it can do its work", responses=said
    )
    app.add_api_route(
        "/metrics",
        exposition,
        tags=["operation"],
        summary="For Prometheus",
        responses=text,
        response_class=PlainTextResponse,
    )
    document = app.openapi()
    document.setdefault("components", {})["securitySchemes"] = SECURITY


def _handle_errors(app: FastAPI) -> None:
    """Let every error be answered in the same form."""

    @app.exception_handler(Refusal)
    async def refused(_request: Request, error: Refusal) -> Response:
        return failed(error.status, error.code, error.detail)

    @app.exception_handler(NotAllowed)
    async def not_allowed(_request: Request, error: NotAllowed) -> Response:
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
        return failed(
            error.status, "unauthorized" if error.status == 401 else "forbidden", str(error), **headers
        )

    @app.exception_handler(TooMany)
    async def too_many(_request: Request, error: TooMany) -> Response:
        return failed(429, "rate-limit", str(error), **{"Retry-After": str(error.retry_after_s)})

    @app.exception_handler(FraudstreamError)
    async def unavailable(_request: Request, error: FraudstreamError) -> Response:
        logger.warning("%s", error)
        return failed(503, "unavailable", "this cannot be done now; try again", **{"Retry-After": "1"})

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        return failed(422, "invalid", "; ".join(each["msg"] for each in error.errors()))

    @app.exception_handler(HTTPException)
    async def other(_request: Request, error: HTTPException) -> Response:
        detail = MESSAGES.get(error.status_code, str(error.detail))
        return failed(error.status_code, "not-found" if error.status_code == 404 else "refused", detail)
