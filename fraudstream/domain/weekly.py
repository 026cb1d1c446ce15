"""The card's week: count and mean amount over the seven days up to the last midnight UTC before a payment.

A nightly job can know exactly this much, so serving and training use the same definition and there is no skew.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS

MIDNIGHTS_KEPT = 2
"""Midnights a store keeps: a replay of yesterday finds what yesterday found."""


class Week(NamedTuple):
    """Payments of one card in [midnight - 7 days, midnight)."""

    payments: int
    mean_amount: float


@dataclass(frozen=True, slots=True)
class WeeklyAnswer:
    """What a store knows of some cards. Cards without payments in the week are absent.

    `as_of_ms` is the midnight the rows belong to; None if the store has nothing for that night.
    """

    rows: Mapping[str, Week] = field(default_factory=dict)
    as_of_ms: int | None = None


class WeeklyStore(Protocol):
    """Answers for many cards at once; raises WeeklyUnavailable when it cannot answer."""

    async def get_many(self, cards: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Return the weeks of these card tokens as of this midnight, or of the newest kept one before it."""
        ...


def midnight_before(event_time_ms: int) -> int:
    """Return the last midnight UTC at or before a payment, in epoch milliseconds.

    >>> midnight_before(DAY_MS + 1), midnight_before(DAY_MS)
    (86400000, 86400000)
    """
    return event_time_ms - event_time_ms % DAY_MS
