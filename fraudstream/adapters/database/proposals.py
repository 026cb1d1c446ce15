"""Proposals: what one person wants to do and another has to approve before it is done.

    proposal = proposals.propose(person, "release", "activate 7", {"release": 7, "share": None}, note)
    …
    with proposals.approving(other, proposal.id) as approved:   # SetupError if it was their own
        activate(approved.document["release"])                  # if this raises, the proposal is open again, with the problem

Whoever calls this has checked that both may do such a thing at all (Permission.RELEASE). All is in the audit trail.
"""

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from fraudstream.adapters.database.audit import append
from fraudstream.adapters.database.engine import said, writing
from fraudstream.adapters.database.tables import PROPOSALS
from fraudstream.domain.errors import FraudstreamError, SetupError
from fraudstream.domain.people import Person

TAKEN_OVER_MS = 60_000
"""What was approved so long ago and is not done was interrupted: somebody may approve it again."""


class State(StrEnum):
    """What has become of a proposal."""

    OPEN = "open"
    APPROVED = "approved"
    """It is being done."""
    DONE = "done"
    REJECTED = "rejected"
    """By somebody else, or taken back by whoever proposed it."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal as it was when it was read; the times are epoch milliseconds."""

    id: str
    kind: str
    subject: str
    document: dict[str, Any]
    note: str
    state: State
    proposed_by: str
    proposed_at: int
    decided_by: str | None
    decided_at: int | None
    problem: str
    """Why it could not be done when it was approved last; empty if it was not tried."""

    def may_approve(self, person: Person) -> bool:
        """Tell whether it waits for somebody like this person."""
        return self.state is State.OPEN and person.name != self.proposed_by


class Proposals:
    """The proposals in the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def propose(
        self, person: Person, kind: str, subject: str, document: Mapping[str, Any], note: str
    ) -> Proposal:
        """Propose something; raises SetupError if the same is proposed already."""
        row = {
            "id": secrets.token_hex(8),
            "kind": kind,
            "subject": subject,
            "document": json.dumps(dict(document)),
            "note": note,
            "state": State.OPEN,
            "proposed_by": person.name,
            "proposed_at": _now_ms(),
            "decided_by": None,
            "decided_at": None,
            "problem": "",
        }
        same = (PROPOSALS.c.kind == kind) & (PROPOSALS.c.subject == subject)
        told = {"id": row["id"], "note": note, "document": dict(document)}
        with writing(self._engine) as connection:
            # transactions wait for each other here, so of two at once the second sees the first
            append(connection, person.name, f"{kind}.propose", subject, told)
            wanted = select(PROPOSALS).where(same & (PROPOSALS.c.state == State.OPEN))
            if (there := connection.execute(wanted).first()) is not None:
                raise SetupError(f"{there.proposed_by} has proposed that already, and it is open")
            connection.execute(insert(PROPOSALS).values(row))
        return _proposal(row)

    def open(self, kind: str) -> list[Proposal]:
        """Return those that wait, or were interrupted, the oldest first."""
        return self._found(kind, PROPOSALS.c.state.in_((State.OPEN, State.APPROVED)), PROPOSALS.c.proposed_at)

    def decided(self, kind: str, limit: int = 50) -> list[Proposal]:
        """Return those that are over, the newest first."""
        over = PROPOSALS.c.state.in_((State.DONE, State.REJECTED))
        return self._found(kind, over, PROPOSALS.c.decided_at.desc())[:limit]

    def find(self, proposal_id: str) -> Proposal:
        """Return one; raises SetupError if there is none."""
        with said(), self._engine.connect() as connection:
            return _one(connection, proposal_id)

    @contextmanager
    def approving(self, person: Person, proposal_id: str) -> Iterator[Proposal]:
        """Approve a proposal, and yield it for whoever does it now; of several people at once one gets it, the others SetupError.

        Raises SetupError if it is this person's own, or not open. An error while it is done leaves it open, with that problem.
        """
        approved = self._decide(person, proposal_id, State.APPROVED, "approve")
        try:
            yield approved
        except BaseException as error:
            problem = str(error) if isinstance(error, FraudstreamError) else type(error).__name__
            self._over(person, approved, State.OPEN, "fail", problem)
            raise
        self._over(person, approved, State.DONE, "done", "")

    def reject(self, person: Person, proposal_id: str) -> Proposal:
        """Reject a proposal, or take one's own back; raises SetupError if it is not open."""
        return self._decide(person, proposal_id, State.REJECTED, "reject")

    def _decide(self, person: Person, proposal_id: str, state: State, action: str) -> Proposal:
        with writing(self._engine) as connection:
            found, now_ms = _one(connection, proposal_id, lock=True), _now_ms()
            interrupted = found.state is State.APPROVED and now_ms - (found.decided_at or 0) > TAKEN_OVER_MS
            if found.state is not State.OPEN and not interrupted:
                raise SetupError(f"this proposal is {found.state} already, by {found.decided_by}")
            if state is State.APPROVED and person.name == found.proposed_by:
                raise SetupError("somebody else has to approve this: it is your own proposal")
            values = {"state": state, "decided_by": person.name, "decided_at": now_ms}
            connection.execute(update(PROPOSALS).where(PROPOSALS.c.id == found.id).values(values))
            append(connection, person.name, f"{found.kind}.{action}", found.subject, {"id": found.id})
            return _one(connection, proposal_id)

    def _over(self, person: Person, proposal: Proposal, state: State, action: str, problem: str) -> None:
        with writing(self._engine) as connection:
            values = {"state": state, "problem": problem}
            connection.execute(update(PROPOSALS).where(PROPOSALS.c.id == proposal.id).values(values))
            told = {"id": proposal.id} | ({"problem": problem} if problem else {})
            append(connection, person.name, f"{proposal.kind}.{action}", proposal.subject, told)

    def _found(self, kind: str, wanted: Any, order: Any) -> list[Proposal]:
        with said(), self._engine.connect() as connection:
            rows = connection.execute(
                select(PROPOSALS).where((PROPOSALS.c.kind == kind) & wanted).order_by(order)
            )
            return [_proposal(row._mapping) for row in rows]


def _one(connection: Connection, proposal_id: str, lock: bool = False) -> Proposal:
    wanted = select(PROPOSALS).where(PROPOSALS.c.id == proposal_id)
    row = connection.execute(wanted.with_for_update() if lock else wanted).first()
    if row is None:
        raise SetupError("there is no such proposal")
    return _proposal(row._mapping)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _proposal(row: Any) -> Proposal:
    fields = dict(row)
    return Proposal(**fields | {"document": json.loads(fields["document"]), "state": State(fields["state"])})
