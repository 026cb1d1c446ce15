"""Cases are taken from the topic `cases` where it is ahead of the database, because that was restored from a copy."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select, update

from fraudstream.adapters.database.case_intake import AT_ONCE, payment_row
from fraudstream.adapters.database.case_rows import CLOSED, row_of
from fraudstream.adapters.database.engine import insert_new
from fraudstream.adapters.database.tables import CASE_CHANGES, CASE_PAYMENTS, CASES, LABEL_OUTBOX
from fraudstream.domain.review.case import UNDO_MS, Case, State
from fraudstream.domain.review.record import Published


def recover(connection: Connection, records: Sequence[Published]) -> int:
    """Take cases that are newer than the database's, or unknown to it; return how many.

    Closed ones come first: an entity has one open case at most. What the topic has need not be published again, and whether
    the topic `labels` has the labels of a close is known when that is read, before anything is published.
    """
    taken = 0
    newest = {each.case.id: each for each in sorted(records, key=lambda each: each.case.version)}
    versions = _versions(connection, list(newest))
    for published in sorted(newest.values(), key=lambda each: each.case.state != State.CLOSED):
        case = published.case
        if versions.get(case.id, 0) >= case.version:
            continue
        if case.state != State.CLOSED and _has_another(connection, case):
            continue  # its alerts have opened another one, while the topic was not known
        _take(connection, published, is_new=case.id not in versions)
        taken += 1
    return taken


def _versions(connection: Connection, case_ids: Sequence[str]) -> dict[str, int]:
    """Return the versions that the database has of cases; nobody else can change these until the transaction ends."""
    found: dict[str, int] = {}
    for start in range(0, len(case_ids), AT_ONCE):
        ids = case_ids[start : start + AT_ONCE]
        wanted = select(CASES.c.id, CASES.c.version).where(CASES.c.id.in_(ids)).order_by(CASES.c.id)
        wanted = wanted.with_for_update()
        found |= {row.id: row.version for row in connection.execute(wanted)}
    return found


def _take(connection: Connection, published: Published, is_new: bool) -> None:
    case = published.case
    columns = row_of(case) | {"published": case.version}
    if is_new:
        connection.execute(insert_new(connection, CASES).values(columns))
    else:
        connection.execute(update(CASES).where(CASES.c.id == case.id).values(columns))
    payments = [payment_row(each, case.id) for each in published.payments]
    if payments:
        connection.execute(insert_new(connection, CASE_PAYMENTS).on_conflict_do_nothing(), payments)
    changes = [
        {
            "case_id": case.id,
            "version": each.version,
            "at": each.at,
            "who": each.who,
            "action": msgspec.json.encode(each.action).decode(),
        }
        for each in published.changes
    ]
    if changes:
        connection.execute(insert_new(connection, CASE_CHANGES).on_conflict_do_nothing(), changes)
    labels = _labels(case, published) if case.state == State.CLOSED else []
    if labels:
        connection.execute(insert_new(connection, LABEL_OUTBOX).on_conflict_do_nothing(), labels)


def _labels(case: Case, published: Published) -> list[dict[str, object]]:
    assert case.finding is not None
    assert case.closed_at is not None
    said: dict[str, object] = {
        "known_at": case.known_at,
        "case_id": case.id,
        "fraud": case.finding.is_fraud,
        "note": case.reason,
        "ready_at": case.closed_at + UNDO_MS,
        "taken": True,
    }
    return [{"transaction_id": each.transaction_id} | said for each in published.payments]


def _has_another(connection: Connection, case: Case) -> bool:
    """Tell whether the entity has another open case."""
    same = (CASES.c.entity_kind == case.entity_kind) & (CASES.c.entity == case.entity)
    others = select(CASES.c.id).where(same, CASES.c.queue != CLOSED, CASES.c.id != case.id)
    return connection.execute(others).first() is not None
