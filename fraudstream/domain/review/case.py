"""A case: what is reviewed together, and the state it is in."""

import math
from enum import StrEnum
from typing import Any

import msgspec

from fraudstream.domain.errors import FraudstreamError
from fraudstream.domain.times import DAY_MS

CLAIM_MS = 15 * 60_000
"""How long a claim lasts; whoever works on a case claims it again and again."""
UNDO_MS = 10_000
"""How long a close can be taken back; its labels are published after that."""
TEXT_MAX = 2_000
"""Characters of a note and of a reason."""
TAG_MAX, TAGS_MAX = 40, 20
"""Characters of a tag, and tags of a case."""
ALERTS = "alerts"
"""The origin of cases that alerts have opened; programs name themselves."""


class CaseRefused(FraudstreamError):
    """A change that a case does not allow now: somebody else has it, it is closed, a text is missing."""


class State(StrEnum):
    """What becomes of a case. That somebody has claimed it is beside its state, and passes with time."""

    OPEN = "open"
    SNOOZED = "snoozed"
    """Not before a moment, unless another alert comes."""
    ESCALATED = "escalated"
    """For somebody who may do more."""
    CLOSED = "closed"


class Finding(StrEnum):
    """What a review has found."""

    FRAUD = "fraud"
    LEGITIMATE = "legitimate"
    UNSURE = "unsure"

    @property
    def is_fraud(self) -> bool | None:
        """What the labels say; None: unsure."""
        return None if self is Finding.UNSURE else self is Finding.FRAUD


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What is reviewed together. Times are epoch milliseconds, people are named as they log in."""

    id: str
    """Of an alert's case it follows from its first payment, so that it is the same after a restore."""
    origin: str = ALERTS
    entity_kind: str
    """What kind of entity it is about, such as a card; `event` for payments without an entity."""
    entity: str
    """The entity's token, the transaction id of a payment without an entity, or what a program calls it."""
    card_last4: str | None = None
    state: State = State.OPEN
    opened_at: int
    due_at: int
    changed_at: int
    """By a person or by an alert that joined."""
    version: int = 1
    """How often it was changed, counting the opening."""
    payments: int = 0
    at_risk_thousandths: int = 0
    """The money of its payments that were not blocked, in thousandths of the event type's currency."""
    score_max: int | None = None
    blind: bool = False
    """Whether all its payments were let through by chance: who reviews them must not see what rules and model said."""
    assignee: str | None = None
    claimed_by: str | None = None
    claimed_until: int | None = None
    snoozed_until: int | None = None
    escalated_by: str | None = None
    finding: Finding | None = None
    reason: str = ""
    """Why it was closed, escalated or reopened, whichever came last."""
    closed_by: str | None = None
    closed_at: int | None = None
    known_at: int | None = None
    """When the finding became known: `closed_at`, but always after that of an earlier close."""
    closed_from: State | None = None
    """The state before the close, for whoever takes it back."""
    tags: tuple[str, ...] = ()
    payload: dict[str, Any] | None = None
    """What a program wants to be looked at."""

    def claimed(self, now_ms: int) -> str | None:
        """Return who has claimed it; None if nobody has, or the time is over."""
        lasts = self.claimed_until is not None and now_ms < self.claimed_until
        return self.claimed_by if lasts else None

    def is_overdue(self, now_ms: int) -> bool:
        """Tell whether it should have been closed by now."""
        return self.state != State.CLOSED and self.due_at < now_ms

    @property
    def urgency(self) -> float:
        """What the queue is ordered by: a day of waiting counts as much as twice the money.

        The order of two cases does not change while both wait, so an index can hold it.
        """
        return math.log2(1 + self.at_risk_thousandths / 1000) - self.opened_at / DAY_MS


def changed(case: Case, now_ms: int, **fields: Any) -> Case:
    """Return a case with other fields, as its next version."""
    return msgspec.structs.replace(case, **fields, version=case.version + 1, changed_at=now_ms)
