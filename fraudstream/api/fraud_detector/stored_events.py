"""Events that programs send to be kept, and what they turned out to be: events of the stream, and labels of its topic."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from fraudstream.adapters.database.resources import Resource, Resources, ResourceStore
from fraudstream.api.archived import ArchivedDecisions
from fraudstream.api.asking import Asker
from fraudstream.api.fraud_detector.definitions import EVENT_TYPE, MODEL, MODEL_VERSION
from fraudstream.api.fraud_detector.deleted_events import Deleted, deleted, undelete
from fraudstream.api.fraud_detector.errors import absent, invalid, unavailable
from fraudstream.api.fraud_detector.events import record
from fraudstream.api.fraud_detector.predictions import error_of
from fraudstream.api.fraud_detector.shapes import Body, time_text
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import DECIDED_AT
from fraudstream.domain.labels import Label

FRAUD, LEGIT = "FRAUD", "LEGIT"
MEANINGS: Mapping[str, bool] = {
    "fraud": True,
    "fraudulent": True,
    "1": True,
    "legit": False,
    "legitimate": False,
    "0": False,
}
"""Of labels that no model maps."""

VALUE_LENGTH_MAX = 256
"""Of a variable in an answer."""

Publish = Callable[[Sequence[Label]], Awaitable[None]]


class StoredEvents:
    """Takes events and labels, and finds events again."""

    def __init__(
        self,
        store: ResourceStore,
        asker: Asker,
        archived: ArchivedDecisions,
        event_type: EventType,
        publish: Publish,
        deadline_s: float,
    ) -> None:
        self._store, self._asker, self._archived = store, asker, archived
        self._event_type, self._publish, self._deadline_s = event_type, publish, deadline_s

    async def send(self, asked: Body) -> Body:
        """Put an event into the log, and its label beside it; the decision about it is not answered."""
        known_at = _known_at(asked)
        fraud = await asyncio.to_thread(self._store.within, lambda found: _sent(found, asked))
        (outcome,) = await self._asker.ask([record(self._event_type, asked)], self._deadline_s)
        if outcome.decision is None:
            raise error_of(outcome)
        if fraud is not None:
            await self._publish([Label(asked["eventId"], fraud, known_at)])
        return {}

    async def label(self, asked: Body) -> Body:
        """Say what an event turned out to be."""
        fraud = await asyncio.to_thread(self._store.within, lambda found: _checked(found, asked))
        await self._publish([Label(asked["eventId"], fraud, _known_at(asked))])
        return {}

    async def found(self, asked: Body) -> Body:
        """Return an event that this process asked for, or that is archived; its label is not among it."""
        event_type, gone = await asyncio.to_thread(
            self._store.within, lambda found: _asked_of(found, asked["eventTypeName"]), writing=False
        )
        outcome = self._asker.known(asked["eventId"]) or await self._archived.find(asked["eventId"])
        if outcome.code == "unavailable":
            raise unavailable(outcome.detail)
        decision = None if outcome.decision is None else msgspec.json.decode(outcome.decision)
        if event_type is None or decision is None or gone.has(asked["eventId"], decision[DECIDED_AT.name]):
            raise absent(f"event {asked['eventId']} of the type {asked['eventTypeName']} is not known.")
        return {
            "event": {
                "eventId": decision["transaction_id"],
                "eventTypeName": event_type.name,
                "eventTimestamp": time_text(decision["event_time"]),
                "eventVariables": variables_of(
                    decision, self._event_type, event_type.document["eventVariables"]
                ),
                "entities": entities_of(decision, event_type.document["entityTypes"]),
            }
        }


def variables_of(decision: Mapping[str, Any], event_type: EventType, names: Sequence[str]) -> dict[str, str]:
    """Return what a decision has of a program's variables; the number of a card it does not have."""
    ours = {each.field: each.name for each in event_type.variables}
    values = dict(decision["variables"]) | {
        name: decision["variables"].get(own) for name, own in ours.items()
    }
    values |= {event_type.amount: decision["amount"]}
    if event_type.id is not None:
        values[event_type.id] = decision["transaction_id"]
    found = {name: _text(values[name]) for name in names if values.get(name) is not None}
    return {name: text for name, text in found.items() if text}


def entities_of(decision: Mapping[str, Any], types: Sequence[str]) -> list[Body]:
    """Return the entity of a decision, by its token."""
    if decision.get("card") is None:
        return []
    return [{"entityType": types[0], "entityId": decision["card"]}]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:VALUE_LENGTH_MAX]


def _sent(resources: Resources, asked: Body) -> bool | None:
    """Check an event that is sent, as `_checked` does; one that was deleted is stored again."""
    fraud = _checked(resources, asked)
    undelete(resources, asked["eventTypeName"], asked["eventId"])
    return fraud


def _asked_of(resources: Resources, event_type: str) -> tuple[Resource | None, Deleted]:
    return resources.get(EVENT_TYPE, event_type), deleted(resources, event_type)


def _checked(resources: Resources, asked: Body) -> bool | None:
    """Check that event type and label are known; return whether the label means fraud, None if there is none."""
    event_type = resources.get(EVENT_TYPE, asked["eventTypeName"])
    if event_type is None:
        raise absent(f"event type {asked['eventTypeName']} does not exist.")
    label = asked.get("assignedLabel")
    if label is None:
        return None
    if label not in event_type.document.get("labels", []):
        raise absent(f"event type {event_type.name} has no label {label}.")
    meaning = meaning_of(resources, event_type.name, label)
    if meaning is None:
        raise invalid(
            f"whether label {label} means fraud is not known: call it fraud or legit, or train a model with it in its labelMapper."
        )
    return meaning


def meaning_of(resources: Resources, event_type: str, label: str) -> bool | None:
    """Return what the labelMapper of the newest model says that knows a label, else what its name says."""
    models = {each.name for each in resources.all(MODEL) if each.document["eventTypeName"] == event_type}
    for version in sorted(resources.all(MODEL_VERSION), key=lambda each: -each.created_at):
        schema = version.document["trainingDataSchema"].get("labelSchema") or {}
        mapper = schema.get("labelMapper") or {}
        for meaning, fraud in ((FRAUD, True), (LEGIT, False)):
            if version.name in models and label in mapper.get(meaning, ()):
                return fraud
    return MEANINGS.get(label.lower())


def _known_at(asked: Body) -> int:
    """Return when a label became known, epoch ms; raises ServiceError."""
    now_ms = time.time_ns() // 1_000_000
    text = asked.get("labelTimestamp")
    if text is None:
        return now_ms
    at = epoch_ms(text, "labelTimestamp")
    if at > now_ms:
        raise invalid("labelTimestamp is in the future.")
    return at


def epoch_ms(text: str, name: str) -> int:
    """Read a time as programs write it; raises ServiceError."""
    try:
        at = datetime.fromisoformat(text)
        return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError, OSError) as error:
        raise invalid(f"{name} is not a time: write it as 2026-11-27T08:00:00Z.") from error
