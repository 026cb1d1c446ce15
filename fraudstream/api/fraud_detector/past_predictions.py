"""ListEventPredictions and GetEventPredictionMetadata: what the archive has of predictions, and why they were so.

Every archived decision counts as a prediction by the detector version that was ACTIVE when it was made.
"""

import asyncio
import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec

from fraudstream.adapters.archive.filters import Filter
from fraudstream.adapters.archive.search import ArchiveQuery, Position
from fraudstream.adapters.database.resources import Resource, Resources, ResourceStore
from fraudstream.api.archived import ArchivedDecisions
from fraudstream.api.fraud_detector.definitions import DETECTOR, DETECTOR_VERSION, EVENT_TYPE
from fraudstream.api.fraud_detector.deleted_events import Deleted, deleted
from fraudstream.api.fraud_detector.detectors import ACTIVE, MODE, status_at, version_named
from fraudstream.api.fraud_detector.errors import absent, invalid, unavailable
from fraudstream.api.fraud_detector.explaining import Explanations
from fraudstream.api.fraud_detector.lists import Contents
from fraudstream.api.fraud_detector.plans import Plan, plan_of
from fraudstream.api.fraud_detector.service import PER_PAGE
from fraudstream.api.fraud_detector.shapes import Body, time_text
from fraudstream.api.fraud_detector.stored_events import entities_of, epoch_ms, variables_of
from fraudstream.domain.detectorpl.condition import Value, with_values
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import DECIDED_AT

ALIKE_MAX = 20
"""Decisions about one event that are looked at: a worker that was killed decides some again."""


class Judge(NamedTuple):
    """A version of a detector, and the event type that its detector judges."""

    version: Resource
    event_type: str
    gone: Deleted
    """What of this type is deleted."""


class Question(NamedTuple):
    """What is asked of a decision, as it is defined now."""

    version: Resource
    event_type: Resource
    given: Mapping[str, str]
    """Values of variables that the decision has."""
    plan: Plan


class PastPredictions:
    """Looks into the archive."""

    def __init__(
        self,
        store: ResourceStore,
        archived: ArchivedDecisions,
        explanations: Explanations,
        event_type: EventType,
        contents: Contents,
    ) -> None:
        self._contents = contents
        self._store, self._archived = store, archived
        self._explanations, self._event_type = explanations, event_type

    async def listed(self, asked: Body) -> Body:
        """Return a page of predictions, the newest events first."""
        wanted = {
            name: asked[name]["value"]
            for name in ("eventId", "eventType", "detectorId", "detectorVersionId")
            if "value" in asked.get(name, {})
        }
        judges = await asyncio.to_thread(
            self._store.within, lambda found: _judges(found, wanted), writing=False
        )
        query = ArchiveQuery(
            wanted.get("eventId"),
            filters=_made_within(asked.get("predictionTimeRange")),
            limit=asked[PER_PAGE],
            before=_position(asked.get("nextToken")),
        )
        rows = await self._rows(query)
        told = [each for row in rows for each in _summaries(row, judges)]
        answer: Body = {"eventPredictionSummaries": told}
        if len(rows) == query.limit:
            answer["nextToken"] = base64.urlsafe_b64encode(
                msgspec.json.encode(Position.of(rows[-1]))
            ).decode()
        return answer

    async def explained(self, asked: Body) -> Body:
        """Return one prediction: values, rules, outcomes, scores and what moved them."""
        made_at = epoch_ms(asked["predictionTimestamp"], "predictionTimestamp")
        rows = await self._rows(ArchiveQuery(asked["eventId"], limit=ALIKE_MAX))
        row = next((each for each in rows if each[DECIDED_AT.name] == made_at), None)
        if row is None:
            raise absent(
                f"no prediction of event {asked['eventId']} was made then, or it is not archived yet."
            )
        decision = self._archived.decision(row)
        question = await asyncio.to_thread(
            self._store.within, lambda found: self._question(found, asked, decision), writing=False
        )
        plan = replace(question.plan, contents=await self._contents.of(question.plan.lists))
        told = await asyncio.to_thread(_told, decision, question._replace(plan=plan))
        explanation = await asyncio.to_thread(self._explanations.of, row)
        for model in told["evaluatedModelVersions"]:
            if explanation is not None:
                model["evaluations"][0]["predictionExplanations"] = explanation
        return told

    async def _rows(self, query: ArchiveQuery) -> list[dict[str, Any]]:
        try:
            return await self._archived.rows(query)
        except TimeoutError as error:
            raise unavailable("the archive could not be searched in time; ask again") from error

    def _question(self, resources: Resources, asked: Body, decision: Mapping[str, Any]) -> Question:
        version, event_type = version_named(resources, asked), _event_type(resources, asked)
        if decision["transaction_id"] in deleted(resources, event_type.name).history:
            raise absent(f"event {decision['transaction_id']} and its predictions are deleted.")
        given = variables_of(decision, self._event_type, event_type.document["eventVariables"])
        return Question(version, event_type, given, plan_of(resources, version, event_type.name, given))


