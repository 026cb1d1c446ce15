"""GetEventPrediction: the event goes through the log, and the rules of the detector's version are asked of the answer."""

import asyncio
from dataclasses import replace

import msgspec

from fraudstream.adapters.database.resources import Resource, Resources, ResourceStore
from fraudstream.api.asking import Asker
from fraudstream.api.fraud_detector import models, rules
from fraudstream.api.fraud_detector.definitions import DETECTOR, EVENT_TYPE
from fraudstream.api.fraud_detector.detectors import (
    ACTIVE,
    version_or_active,
)
from fraudstream.api.fraud_detector.errors import ServiceError, absent, conflict, invalid, unavailable
from fraudstream.api.fraud_detector.events import record
from fraudstream.api.fraud_detector.lists import Contents
from fraudstream.api.fraud_detector.plans import Plan, plan_of
from fraudstream.api.fraud_detector.shapes import Body, arn
from fraudstream.api.metrics import ApiMetrics
from fraudstream.api.outcomes import Outcome
from fraudstream.domain.events.event_type import EventType


class Predictions:
    """Answers GetEventPrediction."""

    def __init__(
        self,
        store: ResourceStore,
        asker: Asker,
        event_type: EventType,
        metrics: ApiMetrics,
        deadline_s: float,
        contents: Contents,
    ) -> None:
        self._contents = contents
        self._store, self._asker, self._event_type = store, asker, event_type
        self._metrics, self._deadline_s = metrics, deadline_s

    async def predict(self, asked: Body) -> Body:
        """Return scores and the rules that hold; raises ServiceError. Nothing is sent if the request cannot be answered."""
        if asked.get("externalModelEndpointDataBlobs"):
            raise invalid(rules.NOT_INVOKED)
        plan = await asyncio.to_thread(self._plan, asked)
        if plan.lists:
            plan = replace(plan, contents=await self._contents.of(plan.lists))
        (outcome,) = await self._asker.ask([record(self._event_type, asked)], self._deadline_s)
        self._metrics.event(outcome.code or "decided", self._asker.in_flight)
        if outcome.decision is None:
            raise error_of(outcome)
        score = msgspec.json.decode(outcome.decision).get("insight_score")
        if score is None and plan.models:
            raise ServiceError(
                "ResourceUnavailableException",
                "the model that decides has no insight score: train it again, see docs/models.md",
            )
        return answered(plan, score)

    def _plan(self, asked: Body) -> Plan:
        with self._store.transaction(writing=False) as resources:
            return planned(resources, asked)


def planned(resources: Resources, asked: Body) -> Plan:
    """Return what an event is asked; raises ServiceError."""
    detector = resources.get(DETECTOR, asked["detectorId"])
    if detector is None:
        raise absent(f"detector {asked['detectorId']} does not exist.")
    version = _version(resources, asked)
    name = detector.document["eventTypeName"]
    event_type = resources.get(EVENT_TYPE, name)
    if asked["eventTypeName"] != name or event_type is None:
        raise invalid(f"detector {detector.name} is of events of the type {name}.")
    for entity in asked["entities"]:
        if entity["entityType"] not in event_type.document["entityTypes"]:
            raise invalid(f"events of the type {name} have no entity type {entity['entityType']}.")
    return plan_of(resources, version, name, asked["eventVariables"])


def answered(plan: Plan, score: int | None) -> Body:
    """Return the answer about an event with this score."""
    scores = {
        name.name + models.SCORE_END: None if score is None else float(score) for name, _ in plan.models
    }
    held = plan.held(scores)
    matched = [rule for rule, holds in zip(plan.rules, held, strict=True) if holds]
    return {
        "modelScores": [
            {"modelVersion": _model(model, number), "scores": {model.name + models.SCORE_END: float(score)}}
            for model, number in plan.models
            if score is not None
        ],
        "ruleResults": [{"ruleId": rule.id, "outcomes": list(rule.outcomes)} for rule in plan.told(matched)],
        "externalModelOutputs": [],
    }


def _version(resources: Resources, asked: Body) -> Resource:
    """Return the version that is named, or the active one; only an active one predicts."""
    version = version_or_active(resources, asked)
    if version.document["status"] != ACTIVE:
        raise invalid(f"version {version.version} of detector {version.name} is not active.")
    return version


def _model(model: Resource, number: str) -> Body:
    return {
        "modelId": model.name,
        "modelType": model.document["modelType"],
        "modelVersionNumber": number,
        "arn": f"{arn(model)}/{number}",
    }


def error_of(outcome: Outcome) -> ServiceError:
    """Return the error about an event without a decision; what may come later is asked for again by SDKs, which is safe."""
    match outcome.code:
        case "invalid":
            return invalid(outcome.detail)
        case "conflict":
            return conflict(outcome.detail)
        case "crowded":
            return ServiceError("ThrottlingException", outcome.detail)
    return unavailable(outcome.detail)
