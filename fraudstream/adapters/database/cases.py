"""The cases in the database, and what people and programs do with them.

Pages and programs use it like this; `action` is one of `domain.review.actions`:

    store = CaseStore(engine)
    with store.transaction() as cases:
        case = cases.claim_next("ann")
        case = cases.change(case.id, Close(Finding.FRAUD, "the card was stolen"), "ann")
        append(cases.connection, "ann", "case.close", case.id)   # the audit trail, in the same transaction

A program that wants something to be looked at by people, as Amazon A2I does, opens a case with a payload of its own, and
later takes what was found:

    with store.transaction() as cases:
        case = cases.open("a2i", "my-loop", {"amount": 120})
    ...
    with store.transaction() as cases:
        for case in cases.unsettled("a2i"):                       # closed, and nobody can take that back any more
            write(case.entity, case.finding, case.reason)         # must be able to do it twice: it may be killed here
            cases.settle(case.id)
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, or_, select, text, update

from fraudstream.adapters.database.case_queries import CaseQueries
from fraudstream.adapters.database.case_rows import (
    CLOSED,
    ESCALATED,
    FIELDS,
    WAITING,
    case_of,
    change_row,
    for_change,
    label_rows,
    other_open,
    ready,
    row_of,
    store,
)
from fraudstream.adapters.database.engine import insert_new, said, writing
from fraudstream.adapters.database.tables import CASE_CHANGES, CASE_PAYMENTS, CASES, LABEL_OUTBOX
from fraudstream.domain.review.actions import Action, Claim, Close, Reopen, Undo
from fraudstream.domain.review.case import ALERTS, UNDO_MS, Case, CaseRefused
from fraudstream.domain.review.intake import case_id
from fraudstream.domain.review.record import CaseChange
from fraudstream.domain.times import DAY_MS

DUE_MS = DAY_MS
"""After so long a case should be closed, if nothing else is said."""
UNSETTLED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one of many cases was not changed."""

    case_id: str
    why: str


