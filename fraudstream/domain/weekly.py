"""An entity's week: count and mean amount over the seven days up to the last midnight UTC before a payment.

A nightly job can know exactly this much, so serving and training use the same definition and there is no skew.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from fraudstream.domain.events.amounts import HUNDREDTHS, units_of
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly_aggregates import NOTHING_DECLARED, Number, WeeklyAggregates

WEEK_MS = 7 * DAY_MS
LONGEST_LOOK_BACK_MS = WEEK_MS + DAY_MS
"""From a payment back to the start of its week at most."""

MIDNIGHTS_KEPT = 2
"""Midnights a store keeps: a replay of yesterday finds what yesterday found."""

TIMED_OUT, UNAVAILABLE, REFUSED = "weekly-timeout", "weekly-unavailable", "weekly-refused"
"""Why a store has no answer for an entity, in the words of a decision's `degraded`."""

MISSING, STALE = "weekly-missing", "weekly-stale"
"""Why a store's answer is not the one for the asked midnight, in the same words."""

LOWER_BOUND = "weekly-token-rotated"
"""The entity has several tokens in the days before, and numbers of different values are at least what is said, in the same words."""

NO_ANSWER = (TIMED_OUT, UNAVAILABLE, REFUSED)
UNKNOWN = frozenset({MISSING, *NO_ANSWER})
"""With one of these nothing is known of an entity's week: not even whether it has payments in it."""

LOOK_BACK_DAYS = 8
"""How many midnights are tried to find the newest one of a store that cannot list them."""


class Week(NamedTuple):
    """Payments of one entity in [midnight - 7 days, midnight), and what its event type declares."""

    payments: int
    mean_amount: float
    declared: tuple[Number, ...] = ()
    """The parts of the declared aggregates, which may reach further back: then there may be no payments in the week."""

    def believable(self) -> bool:
        """Tell whether a nightly job can have written this; other answers of a store are refused.

        >>> Week(2, 12.5).believable(), Week(-1, 12.5).believable(), Week(2, float("nan")).believable()
        (True, False, False)
        """
        least = 0 if self.declared else 1
        return (
            type(self.payments) is int
            and type(self.mean_amount) is float
            and self.payments >= least
            and math.isfinite(self.mean_amount)
            and self.mean_amount >= 0
            and all(part is None or math.isfinite(part) for part in self.declared)
        )


NO_WEEK = Week(0, 0.0)


def merge_weeks(
    weeks: Sequence[Week], decimals: int = HUNDREDTHS, weekly: WeeklyAggregates = NOTHING_DECLARED
) -> Week:
    """Merge the weeks of one entity under several tokens; the money is added in exact minor units.

    >>> merge_weeks([Week(2, 12.5), Week(1, 0.01)]), merge_weeks([])
    (Week(payments=3, mean_amount=8.336666666666666, declared=()), Week(payments=0, mean_amount=0.0, declared=()))
    """
    if len(weeks) == 1:
        return weeks[0]
    payments = sum(week.payments for week in weeks)
    units = units_of(decimals)
    cents = sum(round(week.mean_amount * week.payments * units) for week in weeks)
    mean_amount = cents / (payments * units) if payments else 0.0
    return Week(payments, mean_amount, weekly.merged([week.declared for week in weeks]) if weeks else ())


@dataclass(frozen=True, slots=True)
class WeeklyAnswer:
    """What a store knows of some entities. Entities without payments in the week are absent.

    `as_of_ms` is the midnight the rows belong to; None if the store has nothing for that night. `failed` names the entities
    the store could not answer for, and why (in the words of `degraded`): nothing is known about those.
    """

    rows: Mapping[str, Week] = field(default_factory=dict)
    as_of_ms: int | None = None
    failed: Mapping[str, str] = field(default_factory=dict)

    def completed(self, asked: Collection[str], second: "WeeklyAnswer") -> "WeeklyAnswer":
        """Return this answer completed by a second one for some of its entities; one of another midnight is ignored."""
        if None not in (self.as_of_ms, second.as_of_ms) and self.as_of_ms != second.as_of_ms:
            return self
        again = set(asked)
        still = {entity: why for entity, why in self.failed.items() if entity not in again}
        as_of_ms = second.as_of_ms if self.as_of_ms is None else self.as_of_ms
        return WeeklyAnswer({**self.rows, **second.rows}, as_of_ms, still | dict(second.failed))


class WeeklyStore(Protocol):
    """Answers for many entities at once; raises WeeklyUnavailable when it cannot answer."""

    async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Return the weeks of these entity tokens as of this midnight, or of the newest kept one before it."""
        ...

    async def newest(self, midnight_ms: int) -> int | None:
        """Return the newest midnight, up to this one, that the store has weeks of; None if it knows of none.

        For the health, once in a while; raises WeeklyUnavailable when it cannot say.
        """
        ...

    async def connect(self) -> None:
        """Get ready to answer; raises SetupError if waiting cannot help. A store in memory is ready."""
        return

    async def close(self) -> None:
        """Close connections and files."""
        return


class NoWeeks(WeeklyStore):
    """The store of events without an entity."""

    async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Know nothing."""
        return WeeklyAnswer()

    async def newest(self, midnight_ms: int) -> int | None:
        """Have nothing."""
        return None


class OnlineStore(WeeklyStore, Protocol):
    """A weekly store that is filled from outside: made once, then loaded every night and published as a whole."""

    async def create(self) -> bool:
        """Make the store; False if it is there already. Raises SetupError if what is there does not fit."""
        ...

    async def describe(self) -> dict[str, Any]:
        """Return what the store is, as JSON has it; raises SetupError if there is none."""
        ...

    async def nights(self, midnights_ms: Sequence[int]) -> dict[int, int]:
        """Return which of these midnights are published, and with how many entities each."""
        ...

    async def newest(self, midnight_ms: int) -> int | None:
        """Return the newest midnight that is published, of the last LOOK_BACK_DAYS."""
        candidates = [midnight_ms - day * DAY_MS for day in range(LOOK_BACK_DAYS)]
        return max(await self.nights(candidates), default=None)

    async def load(self, as_of_ms: int, weeks: Sequence[tuple[str, Week]]) -> None:
        """Write some entities' weeks as of a midnight; repeating it changes nothing. Nobody reads them until `publish`."""
        ...

    async def publish(self, as_of_ms: int, entities: int) -> None:
        """Publish a midnight whose entities are all loaded: from now on it is answered. Old midnights are removed or expire."""
        ...


def midnight_before(event_time_ms: int) -> int:
    """Return the last midnight UTC at or before a payment, in epoch milliseconds.

    >>> midnight_before(DAY_MS + 1), midnight_before(DAY_MS)
    (86400000, 86400000)
    """
    return event_time_ms - event_time_ms % DAY_MS


def day_of(midnight_ms: int) -> str:
    """Return the day that starts with a midnight.

    >>> day_of(1_580_688_000_000)
    '2020-02-03'
    """
    return datetime.fromtimestamp(midnight_ms / 1000, UTC).date().isoformat()
