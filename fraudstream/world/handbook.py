"""The world of the Fraud Detection Handbook: customers, terminals near them, and three kinds of fraud; no relative of our own.

Written anew from what the book says of its simulator (Le Borgne, Siblini, Lebichot, Bontempi: Reproducible Machine Learning
for Credit Card Fraud Detection, 2022, "Transaction data simulator"): figures are the book's, the code is not. A model that was
made with one world can be judged by the other, which did not make it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.world.population import card_numbers, to_cents
from fraudstream.world.rows import (
    COMPROMISED_TERMINAL,
    EVERYDAY,
    HIGH_AMOUNT,
    LEAKED_CARD,
    Floats,
    Int64s,
    Rows,
)

CUSTOMERS, TERMINALS, DAYS = 5000, 10_000, 183
"""Of the book's data set."""

SIDE, RADIUS = 100.0, 5.0
"""Customers and terminals lie anywhere in a square; a customer pays at terminals within the radius."""

MEAN_AMOUNT = (5.0, 100.0)
"""Customers' mean amounts, uniform; the standard deviation of each is half its mean."""

NOON_S, SPREAD_S = 43_200.0, 20_000.0
"""Times of day are normal around noon; what falls outside the day does not happen."""
WITHIN_DAY = 0.9692
"""Share of times that fall within the day: of a normal distribution, 2.16 standard deviations to both sides."""
PAYMENTS_PER_CARD_DAY = 2.0 * WITHIN_DAY
"""Customers pay 0 to 4 times a day on average, uniform."""

HIGH_CENTS = 22_000
"""Scenario 1: every higher amount is fraud."""
TERMINALS_A_DAY, COMPROMISED_DAYS = 2, 28
"""Scenario 2: so many terminals more are compromised each day; for so long all payments there are fraud."""
CUSTOMERS_A_DAY, LEAKED_DAYS = 3, 14
"""Scenario 3: so many customers' cards more leak each day, for so long ..."""
ABUSED_SHARE, ABUSED_TIMES = 1 / 3, 5
"""... a share of their payments is fraud, with so many times the amount."""

CELLS = 10
"""Zip codes are the cells of a grid of so many by so many."""

CUSTOMERS_AT_ONCE = 256
"""Whose distances to all terminals are in memory together."""


@dataclass(frozen=True, slots=True)
class Customers:
    """Cards and terminals; index `i` everywhere is the same one."""

    numbers: Int64s
    mean_amount: Floats
    rate: Floats
    """Payments a day on average; 0 without a terminal nearby."""
    near: Int64s
    """The terminals of the first customer, then of the second, ..."""
    first: Int64s
    """Where each customer's terminals begin in `near`, and behind the last where they end."""
    cell: Int64s
    """Of each terminal."""
    merchants: tuple[str, ...]
    zip_codes: tuple[str, ...]

    @classmethod
    def of(cls, seed: int, cards: int, per_day: float) -> "Customers":
        """Draw customers who pay `per_day` times a day on average, and two terminals for each, as many near each as in the book."""
        rng = np.random.default_rng([seed, 10])
        count = cards * TERMINALS // CUSTOMERS
        home, place = rng.uniform(0, SIDE, (cards, 2)), rng.uniform(0, SIDE, (count, 2))
        near, first = _near(home, place, RADIUS * np.sqrt(TERMINALS / count))
        rate = rng.uniform(0, 2 * per_day / WITHIN_DAY, cards) * (np.diff(first) > 0)
        column, row = (place / SIDE * CELLS).astype(np.int64).T
        return cls(
            card_numbers(seed, cards),
            rng.uniform(*MEAN_AMOUNT, cards),
            rate,
            near,
            first,
            row * CELLS + column,
            tuple(f"Terminal {number}" for number in range(1, count + 1)),
            tuple(f"{10_000 + cell}" for cell in range(CELLS * CELLS)),
        )


