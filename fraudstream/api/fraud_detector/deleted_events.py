"""Events that a program deleted: this door does not answer or train on them any more.

The decision about an event is not the program's alone: it stands in topics, windows, archive and cases. So a mark says that the event
is deleted, and whoever reads events for a program asks for marks first.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from fraudstream.adapters.database.resources import Resources
from fraudstream.api.fraud_detector.batch_jobs import IMPORT, WORDS
from fraudstream.api.fraud_detector.definitions import EVENT_TYPE
from fraudstream.api.fraud_detector.errors import absent, conflict, invalid
from fraudstream.api.fraud_detector.shapes import Body, Operation
from fraudstream.api.fraud_detector.work import now
from fraudstream.domain.features.schema import DECIDED_AT, TRANSACTION_ID

EVENT, ALL_EVENTS = "deleted-event", "deleted-events"
"""Kinds of marks: of one event, and of all of a type that were decided until then."""
HISTORY, UNTIL = "history", "until"
COMPLETE = "COMPLETE"


@dataclass(frozen=True, slots=True)
class Deleted:
    """What is deleted of an event type."""

    events: frozenset[str] = frozenset()
    until_ms: int = 0
    """All that were decided until then."""
    history: frozenset[str] = frozenset()
    """Those whose predictions are deleted, too."""

    def __bool__(self) -> bool:
        return bool(self.events or self.until_ms)

    def has(self, event: str, decided_at: int) -> bool:
        """Tell whether an event is deleted."""
        return event in self.events or decided_at <= self.until_ms

    @property
    def is_kept(self) -> pl.Expr:
        """Which rows of an archive's file are not."""
        by_id = pl.col(TRANSACTION_ID.name).is_in(sorted(self.events))
        return ~by_id & (pl.col(DECIDED_AT.name) > self.until_ms)


def deleted(resources: Resources, event_type: str) -> Deleted:
    """Return what is deleted of an event type."""
    marks = {each.name.partition("/")[2]: each.document for each in resources.all(EVENT, event_type)}
    every = resources.get(ALL_EVENTS, event_type)
    return Deleted(
        frozenset(marks),
        0 if every is None else every.document[UNTIL],
        frozenset(name for name, mark in marks.items() if mark[HISTORY]),
    )


def undelete(resources: Resources, event_type: str, event: str) -> None:
    """Take the mark of an event back: it is stored again."""
    resources.delete(EVENT, f"{event_type}/{event}")


def delete_one(resources: Resources, asked: Body) -> Body:
    """Mark an event, whether it is known or not; with its predictions, if that was said once."""
    name = asked["eventTypeName"]
    if resources.get(EVENT_TYPE, name) is None:
        raise invalid(f"event type {name} does not exist.")
    mark = f"{name}/{asked['eventId']}"
    before = resources.get(EVENT, mark)
    history = asked.get("deleteAuditHistory", False) or (before is not None and before.document[HISTORY])
    resources.put(EVENT, mark, {HISTORY: history})
    return {}


def delete_all(resources: Resources, asked: Body) -> Body:
    """Mark all events of a type that were decided until now."""
    name = asked["eventTypeName"]
    if resources.get(EVENT_TYPE, name) is None:
        raise absent(f"event type {name} does not exist.")
    for job in resources.all(IMPORT.kind):
        if job.document["eventTypeName"] == name and now(job, WORDS).document["status"] in WORDS.going:
            raise conflict(f"events of the type {name} cannot be deleted: job {job.name} imports some.")
    resources.put(ALL_EVENTS, name, {UNTIL: time.time_ns() // 1_000_000})
    return _status(name)


def status(resources: Resources, asked: Body) -> Body:
    """Return that all are deleted, which needs no time."""
    name = asked["eventTypeName"]
    if resources.get(ALL_EVENTS, name) is None:
        raise absent(f"events of the type {name} were not deleted.")
    return _status(name)


def _status(event_type: str) -> Body:
    return {"eventTypeName": event_type, "eventsDeletionStatus": COMPLETE}


OPERATIONS: Mapping[str, Operation] = {
    "DeleteEvent": delete_one,
    "DeleteEventsByEventType": delete_all,
    "GetDeleteEventsByEventTypeStatus": status,
}
