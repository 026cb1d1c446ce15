"""What a case's page tells of its payments: which one is looked at, what happened around it, what is unusual, what is linked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.review.case import Case, State
from fraudstream.domain.review.intake import EVENT, Reviewed
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.windows.entries import WINDOW_MS
from fraudstream.evidence.archive import HISTORY_DAYS, History, Links
from fraudstream.evidence.unusual import Past, Unusual, unusual

ROWS_MAX = 40
"""Payments that a part of the timeline shows; the rest is counted."""
PLACES = 2
"""Variables that a payment's row shows, such as merchant and address."""
LINKED_MAX = 8
"""Variables whose links are asked for."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A payment of a case with its decision, as far as who looks at it may know it."""

    payment: Reviewed
    decision: Mapping[str, Any]
    """Empty if it is not kept here any more."""
    is_blind: bool

    @classmethod
    def of(cls, payment: Reviewed, case: Case) -> "Decided":
        """Return a payment; what rules and model said of one that was let through by chance is left out until the case is closed."""
        decision = msgspec.json.decode(payment.decision) if payment.decision else {}
        return cls(payment, decision, payment.blind and case.state != State.CLOSED)

    @property
    def variables(self) -> Mapping[str, Any]:
        """Its variables by name."""
        found: Mapping[str, Any] = self.decision.get("variables", {})
        return found

    @property
    def past(self) -> Past:
        """Return it as the archive tells of payments."""
        values = {**self.decision.get("features", {}), **self.variables}
        own = self.payment
        return Past(own.transaction_id, own.event_time, own.amount, values, own.score, own.outcome)


@dataclass(frozen=True, slots=True)
class Row:
    """A payment in the timeline."""

    past: Past
    places: tuple[str, ...]
    in_case: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the timeline: some of its payments, and how many more there are."""

    name: str
    rows: tuple[Row, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the weeks before."""

    start_ms: int
    payments: int
    amount: float


@dataclass(frozen=True)
class Told:
    """What the archive adds to a case's page; `problems` are sentences that say what is missing."""

    parts: tuple[Part, ...]
    days: tuple[Day, ...] = ()
    unusual: tuple[Unusual, ...] | None = None
    links: Links = field(default_factory=Links)
    problems: tuple[str, ...] = ()

    @property
    def busiest(self) -> int:
        """The payments of the day with most of them, at least one."""
        return max((day.payments for day in self.days), default=1) or 1


def chosen(payments: Sequence[Decided], transaction_id: str) -> Decided | None:
    """Return the payment that is looked at: the one that is asked for, else the one with the highest score, unless that must not be told."""
    for each in payments:
        if each.payment.transaction_id == transaction_id:
            return each
    if any(each.is_blind for each in payments):
        return payments[0]
    return max(payments, key=lambda each: each.payment.score, default=None)


def linking(event_type: EventType, looked_at: Decided) -> dict[str, Any]:
    """Return the values by which a payment is linked to others: its texts, but not ids of events."""
    texts = [each.name for each in event_type.variables if each.type == "string"]
    there = {name: looked_at.variables.get(name) for name in texts if name not in event_type.identifying}
    return {name: value for name, value in there.items() if value not in (None, "")}


def names_of(event_type: EventType, looked_at: Decided) -> list[str]:
    """Return the columns of earlier payments to compare with: features of the decision, and variables that the event type declares."""
    own = [each.name for each in event_type.variables if each.name not in event_type.identifying]
    return list(dict.fromkeys([*looked_at.decision.get("features", {}), *own]))


def timeline(
    event_type: EventType, payments: Sequence[Decided], looked_at: Decided, history: History
) -> tuple[Part, ...]:
    """Return the payments around the one that is looked at, those of the case and those of the archive together, the newest first."""
    texts = [each.name for each in event_type.variables if each.type == "string"][:PLACES]
    own = {each.payment.transaction_id: each for each in payments}
    both = {each.transaction_id: each for each in history.payments}
    both |= {name: each.past for name, each in own.items()}
    rows = [
        Row(
            past,
            tuple(str(past.values[name]) for name in texts if past.values.get(name) is not None),
            past.transaction_id in own,
        )
        for past in sorted(both.values(), key=lambda past: past.event_time, reverse=True)
    ]
    at_ms = looked_at.payment.event_time
    groups = (
        ("After it", at_ms + 1, 1 << 62),
        ("The ten minutes up to it", at_ms - WINDOW_MS, at_ms),
        ("The day before", at_ms - DAY_MS, at_ms - WINDOW_MS - 1),
        ("Earlier payments of this case", 0, at_ms - DAY_MS - 1),
    )
    parts = []
    for name, first, last in groups:
        inside = [row for row in rows if first <= row.past.event_time <= last]
        if not first:
            inside = [row for row in inside if row.in_case]
        if inside:
            parts.append(Part(name, tuple(inside[:ROWS_MAX]), max(0, len(inside) - ROWS_MAX)))
    return tuple(parts)


def days_before(looked_at: Decided, history: History) -> tuple[Day, ...]:
    """Return the days up to the payment, the oldest first; a day ends at its time of day."""
    end_ms = looked_at.payment.event_time
    starts = [end_ms - (HISTORY_DAYS - number) * DAY_MS for number in range(HISTORY_DAYS)]
    found = []
    for start_ms in starts:
        amounts = [
            each.amount
            for each in history.payments
            if start_ms <= each.event_time < start_ms + DAY_MS
            and each.transaction_id != looked_at.payment.transaction_id
        ]
        found.append(Day(start_ms, len(amounts), sum(amounts)))
    return tuple(found)


def unusual_in(event_type: EventType, looked_at: Decided, history: History) -> tuple[Unusual, ...] | None:
    """Return what is unusual in a payment, compared with the entity's payments before it; None if these are too few."""
    own = looked_at.payment
    earlier = [
        each
        for each in history.payments
        if each.event_time <= own.event_time and each.transaction_id != own.transaction_id
    ]
    past = looked_at.past
    compared = {name: past.values.get(name) for name in names_of(event_type, looked_at)}
    found = unusual(replace(past, values=compared), earlier)
    return None if found is None else tuple(found)


def late_archive(history: History, payments: Sequence[Decided]) -> bool:
    """Tell whether the archive does not have the case's newest decision yet."""
    newest = max((each.payment.decided_at for each in payments), default=0)
    return history.archived_until_ms is not None and history.archived_until_ms < newest


def has_entity(case: Case) -> bool:
    """Tell whether a case is about something that has a past."""
    return case.entity_kind != EVENT