class Cases(CaseQueries):
    """Reads and changes cases within one transaction. Raises CaseRefused for what a case does not allow."""

    def change(
        self, case_id: str, action: Action, who: str, *, over: bool = False, version: int | None = None
    ) -> Case:
        """Do something with a case, and return it as it is then.

        `over`: whether `who` may set aside what others have claimed or closed. `version`: of the case that `who` has seen;
        if it was changed since, that is refused.
        """
        case = for_change(self.connection, case_id)
        if version is not None and case.version != version:
            raise CaseRefused("the case was changed meanwhile; look at it again")
        return self._done(case, action, who, over)

    def change_all(
        self, case_ids: Sequence[str], action: Action, who: str, *, over: bool = False
    ) -> tuple[list[Case], list[Refusal]]:
        """Do the same with many cases; return those that are changed, and why others are not."""
        done, refused = list[Case](), list[Refusal]()
        for each in sorted(set(case_ids)):  # in one order, so that two of these cannot wait for each other
            try:
                done.append(self.change(each, action, who, over=over))
            except CaseRefused as error:
                refused.append(Refusal(each, str(error)))
        return done, refused

    def claim_next(self, who: str, *, escalated: bool = False) -> Case | None:
        """Claim the most urgent case that nobody else has, and return it; None if there is none.

        No two people get the same: PostgreSQL passes over rows that another transaction has locked, and SQLite has one
        writer at a time.
        """
        queue = ESCALATED if escalated else WAITING
        mine = or_(CASES.c.assignee.is_(None), CASES.c.assignee == who)
        wanted = select(*FIELDS).where(CASES.c.queue == queue, ready(self.now_ms), mine)
        wanted = wanted.order_by(CASES.c.urgency.desc(), CASES.c.id.desc()).limit(1)
        row = self.connection.execute(wanted.with_for_update(skip_locked=True)).first()
        return None if row is None else self._done(case_of(row), Claim(), who, over=False)

    def open(
        self, origin: str, reference: str, payload: Mapping[str, Any], due_at: int | None = None
    ) -> Case:
        """Open the case of a program, which calls it `reference`; if it has one of that name already, return that.

        `origin`: the program's own name. The case has no payments, so closing it publishes no labels.
        """
        own = case_id(origin, reference)
        if origin == ALERTS:
            raise CaseRefused(f"{ALERTS} opens no cases of programs")
        if (there := self.find(own)) is not None:
            return there
        case = Case(
            id=own,
            origin=origin,
            entity_kind=origin,
            entity=reference,
            opened_at=self.now_ms,
            due_at=due_at or self.now_ms + DUE_MS,
            changed_at=self.now_ms,
            payload=dict(payload),
        )
        fresh = insert_new(self.connection, CASES).values(row_of(case) | {"published": 0})
        self.connection.execute(fresh.on_conflict_do_nothing())
        return self.get(own)  # which another process may have opened at the same time

    def unsettled(self, origin: str, limit: int = UNSETTLED_AT_ONCE) -> list[Case]:
        """Return a program's cases that are closed for good, and that it has not settled yet, the oldest first."""
        final = CASES.c.closed_at <= self.now_ms - UNDO_MS
        own = (CASES.c.origin == origin) & (CASES.c.queue == CLOSED) & CASES.c.settled_at.is_(None)
        wanted = select(*FIELDS).where(own, final).order_by(CASES.c.closed_at, CASES.c.id).limit(limit)
        return [case_of(row) for row in self.connection.execute(wanted)]

    def settle(self, case_id: str) -> None:
        """Record that the program has taken what was found."""
        self.connection.execute(update(CASES).where(CASES.c.id == case_id).values(settled_at=self.now_ms))

    def _done(self, case: Case, action: Action, who: str, over: bool) -> Case:
        done = action.done(case, who, self.now_ms, over)
        if isinstance(action, Undo | Reopen):
            self._require_only(case)
        if isinstance(action, Undo):
            self._take_back_labels(case)
        if isinstance(action, Close):
            self._add_labels(done)
        store(self.connection, done)
        change = CaseChange(done.version, self.now_ms, who, action)
        self.connection.execute(insert(CASE_CHANGES).values(change_row(done.id, change)))
        return done

    def _add_labels(self, case: Case) -> None:
        """Let the labels of a closed case be published once nobody can take the close back."""
        ids = select(CASE_PAYMENTS.c.transaction_id).where(CASE_PAYMENTS.c.case_id == case.id)
        rows = label_rows(case, self.connection.execute(ids).scalars(), taken=False)
        if rows:
            self.connection.execute(insert(LABEL_OUTBOX), rows)

    def _take_back_labels(self, case: Case) -> None:
        """Remove the labels of a close; raises CaseRefused if it was begun to publish them."""
        own = (LABEL_OUTBOX.c.case_id == case.id) & (LABEL_OUTBOX.c.known_at == case.known_at)
        waiting = own & ~LABEL_OUTBOX.c.taken
        wanted = select(LABEL_OUTBOX.c.transaction_id).where(waiting)
        found = self.connection.execute(wanted.with_for_update()).scalars().all()
        of_case = CASE_PAYMENTS.c.case_id == case.id
        labels = self.connection.execute(select(func.count()).select_from(CASE_PAYMENTS).where(of_case))
        if (
            len(found) != labels.scalar_one()
        ):  # before anything is removed: who is refused may go on in the same transaction
            raise CaseRefused("its labels are being published already; reopen the case instead")
        self.connection.execute(delete(LABEL_OUTBOX).where(waiting))

    def _require_only(self, case: Case) -> None:
        """Raise CaseRefused if the entity has got another open case since this one was closed."""
        if (other := other_open(self.connection, case)) is not None:
            raise CaseRefused(f"there is a newer open case, {other}; work on that one")


class CaseStore:
    """The cases in the database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def transaction(self, now_ms: int | None = None) -> Iterator[Cases]:
        """Yield the cases to read and change; all of it becomes true together. Raises DatabaseUnavailable.

        `now_ms`: what time it is; None: what the database says, so that hosts with different clocks agree.
        """
        with writing(self.engine) as connection:
            yield Cases(connection, _clock(connection) if now_ms is None else now_ms)

    @contextmanager
    def reading(self, now_ms: int | None = None) -> Iterator[CaseQueries]:
        """Yield the cases to read. Raises DatabaseUnavailable."""
        with said(), self.engine.connect() as connection:
            yield CaseQueries(connection, _clock(connection) if now_ms is None else now_ms)


def _clock(connection: Connection) -> int:
    """Return what time it is, epoch ms: of SQLite this host's, of PostgreSQL its server's."""
    if connection.dialect.name == "sqlite":
        return time.time_ns() // 1_000_000
    return int(connection.execute(text("SELECT extract(epoch FROM clock_timestamp()) * 1000")).scalar_one())
