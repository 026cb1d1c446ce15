"""The AWS sample's world, made a little more realistic: what happens, how often and when.

From the sample: 10,000 cards, 5.4 million payments in 152 days from 2020-01-01, the spans of amounts, 0.25 % fraud in
chains of 3 to 10. Added: cards differ in how much and how often they pay, people sleep, three attacks in ten are card
tests by script, and honest people pay in bursts, too (`bursts`). How often each honest burst happens is a guess at
everyday life, stated per payment in `kinds`; no figure was fitted to a score. A world may have further `scenarios`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np

from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.world.everyday import one_at_a_time, singles, subscriptions, times_of_day
from fraudstream.world.kinds import FRAUD_SHARE, SAMPLE_KINDS, Kind
from fraudstream.world.population import AMOUNT_SPANS, Population
from fraudstream.world.rows import NOTHING, Rows, concat
from fraudstream.world.scenarios import HARD, PRICES_RISE, Shares

SAMPLE_START = date(2020, 1, 1)
SAMPLE_CARDS = 10_000
SAMPLE_DAYS = 152
SAMPLE_PAYMENTS = 5_400_000
PAYMENTS_PER_CARD_DAY = SAMPLE_PAYMENTS / SAMPLE_CARDS / SAMPLE_DAYS

FRAUDS_MIN = 4000
"""Frauds in a world of any size, so that a model has enough to learn from: a third to two thirds are early enough for
training, and three in ten of those are card tests. From 50 card tests (1,000 cards, six weeks, the sample's share) a model
learns so little that it misses the second payment of every fourth; from 200 in 100,000 payments still that of one in ten."""

FRAUD_SHARE_MAX = 0.05
"""More is not realistic: a card would be attacked more than once in five weeks."""


@dataclass(frozen=True, slots=True)
class World:
    """A seeded world. Every day can be drawn by itself: nothing depends on the order in which days are drawn."""

    seed: int = 1
    cards: int = SAMPLE_CARDS
    days: int = SAMPLE_DAYS
    payments: int = SAMPLE_PAYMENTS
    start: date = SAMPLE_START
    scenarios: Shares = ()
    people: Population = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "people", Population.of(self.seed, self.cards, self.payments_per_card_day))

    @property
    def payments_per_card_day(self) -> float:
        """How often a card pays, on average."""
        return self.payments / self.cards / self.days

    @property
    def fraud_share(self) -> float:
        """The share of payments that are fraud: the sample's, or more if a model needs more."""
        return min(max(FRAUD_SHARE, FRAUDS_MIN / self.payments), FRAUD_SHARE_MAX)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What happens, and how often."""
        return self.kinds_with(self.fraud_share)

    def kinds_with(self, fraud_share: float) -> tuple[Kind, ...]:
        """Return what happens if this share of the payments is fraud: the scenarios' attacks take the place of the sample's."""
        of_scenarios = sum(share for name, share in self.scenarios if HARD[name].attack)
        often = fraud_share / FRAUD_SHARE * (1 - of_scenarios)
        return (
            *(
                replace(kind, per_payment=kind.per_payment * often) if kind.attack else kind
                for kind in SAMPLE_KINDS
            ),
            *(HARD[name].kind(share, fraud_share) for name, share in self.scenarios),
        )

    def priced(self, alone: Rows, progress: float) -> Rows:
        """Return single payments at the prices of a time: 0 is the start of the history, 1 its end."""
        if "drift" not in dict(self.scenarios):
            return alone
        risen = np.rint(alone.cents * (1 + PRICES_RISE * progress)).astype(np.int64)
        return replace(alone, cents=np.minimum(risen, AMOUNT_SPANS[-1][1] * 100))

    def dates(self) -> list[date]:
        """Return the days of the world, oldest first."""
        return [self.start + timedelta(days=number) for number in range(self.days)]

    def by_day(self) -> Iterator[Rows]:
        """Yield every day's payments in order of time; together `payments` rows (more only if the bursts alone are more)."""
        pending = NOTHING
        for number in range(self.days):
            begun = concat([pending, self._started_on(number)])
            today = self._day(number, begun)
            yield today
            later = begun.take(begun.at_ms >= self._midnight_ms(number + 1))
            pending = concat([later, *self._following(number, today)])

    def _day(self, number: int, burst_rows: Rows) -> Rows:
        """Fill up a day that has its bursts (and earlier ones that last until now) with everyday payments."""
        midnight = self._midnight_ms(number)
        due = burst_rows.between(midnight, midnight + DAY_MS)
        target = self._payments_until(number + 1) - self._payments_until(number)
        rng = np.random.default_rng([self.seed, 3, number])
        count = max(target - len(due), 0)
        alone = singles(
            rng, self.people, self.people.draw_cards(rng, count), midnight + times_of_day(rng, count)
        )
        alone = self.priced(alone, self._progress(number))
        alone = one_at_a_time(due, alone, lambda moved: midnight + times_of_day(rng, moved))
        return concat([due, alone]).in_order()

    def _started_on(self, number: int) -> Rows:
        """Draw all bursts and subscriptions that start on a day."""
        rng = np.random.default_rng([self.seed, 2, number])
        midnight = self._midnight_ms(number)
        parts = [self._subscriptions_on(number)]
        for kind in self.kinds:
            if kind.follow is not None:
                continue
            count = rng.poisson(kind.per_payment_at(self._progress(number)) * self.payments / self.days)
            card = rng.integers(0, self.cards, count) if kind.attack else self.people.draw_cards(rng, count)
            at_ms = rng.integers(0, DAY_MS, count) if kind.attack else times_of_day(rng, count)
            parts.append(kind.draw(rng, self.people, card, midnight + at_ms))
        return concat(parts)

    def _following(self, number: int, today: Rows) -> Iterator[Rows]:
        """Draw what follows from the payments of a day, which may be any time after it."""
        end_ms = self._midnight_ms(number + 1)
        for which, kind in enumerate(self.kinds):
            if kind.follow is not None:
                rng = np.random.default_rng([self.seed, 7, number, which])
                count = rng.poisson(kind.per_payment * self.payments / self.days)
                rows = kind.follow(rng, self.people, today, count)
                yield replace(rows, at_ms=np.maximum(rows.at_ms, end_ms))

    def _progress(self, number: int) -> float:
        """Return where in the history the middle of a day is: 0 is its start, 1 its end."""
        return (number + 0.5) / self.days

    def _subscriptions_on(self, number: int) -> Rows:
        """Return the subscriptions charged on a day of the month."""
        day_of_month = (self.start + timedelta(days=number)).day
        due = np.flatnonzero(self.people.subscriptions.day_of_month == day_of_month)
        return subscriptions(
            self.people, due, self._midnight_ms(number) + self.people.subscriptions.ms_of_day[due]
        )

    def _midnight_ms(self, number: int) -> int:
        return midnight_ms(self.start) + number * DAY_MS

    def _payments_until(self, number: int) -> int:
        return self.payments * number // self.days
