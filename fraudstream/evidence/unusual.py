"""What is unusual in a payment, compared with those of the same entity before it: by counting, so that everything can be said in a sentence.

No model is asked: the reasons say what the model saw, and this says what the entity's past says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Any

from fraudstream.domain.times import DAY_MS

EARLIER_MIN = 10
"""With fewer earlier payments nothing is normal yet."""
RARE = 0.05
"""What no more of the earlier payments have is unusual."""
AROUND_MS = 90 * 60_000
"""Payments this near to the time of day are made at the same hour."""
MOSTLY_NEW = 0.5
"""A variable that has had a new value in more of the earlier payments, as an id has, says nothing by being new."""


class Kind(StrEnum):
    """How something is unusual."""

    HIGH = "high"
    LOW = "low"
    NEW = "new"
    """A value that no earlier payment has."""
    SELDOM = "seldom"
    HOUR = "hour"


@dataclass(frozen=True, slots=True)
class Unusual:
    """Something unusual: `among` of `earlier` payments have as much, as little, the same value, or are at this hour."""

    name: str
    """A feature, a variable, or `event_time`."""
    kind: Kind
    value: Any
    among: int
    earlier: int
    usual: float | str | None = None
    """The median of numbers, the most frequent of values."""

    @property
    def share(self) -> float:
        """How many have it."""
        return self.among / self.earlier


@dataclass(frozen=True, slots=True)
class Past:
    """One payment: when, how much, and its variables and features by name."""

    transaction_id: str
    event_time: int
    amount: float
    values: Mapping[str, Any]
    score: int = 0
    outcome: str = "approve"


def unusual(payment: Past, earlier: Sequence[Past]) -> list[Unusual] | None:
    """Return what is unusual, the rarest first; None if the entity has too few earlier payments to say so.

    `earlier`: payments of the same entity before this one.
    """
    if len(earlier) < EARLIER_MIN:
        return None
    found = [_hour(payment, earlier), _number("amount", payment.amount, [each.amount for each in earlier])]
    for name, value in payment.values.items():
        known = [each.values[name] for each in earlier if each.values.get(name) is not None]
        if value is None or len(known) < EARLIER_MIN or name == "amount":
            continue
        compare: Callable[[str, Any, list[Any]], Unusual | None]
        compare = _number if isinstance(value, int | float) and not isinstance(value, bool) else _value
        found.append(compare(name, value, known))
    return sorted(filter(None, found), key=lambda each: (each.share, each.name != "amount"))


def _number(name: str, value: float, earlier: list[float]) -> Unusual | None:
    """Tell whether no more than a few earlier payments have so much, or so little."""
    as_high = sum(each >= value for each in earlier)
    as_low = sum(each <= value for each in earlier)
    kind, among = (Kind.HIGH, as_high) if as_high <= as_low else (Kind.LOW, as_low)
    if among > RARE * len(earlier):
        return None
    return Unusual(name, kind, value, among, len(earlier), median(earlier))


def _value(name: str, value: object, earlier: list[Any]) -> Unusual | None:
    """Tell whether no more than a few earlier payments have the value, unless most have one of their own."""
    if len(set(earlier)) > max(MOSTLY_NEW * len(earlier), 1):
        return None
    among = earlier.count(value)
    if among > RARE * len(earlier):
        return None
    kind = Kind.SELDOM if among else Kind.NEW
    return Unusual(name, kind, value, among, len(earlier), str(max(set(earlier), key=earlier.count)))


def _hour(payment: Past, earlier: Sequence[Past]) -> Unusual | None:
    """Tell whether few earlier payments were made at about this time of day."""
    apart = [abs(each.event_time - payment.event_time) % DAY_MS for each in earlier]
    among = sum(min(each, DAY_MS - each) <= AROUND_MS for each in apart)
    if among > RARE * len(earlier):
        return None
    return Unusual("event_time", Kind.HOUR, payment.event_time, among, len(earlier))