def _told(decision: Mapping[str, Any], question: Question) -> Body:
    version, event_type, given, plan = question
    score = decision.get("insight_score")
    values = {
        **plan.values,
        **{name: None if score is None else float(score) for name in plan.score_names},
    }
    judged, outcomes = _rules_told(plan, values)
    return {
        "eventId": decision["transaction_id"],
        "eventTypeName": event_type.name,
        **_entity(decision, event_type.document["entityTypes"]),
        "eventTimestamp": time_text(decision["event_time"]),
        "detectorId": version.name,
        "detectorVersionId": str(version.version),
        "detectorVersionStatus": version.document["status"],
        "eventVariables": [{"name": name, "value": text, "source": "EVENT"} for name, text in given.items()],
        "rules": judged,
        "ruleExecutionMode": version.document[MODE],
        "outcomes": outcomes,
        "evaluatedModelVersions": _models(plan, score),
        "evaluatedExternalModels": [],
        "predictionTimestamp": time_text(decision[DECIDED_AT.name]),
    }


def _event_type(resources: Resources, asked: Body) -> Resource:
    event_type = resources.get(EVENT_TYPE, asked["eventTypeName"])
    if event_type is None:
        raise absent(f"event type {asked['eventTypeName']} does not exist.")
    return event_type


def _rules_told(plan: Plan, values: Mapping[str, Value]) -> tuple[list[Body], list[str]]:
    """Return the rules with what each said, and the outcomes of those that are answered."""
    held = plan.held(values)
    matched = plan.told([rule for rule, holds in zip(plan.rules, held, strict=True) if holds])
    told: list[Body] = []
    for rule, holds in zip(plan.rules, held, strict=True):
        evaluated = not (plan.first_matched and any(each["matched"] for each in told))
        told.append(
            {
                "ruleId": rule.id,
                "ruleVersion": rule.version,
                "expression": rule.condition.text,
                "expressionWithValues": with_values(rule.condition.text, values),
                "outcomes": list(rule.outcomes),
                "evaluated": evaluated,
                "matched": evaluated and holds,
            }
        )
    return told, list(dict.fromkeys(name for rule in matched for name in rule.outcomes))


def _models(plan: Plan, score: int | None) -> list[Body]:
    return [
        {
            "modelId": model.name,
            "modelVersion": number,
            "modelType": model.document["modelType"],
            "evaluations": [{"outputVariableName": name, "evaluationScore": str(float(score))}],
        }
        for (model, number), name in zip(plan.models, plan.score_names, strict=True)
        if score is not None
    ]


def _entity(decision: Mapping[str, Any], types: Sequence[str]) -> Body:
    return next(iter(entities_of(decision, types)), {})


def _judges(resources: Resources, wanted: Mapping[str, str]) -> list[Judge]:
    """Return the versions of detectors that a request is about."""
    detectors = {each.name: each.document["eventTypeName"] for each in resources.all(DETECTOR)}
    gone = {name: deleted(resources, name) for name in set(detectors.values())}
    return [
        Judge(each, detectors[each.name], gone[detectors[each.name]])
        for each in resources.all(DETECTOR_VERSION)
        if each.name in detectors
        and wanted.get("detectorId", each.name) == each.name
        and wanted.get("detectorVersionId", str(each.version)) == str(each.version)
        and wanted.get("eventType", detectors[each.name]) == detectors[each.name]
    ]


def _summaries(row: Mapping[str, Any], judges: Sequence[Judge]) -> Iterator[Body]:
    made_at: int = row[DECIDED_AT.name]
    for version, event_type, gone in judges:
        if status_at(version, made_at) == ACTIVE and row["transaction_id"] not in gone.history:
            yield {
                "eventId": row["transaction_id"],
                "eventTypeName": event_type,
                "eventTimestamp": time_text(row["event_time"]),
                "predictionTimestamp": time_text(made_at),
                "detectorId": version.name,
                "detectorVersionId": str(version.version),
            }


def _made_within(window: Mapping[str, str] | None) -> tuple[Filter, ...]:
    if window is None:
        return ()
    first, last = (epoch_ms(window[name], name) for name in ("startTime", "endTime"))
    return (Filter(DECIDED_AT.name, ">=", str(first)), Filter(DECIDED_AT.name, "<=", str(last)))


def _position(token: str | None) -> Position | None:
    if not token:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(token), type=Position)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise invalid("the nextToken is not one that was given here") from error
