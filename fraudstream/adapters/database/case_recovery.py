"""Cases are taken from the topic `cases` where it is ahead of the database, because that is new or was restored from a copy."""

import time
from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from fraudstream.adapters.database.case_intake import open_cases, payment_row, portions, replace_all
from fraudstream.adapters.database.case_rows import change_row, label_rows, row_of
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.engine import insert_new
from fraudstream.adapters.database.tables import CASE_CHANGES, CASE_PAYMENTS, CASES, LABEL_OUTBOX
from fraudstream.domain.review.case import State
from fraudstream.domain.review.record import Published

PAUSE_S = 0.02
"""Between two transactions: SQLite does not queue writers, so others write only if they ask while nobody does."""


def recover(store: CaseStore, records: Sequence[Published]) -> int:
    """Take cases that are newer than the database's, or unknown to it; return how many.

    Closed ones come first: an entity has one open case at most. What the topic has need not be published again, and whether
    the topic `labels` has the labels of a close is known when that is read, before anything is published. There may be
    hundreds of thousands of cases: each transaction takes some, and what an earlier run has taken is passed over.
    """
    newest = {each.case.id: each for each in sorted(records, key=lambda each: each.case.version)}
    closed = [each for each in newest.values() if each.case.state == State.CLOSED]
    others = [each for each in newest.values() if each.case.state != State.CLOSED]
    taken = 0
    for some in (*portions(closed), *portions(others)):
        with store.transaction() as cases:
            taken += _take(cases.connection, some)
        time.sleep(PAUSE_S)
    return taken


def _take(connection: Connection, some: Sequence[Published]) -> int:
    versions = _versions(connection, [each.case.id for each in some])
    newer = [each for each in some if each.case.version > versions.get(each.case.id, 0)]
    newer = _with_one_open_case(connection, newer)
    rows = [row_of(each.case) | {"published": each.case.version} for each in newer]
    new = [row for row in rows if row["id"] not in versions]
    if new:
        connection.execute(insert(CASES), new)
    replace_all(connection, [row for row in rows if row["id"] in versions])
    payments = [payment_row(payment, each.case.id) for each in newer for payment in each.payments]
    changes = [change_row(each.case.id, change) for each in newer for change in each.changes]
    labels = [
        row
        for each in newer
        if each.case.state == State.CLOSED
        for row in label_rows(each.case, (payment.transaction_id for payment in each.payments), taken=True)
    ]
    for table, made in ((CASE_PAYMENTS, payments), (CASE_CHANGES, changes), (LABEL_OUTBOX, labels)):
        if made:
            connection.execute(insert_new(connection, table).on_conflict_do_nothing(), made)
    return len(newer)


def _versions(connection: Connection, case_ids: Sequence[str]) -> dict[str, int]:
    """Return the versions that the database has of cases; nobody else can change these until the transaction ends."""
    wanted = select(CASES.c.id, CASES.c.version).where(CASES.c.id.in_(case_ids)).order_by(CASES.c.id)
    return {row.id: row.version for row in connection.execute(wanted.with_for_update())}


def _with_one_open_case(connection: Connection, some: Sequence[Published]) -> list[Published]:
    """Return the cases without those whose entity has another open one: alerts have opened it while the topic was not known."""
    unclosed = [each.case for each in some if each.case.state != State.CLOSED]
    first = open_cases(connection, {(case.entity_kind, case.entity) for case in unclosed})
    for case in unclosed:
        first.setdefault((case.entity_kind, case.entity), case)
    second = {case.id for case in unclosed if first[case.entity_kind, case.entity].id != case.id}
    return [each for each in some if each.case.id not in second]