def _near(home: Floats, place: Floats, radius: float) -> tuple[Int64s, Int64s]:
    """Return the places within the radius of each home, one home after the other, and where each one's begin.

    Places are sorted by their first coordinate, so that only those in a strip around a home are looked at.
    """
    order = np.argsort(place[:, 0])
    ordered = place[order]
    low, high = (np.searchsorted(ordered[:, 0], home[:, 0] + side * radius) for side in (-1, 1))
    found, counts = [], [np.zeros(1, np.int64)]
    for start in range(0, len(home), CUSTOMERS_AT_ONCE):
        some = slice(start, start + CUSTOMERS_AT_ONCE)
        lengths = high[some] - low[some]
        of = np.repeat(np.arange(len(lengths)), lengths)
        begins = np.cumsum(lengths) - lengths
        which = np.arange(len(of)) - begins[of] + low[some][of]
        away = home[some][of] - ordered[which]
        close = (away * away).sum(axis=1) < radius * radius
        found.append(order[which[close]])
        counts.append(np.bincount(of[close], minlength=len(lengths)))
    return np.concatenate(found), np.cumsum(np.concatenate(counts))


@dataclass(frozen=True, slots=True)
class Handbook:
    """A seeded world of customers and terminals. `payments` is how many there are on average."""

    seed: int = 1
    cards: int = CUSTOMERS
    days: int = DAYS
    payments: int = round(CUSTOMERS * DAYS * PAYMENTS_PER_CARD_DAY)
    start: date = date(2018, 4, 1)
    people: Customers = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "people", Customers.of(self.seed, self.cards, self.payments_per_card_day))

    @property
    def payments_per_card_day(self) -> float:
        """How often a customer pays, on average."""
        return self.payments / self.cards / self.days

    def dates(self) -> list[date]:
        """Return the days of the world, oldest first."""
        return [self.start + timedelta(days=number) for number in range(self.days)]

    def by_day(self) -> Iterator[Rows]:
        """Yield every day's payments in order of time."""
        for number, thieves in zip(range(self.days), self.thieves(), strict=False):
            rng = np.random.default_rng([self.seed, 11, number])
            card = np.repeat(np.arange(self.cards), rng.poisson(self.people.rate))
            seconds = rng.normal(NOON_S, SPREAD_S, len(card))
            within = (seconds > 0) & (seconds < DAY_MS / 1000)
            at_ms = midnight_ms(self.start) + number * DAY_MS + (seconds[within] * 1000).astype(np.int64)
            yield self.paid(rng, card[within], at_ms, thieves).in_order()

    def thieves(self) -> Iterator["Thieves"]:
        """Yield, for each day, which terminals are compromised and which cards have leaked."""
        rng = np.random.default_rng([self.seed, 12])
        terminals = len(self.people.merchants)
        compromised_until, leaked_until = np.zeros(terminals, np.int64), np.zeros(self.cards, np.int64)
        number = 0
        while True:
            for until, count, days in (
                (compromised_until, TERMINALS_A_DAY * terminals / TERMINALS, COMPROMISED_DAYS),
                (leaked_until, CUSTOMERS_A_DAY * self.cards / CUSTOMERS, LEAKED_DAYS),
            ):
                more = int(count + rng.random())  # on average as many as in a world of the book's size
                until[rng.choice(len(until), min(more, len(until)), replace=False)] = number + days
            yield Thieves(compromised_until > number, leaked_until > number)
            number += 1

    def paid(self, rng: np.random.Generator, card: Int64s, at_ms: Int64s, thieves: "Thieves") -> Rows:
        """Draw the payments of these customers at these times; those without a terminal nearby must not be among them."""
        people = self.people
        mean = people.mean_amount[card]
        amount = rng.normal(mean, mean / 2)
        amount = np.where(amount < 0, rng.uniform(0, 2 * mean), amount)
        choices = people.first[card + 1] - people.first[card]
        terminal = people.near[people.first[card] + (rng.random(len(card)) * choices).astype(np.int64)]
        cents = to_cents(amount)
        scenario = np.where(cents > HIGH_CENTS, HIGH_AMOUNT, EVERYDAY)
        scenario = np.where(thieves.compromised[terminal], COMPROMISED_TERMINAL, scenario)
        abused = thieves.leaked[card] & (rng.random(len(card)) < ABUSED_SHARE)
        return Rows(
            card,
            at_ms,
            np.where(abused, cents * ABUSED_TIMES, cents),
            terminal,
            people.cell[terminal],
            np.where(abused, LEAKED_CARD, scenario),
        )


@dataclass(frozen=True, slots=True)
class Thieves:
    """Which terminals are compromised and which cards have leaked, on a day."""

    compromised: npt.NDArray[np.bool_]
    leaked: npt.NDArray[np.bool_]
