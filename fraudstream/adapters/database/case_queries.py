"""What is asked about cases: the queue, one case with everything about it, numbers."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    SelectBase,
    and_,
    func,
    literal_column,
    or_,
    select,
    union,
)

from fraudstream.adapters.database.case_rows import FIELDS, case_of, ready
from fraudstream.adapters.database.tables import CASE_CHANGES, CASE_LABELS, CASE_PAYMENTS, CASES
from fraudstream.domain.labels import Label
from fraudstream.domain.review.actions import Action
from fraudstream.domain.review.case import Case, CaseRefused
from fraudstream.domain.review.intake import Reviewed
from fraudstream.domain.review.record import CaseChange, Published

Queue = Literal["waiting", "escalated", "closed"]
Order = Literal["urgency", "due", "closed"]

FEW = 2_000
"""Cases that are looked up one by one rather than in the order of a view."""

_action = msgspec.json.Decoder(Action)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Which cases, and in which order; everything that is given has to hold."""

    queue: Queue = "waiting"
    order: Order = "urgency"
    ready: bool = False
    """Only what can be worked on now: neither claimed nor snoozed."""
    assignee: str | None = None
    claimed_by: str | None = None
    whose: str | None = None
    """Claimed by this person, or assigned to them."""
    snoozed: bool = False
    """Only what is put off until a time to come."""
    origin: str | None = None
    tag: str | None = None
    entity: str | None = None
    blind: bool | None = None
    overdue: bool = False
    at_risk_min_thousandths: int | None = None


