"""Cases, what people did with them and their labels as rows of the database."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, or_, select, update

from fraudstream.adapters.database.tables import CASES
from fraudstream.domain.review.case import UNDO_MS, Case, CaseRefused, Finding, State
from fraudstream.domain.review.record import CaseChange

WAITING, ESCALATED, CLOSED = "waiting", "escalated", "closed"
QUEUES = (WAITING, ESCALATED, CLOSED)

_QUEUE = {
    State.OPEN: WAITING,
    State.SNOOZED: WAITING,
    State.ESCALATED: ESCALATED,
    State.CLOSED: CLOSED,
}
FIELDS = [CASES.c[name] for name in Case.__struct_fields__]


def row_of(case: Case) -> dict[str, Any]:
    """Return the columns of a case."""
    own = {name: getattr(case, name) for name in Case.__struct_fields__}
    return own | {
        "tags": json.dumps(case.tags, ensure_ascii=False),
        "payload": None if case.payload is None else json.dumps(case.payload, ensure_ascii=False),
        "queue": _QUEUE[case.state],
        "urgency": case.urgency,
    }


def case_of(row: Row[Any]) -> Case:
    """Return the case of a row."""
    fields = {name: row._mapping[name] for name in Case.__struct_fields__}
    return Case(
        **fields
        | {
            "state": State(fields["state"]),
            "closed_from": None if fields["closed_from"] is None else State(fields["closed_from"]),
            "finding": None if fields["finding"] is None else Finding(fields["finding"]),
            "tags": tuple(json.loads(fields["tags"])),
            "payload": None if fields["payload"] is None else json.loads(fields["payload"]),
        }
    )


def for_change(connection: Connection, case_id: str) -> Case:
    """Return a case that nobody else can change until the transaction ends; raises CaseRefused if there is none."""
    wanted = select(*FIELDS).where(CASES.c.id == case_id).with_for_update()  # SQLite has one writer anyway
    row = connection.execute(wanted).first()
    if row is None:
        raise CaseRefused(f"there is no case {case_id[:40]}")
    return case_of(row)


def store(connection: Connection, case: Case) -> None:
    """Replace a case that is there."""
    connection.execute(update(CASES).where(CASES.c.id == case.id).values(row_of(case)))


def change_row(case_id: str, change: CaseChange) -> dict[str, Any]:
    """Return the columns of what somebody did with a case."""
    return {
        "case_id": case_id,
        "version": change.version,
        "at": change.at,
        "who": change.who,
        "action": msgspec.json.encode(change.action).decode(),
    }


def label_rows(case: Case, transaction_ids: Iterable[str], *, taken: bool) -> list[dict[str, Any]]:
    """Return the labels of a closed case's payments, to be published once nobody can take the close back."""
    assert case.finding is not None
    assert case.closed_at is not None
    said = {
        "known_at": case.known_at,
        "case_id": case.id,
        "fraud": case.finding.is_fraud,
        "note": case.reason,
        "ready_at": case.closed_at + UNDO_MS,
        "taken": taken,
    }
    return [{"transaction_id": each} | said for each in transaction_ids]


def other_open(connection: Connection, case: Case) -> str | None:
    """Return the id of another case of the entity that is open; None if there is none."""
    same = (CASES.c.entity_kind == case.entity_kind) & (CASES.c.entity == case.entity)
    others = select(CASES.c.id).where(same, CASES.c.queue != CLOSED, CASES.c.id != case.id)
    return connection.execute(others).scalar()


def ready(now_ms: int) -> Any:
    """Return the condition that a case in the queue `waiting` is to be worked on now and nobody has it."""
    return and_(
        or_(CASES.c.snoozed_until.is_(None), CASES.c.snoozed_until <= now_ms),
        or_(CASES.c.claimed_until.is_(None), CASES.c.claimed_until <= now_ms),
    )
