"""Cases are taken from the topic `cases` where it is ahead of the database, because that was restored from a copy."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select, update

from fraudstream.adapters.database.case_intake import payment_row, portions
from fraudstream.adapters.database.case_rows import change_row, label_rows, other_open, row_of
from fraudstream.adapters.database.engine import insert_new
from fraudstream.adapters.database.tables import CASE_CHANGES, CASE_PAYMENTS, CASES, LABEL_OUTBOX
from fraudstream.domain.review.case import State
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
        if case.state != State.CLOSED and other_open(connection, case):
            continue  # its alerts have opened another one, while the topic was not known
        _take(connection, published, is_new=case.id not in versions)
        taken += 1
    return taken


def _versions(connection: Connection, case_ids: Sequence[str]) -> dict[str, int]:
    """Return the versions that the database has of cases; nobody else can change these until the transaction ends."""
    found: dict[str, int] = {}
    for ids in portions(case_ids):
        wanted = select(CASES.c.id, CASES.c.version).where(CASES.c.id.in_(ids)).order_by(CASES.c.id)
        wanted = wanted.with_for_update()
        found |= {row.id: row.version for row in connection.execute(wanted)}
    return found


def _take(connection: Connection, published: Published, is_new: bool) -> None:
    case = published.case
    columns = row_of(case) | {"published": case.version}
    if is_new:
        connection.execute(insert(CASES).values(columns))
    else:
        connection.execute(update(CASES).where(CASES.c.id == case.id).values(columns))
    payments = [payment_row(each, case.id) for each in published.payments]
    if payments:
        connection.execute(insert_new(connection, CASE_PAYMENTS).on_conflict_do_nothing(), payments)
    changes = [change_row(case.id, each) for each in published.changes]
    if changes:
        connection.execute(insert_new(connection, CASE_CHANGES).on_conflict_do_nothing(), changes)
    labels = []
    if case.state == State.CLOSED:
        labels = label_rows(case, (each.transaction_id for each in published.payments), taken=True)
    if labels:
        connection.execute(insert_new(connection, LABEL_OUTBOX).on_conflict_do_nothing(), labels)