class CaseQueries:
    """Answers within one transaction."""

    def __init__(self, connection: Connection, now_ms: int) -> None:
        self.connection = connection
        self.now_ms = now_ms
        """The time of the transaction by the database's clock, epoch ms."""

    def find(self, case_id: str) -> Case | None:
        """Return a case; None if there is none."""
        row = self.connection.execute(select(*FIELDS).where(CASES.c.id == case_id)).first()
        return None if row is None else case_of(row)

    def get(self, case_id: str) -> Case:
        """Return a case; raises CaseRefused if there is none."""
        case = self.find(case_id)
        if case is None:
            raise CaseRefused(f"there is no case {case_id[:40]}")
        return case

    def queue(self, view: View, limit: int = 50, after: Case | None = None) -> list[Case]:
        """Return cases in the order of the view; `after`: those that come after this one."""
        column, descending = {
            "urgency": (CASES.c.urgency, True),
            "due": (CASES.c.due_at, False),
            "closed": (CASES.c.closed_at, True),
        }[view.order]
        wanted = select(*FIELDS).where(self._in(view)).limit(limit)
        if after is not None:
            at: Any = {"urgency": after.urgency, "due": after.due_at, "closed": after.closed_at}[view.order]
            beyond = column < at if descending else column > at
            later_id = CASES.c.id < after.id if descending else CASES.c.id > after.id
            wanted = wanted.where(or_(beyond, and_(column == at, later_id)))
        keys = (column, CASES.c.id)
        wanted = wanted.order_by(*(key.desc() if descending else key for key in keys))
        return self._cases(wanted)

    def count(self, view: View, at_most: int | None = None) -> int:
        """Return how many cases a view has; with `at_most` no more are counted, so that it takes no longer the more there are."""
        some = select(CASES.c.id).where(self._in(view)).limit(at_most).subquery()
        return int(self.connection.execute(select(func.count()).select_from(some)).scalar_one())

    def of_entity(self, entity_kind: str, entity: str, limit: int = 50) -> list[Case]:
        """Return all cases of an entity, the newest first."""
        own = (CASES.c.entity_kind == entity_kind) & (CASES.c.entity == entity)
        return self._cases(
            select(*FIELDS).where(own).order_by(CASES.c.opened_at.desc(), CASES.c.id).limit(limit)
        )

    def of_payment(self, transaction_id: str) -> Case | None:
        """Return the case that a payment is in."""
        of = select(CASE_PAYMENTS.c.case_id).where(CASE_PAYMENTS.c.transaction_id == transaction_id)
        case_id = self.connection.execute(of).scalar()
        return None if case_id is None else self.find(case_id)

    def payments(self, case_id: str, limit: int | None = None) -> list[Reviewed]:
        """Return the payments of a case, the newest first."""
        names = [CASE_PAYMENTS.c[name] for name in Reviewed.__struct_fields__]
        newest = (CASE_PAYMENTS.c.event_time.desc(), CASE_PAYMENTS.c.transaction_id)
        wanted = select(*names).where(CASE_PAYMENTS.c.case_id == case_id).order_by(*newest).limit(limit)
        return [Reviewed(**row._mapping) for row in self.connection.execute(wanted)]

    def told(self, cases: Sequence[Case]) -> list[Published]:
        """Return cases with their payments and what people did with them, few questions for all."""
        ids = [case.id for case in cases]
        payments, changes = defaultdict[str, list[Reviewed]](list), defaultdict[str, list[CaseChange]](list)
        columns = CASE_PAYMENTS.c.case_id, *(CASE_PAYMENTS.c[name] for name in Reviewed.__struct_fields__)
        newest = (CASE_PAYMENTS.c.event_time.desc(), CASE_PAYMENTS.c.transaction_id)
        paid = select(*columns).where(CASE_PAYMENTS.c.case_id.in_(ids)).order_by(*newest)
        for case_id, *values in self.connection.execute(paid):
            payments[case_id].append(Reviewed(**dict(zip(Reviewed.__struct_fields__, values, strict=True))))
        done = select(CASE_CHANGES).where(CASE_CHANGES.c.case_id.in_(ids)).order_by(CASE_CHANGES.c.version)
        for row in self.connection.execute(done):
            changes[row.case_id].append(_change(row))
        return [Published(case, payments[case.id], changes[case.id]) for case in cases]

    def labels(self, case_id: str) -> dict[str, list[Label]]:
        """Return the labels of a case's payments by transaction id, the newest last: of reviews, chargebacks, customers."""
        columns = [CASE_LABELS.c[name] for name in ("transaction_id", "fraud", "known_at", "source", "note")]
        joined = CASE_LABELS.c.transaction_id == CASE_PAYMENTS.c.transaction_id
        wanted = select(*columns).join(CASE_PAYMENTS, joined).where(CASE_PAYMENTS.c.case_id == case_id)
        found: dict[str, list[Label]] = {}
        for row in self.connection.execute(wanted.order_by(CASE_LABELS.c.known_at, CASE_LABELS.c.source)):
            found.setdefault(row.transaction_id, []).append(Label(**row._mapping))
        return found

    def history(self, case_id: str) -> list[CaseChange]:
        """Return what people did with a case, the oldest first."""
        wanted = select(CASE_CHANGES).where(CASE_CHANGES.c.case_id == case_id)
        rows = self.connection.execute(wanted.order_by(CASE_CHANGES.c.version))
        return [_change(row) for row in rows]

    def _cases(self, wanted: Select[Any]) -> list[Case]:
        return [case_of(row) for row in self.connection.execute(wanted)]

    def _in(self, view: View) -> ColumnElement[bool]:
        """Return the condition of a view."""
        # without the queue beside what is looked up: SQLite would read all of it, and look for each of its cases there
        conditions = self._looked_up(view) or [CASES.c.queue == view.queue]
        same = {"assignee": view.assignee, "origin": view.origin, "entity": view.entity, "blind": view.blind}
        conditions += [CASES.c[name] == value for name, value in same.items() if value is not None]
        if view.ready:
            conditions.append(ready(self.now_ms))
        if view.claimed_by is not None:
            conditions += [CASES.c.claimed_by == view.claimed_by, CASES.c.claimed_until > self.now_ms]
        if view.overdue:
            conditions.append(CASES.c.due_at < self.now_ms)
        if view.at_risk_min_thousandths is not None:  # also of many, for which it is not looked up
            conditions.append(CASES.c.at_risk_thousandths + 0 >= view.at_risk_min_thousandths)
        return and_(*conditions)

    def _looked_up(self, view: View) -> list[ColumnElement[bool]]:
        """Return what few cases of the queue fulfil, each asked by itself, so that its index is used and not that of the order."""
        few: list[SelectBase] = []

        def ids(condition: ColumnElement[bool]) -> Select[Any]:
            return select(CASES.c.id).where(CASES.c.queue == view.queue, condition)

        if view.whose is not None:
            claimed = (CASES.c.claimed_by == view.whose) & (CASES.c.claimed_until > self.now_ms)
            few.append(union(ids(claimed), ids(CASES.c.assignee == view.whose)))
        if view.snoozed:
            few.append(ids(CASES.c.snoozed_until >= self.now_ms))
        if view.tag is not None:
            written = json.dumps(view.tag, ensure_ascii=False)
            few.append(ids(literal_column("tags <> '[]'") & CASES.c.tags.contains(written, autoescape=True)))
        if view.at_risk_min_thousandths is not None:
            enough = ids(CASES.c.at_risk_thousandths >= view.at_risk_min_thousandths)
            some = select(func.count()).select_from(enough.limit(FEW + 1).subquery())
            if self.connection.execute(some).scalar_one() <= FEW:
                few.append(enough)
        return [CASES.c.id.in_(each) for each in few]


def _change(row: Row[Any]) -> CaseChange:
    return CaseChange(row.version, row.at, row.who, _action.decode(row.action))
