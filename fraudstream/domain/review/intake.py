"""Which decisions are reviewed, and how they open a case or join the open one."""

import hashlib
from typing import Any

import msgspec

from fraudstream.domain.review.case import ALERTS, Case, State, changed
from fraudstream.domain.rules import APPROVE

BLOCK, REVIEW = "block", "review"
EVENT = "event"
"""The kind of entity of payments that have none: each is reviewed by itself."""
ID_DIGITS = 20


class Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """A payment of a case."""

    transaction_id: str
    event_time: int
    amount: float
    outcome: str
    score: int
    decided_at: int
    blind: bool
    """Whether rules held for it and let it through by chance: to be reviewed without knowing that."""
    decision: str | None
    """The decision as it was published, JSON; None if the case was restored from the topic `cases`."""

    @property
    def at_risk_thousandths(self) -> int:
        """The money that is lost if it is fraud; none of a blocked payment and of a refund."""
        return 0 if self.outcome == BLOCK else max(0, round(self.amount * 1000))


class _Decision(msgspec.Struct, gc=False):
    """What of a decision says whether it is reviewed."""

    transaction_id: str
    card: str | None
    card_last4: str | None
    event_time: int
    amount: float
    score: int
    outcome: str
    rules: list[str]
    decided_at: int
    passed_rules: list[str] | None = None


_decode = msgspec.json.Decoder(_Decision).decode
PASSED = b'"passed_rules":["'
"""What a decision has in it whose payment was let through by chance."""


class Incoming(msgspec.Struct, frozen=True):
    """A payment that is to be reviewed, and the entity whose case it belongs to."""

    entity_kind: str
    entity: str
    card_last4: str | None
    payment: Reviewed


class Intake(msgspec.Struct, frozen=True):
    """What is reviewed: outcome `review`, what is let through by chance, and what certain rules hold for."""

    entity_kind: str | None
    """Of the event type; None: payments have no entity."""
    rules: frozenset[str] = frozenset()
    """Rules whose payments are reviewed whatever their outcome is."""
    blind: bool = True
    """Whether payments that were let through by chance are reviewed."""

    def may_be_reviewed(self, decision: bytes) -> bool:
        """Tell cheaply whether a published decision that is no alert may be reviewed at all."""
        return bool(self.rules) or (self.blind and PASSED in decision)

    def incoming(self, decision: bytes) -> Incoming | None:
        """Return what is to be reviewed; None if the decision is not. Raises msgspec.DecodeError if it is none."""
        decided = _decode(decision)
        passed = bool(decided.passed_rules) and decided.outcome == APPROVE and self.blind
        if decided.outcome != REVIEW and not passed and self.rules.isdisjoint(decided.rules):
            return None
        payment = Reviewed(
            transaction_id=decided.transaction_id,
            event_time=decided.event_time,
            amount=decided.amount,
            outcome=decided.outcome,
            score=decided.score,
            decided_at=decided.decided_at,
            blind=passed,
            decision=decision.decode(),
        )
        if decided.card is None:
            return Incoming(EVENT, decided.transaction_id, None, payment)
        return Incoming(self.entity_kind or EVENT, decided.card, decided.card_last4, payment)


def case_id(origin: str, *parts: str) -> str:
    """Return the id of a case: what opens it again, after a restore, opens the same case."""
    told = "\0".join((origin, *parts))
    return hashlib.sha256(told.encode()).hexdigest()[:ID_DIGITS]


def opened(incoming: Incoming, now_ms: int, due_ms: int) -> Case:
    """Return the case that a payment opens; it is as old as its decision, unless that comes from a clock ahead of ours."""
    payment = incoming.payment
    opened_at = min(payment.decided_at, now_ms)
    return Case(
        id=case_id(ALERTS, incoming.entity_kind, incoming.entity, payment.transaction_id),
        entity_kind=incoming.entity_kind,
        entity=incoming.entity,
        card_last4=incoming.card_last4,
        opened_at=opened_at,
        due_at=opened_at + due_ms,
        changed_at=now_ms,
        payments=1,
        at_risk_thousandths=payment.at_risk_thousandths,
        score_max=payment.score,
        blind=payment.blind,
    )


def joined(case: Case, payment: Reviewed, now_ms: int) -> Case:
    """Return an open case with one more payment, which wakes it if it was snoozed."""
    woken: dict[str, Any] = (
        {"state": State.OPEN, "snoozed_until": None} if case.state == State.SNOOZED else {}
    )
    return changed(
        case,
        now_ms,
        payments=case.payments + 1,
        at_risk_thousandths=case.at_risk_thousandths + payment.at_risk_thousandths,
        score_max=max(case.score_max or 0, payment.score),
        blind=case.blind and payment.blind,
        **woken,
    )
