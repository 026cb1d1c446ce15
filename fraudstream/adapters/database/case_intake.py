"""Payments that are to be reviewed open cases, or join the open case of their entity, each once; and what labels say of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, delete, insert, select, tuple_, update

from fraudstream.adapters.database.case_rows import CLOSED, FIELDS, case_of, row_of
from fraudstream.adapters.database.tables import CASE_LABELS, CASE_PAYMENTS, CASES, LABEL_OUTBOX
from fraudstream.domain.labels import Label
from fraudstream.domain.review.case import Case
from fraudstream.domain.review.intake import Incoming, Reviewed, joined, opened

AT_ONCE = 400
"""How many rows one question names: SQLite and PostgreSQL limit the number of values."""

Entity = tuple[str, str]
"""Its kind and the entity itself."""
T = TypeVar("T")


def take_payments(connection: Connection, incoming: Sequence[Incoming], now_ms: int, due_ms: int) -> int:
    """Let payments open or join cases, in their order; return how many did. Payments that have a case are passed over."""
    fresh = {each.payment.transaction_id: each for each in reversed(incoming)}
    for transaction_id in known(connection, list(fresh)):
        _complete(connection, fresh.pop(transaction_id).payment)
    cases = open_cases(connection, {(each.entity_kind, each.entity) for each in fresh.values()})
    before = {case.id for case in cases.values()}
    changed: dict[str, Case] = {}
    rows = []
    for each in reversed(fresh.values()):
        entity = each.entity_kind, each.entity
        there = cases.get(entity)
        case = opened(each, now_ms, due_ms) if there is None else joined(there, each.payment, now_ms)
        cases[entity] = changed[case.id] = case
        rows.append(payment_row(each.payment, case.id))
    new = [row_of(case) | {"published": 0} for case in changed.values() if case.id not in before]
    if new:
        connection.execute(insert(CASES), new)
    replace_all(connection, [row_of(case) for case in changed.values() if case.id in before])
    if rows:
        connection.execute(insert(CASE_PAYMENTS), rows)
    return len(rows)


def take_labels(connection: Connection, labels: Sequence[Label]) -> int:
    """Keep what labels say of payments of cases; return how many are of such payments.

    A label of a review is one of ours, so the topic has it, and it need not be published again.
    """
    ours = set(known(connection, [label.transaction_id for label in labels]))
    kept = {
        (label.transaction_id, label.source, label.known_at): label
        for label in labels
        if label.transaction_id in ours
    }
    for keys in portions(list(kept)):
        columns = CASE_LABELS.c.transaction_id, CASE_LABELS.c.source, CASE_LABELS.c.known_at
        connection.execute(delete(CASE_LABELS).where(tuple_(*columns).in_(keys)))
    if kept:
        connection.execute(
            insert(CASE_LABELS),
            [
                {
                    "transaction_id": label.transaction_id,
                    "source": label.source,
                    "known_at": label.known_at,
                    "fraud": label.fraud,
                    "note": label.note,
                }
                for label in kept.values()
            ],
        )
    forget_labels(connection, [(each, known_at) for each, source, known_at in kept if source == "review"])
    return len(kept)


def forget_labels(connection: Connection, sent: Sequence[tuple[str, int]]) -> None:
    """Remove labels that the topic has, by transaction id and time, from those to be published."""
    for keys in portions(sent):
        columns = LABEL_OUTBOX.c.transaction_id, LABEL_OUTBOX.c.known_at
        connection.execute(delete(LABEL_OUTBOX).where(tuple_(*columns).in_(keys)))


def known(connection: Connection, transaction_ids: Sequence[str]) -> Iterator[str]:
    """Yield those of these payments that are in a case."""
    for some in portions(transaction_ids):
        column = CASE_PAYMENTS.c.transaction_id
        yield from connection.execute(select(column).where(column.in_(some))).scalars()


def payment_row(payment: Reviewed, case_id: str) -> dict[str, Any]:
    """Return the columns of a case's payment."""
    own = {name: getattr(payment, name) for name in Reviewed.__struct_fields__}
    return own | {"case_id": case_id}


def replace_all(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace cases that are there by these rows."""
    if not rows:
        return
    statement = update(CASES).where(CASES.c.id == bindparam("own_id"))
    connection.execute(statement, [{**row, "own_id": row["id"]} for row in rows])


def _complete(connection: Connection, payment: Reviewed) -> None:
    """Add the decision to a payment that was restored without it."""
    own = (CASE_PAYMENTS.c.transaction_id == payment.transaction_id) & CASE_PAYMENTS.c.decision.is_(None)
    connection.execute(update(CASE_PAYMENTS).where(own).values(decision=payment.decision))


def open_cases(connection: Connection, entities: set[Entity]) -> dict[Entity, Case]:
    """Return the open cases of entities; nobody else can change them until the transaction ends."""
    found = {}
    for some in portions(sorted(entities)):
        named = tuple_(CASES.c.entity_kind, CASES.c.entity).in_(some)
        wanted = select(*FIELDS).where(named, CASES.c.queue != CLOSED).order_by(CASES.c.id).with_for_update()
        for row in connection.execute(wanted):
            case = case_of(row)
            found[case.entity_kind, case.entity] = case
    return found


def portions(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield what one question can name at a time."""
    for start in range(0, len(things), AT_ONCE):
        yield things[start : start + AT_ONCE]
