"""Draws what makes a world hard: attacks that take their time, and honest payments that look like attacks.

The figures are guesses at what such cases look like, each with its reason; none was fitted to a score.
"""

import numpy as np

from fraudstream.domain.times import DAY_MS
from fraudstream.world.burst_columns import Bursts
from fraudstream.world.bursts import ATTACK_LENGTH, anywhere
from fraudstream.world.everyday import singles
from fraudstream.world.population import AMOUNT_SPANS, ZIP_CODES, Population, to_cents
from fraudstream.world.rows import (
    ACCOUNT_TAKEOVER,
    CHAIN,
    EVERYDAY,
    MERCHANT_COMPROMISE,
    PATIENT_CHAIN,
    REFUND,
    SHARED_CARD,
    SHIPPED_ORDER,
    SHOPPING_TRIP,
    Floats,
    Int64s,
    Rows,
)

Rng = np.random.Generator

PATIENT_GAP_S = (600.0, 3600.0)
"""Between the payments of a patient chain: longer than the ten minutes in which a chain would be seen."""

TAKEOVER_LENGTH = (3, 8)
TAKEOVER_GAP_S = (3 * 3600.0, 1.0, (600.0, 20 * 3600.0))
"""Median, sigma (lognormal) and limits. Who has taken over an account orders at leisure, while its holder goes on paying."""

ABUSE_LENGTH = (1, 4)
ABUSE_GAP_S = (3600.0, 1.0, (60.0, 12 * 3600.0))
"""Stolen card data are used a few times each, before somebody notices."""

THEFT_DELAY_DAYS = (14.0, 0.7, (1.0, 60.0))
"""From a payment at a compromised merchant to the abuse of its card: the data are sold first."""

COMPROMISE_MS = 7 * DAY_MS
"""One merchant after the other is compromised, each for a week."""

REFUND_DELAY_DAYS = (6.0, 0.7, (1.0, 30.0))
"""From a purchase to its refund: the time to return goods, which shops limit to two weeks or a month."""

WHOLE_REFUNDS = 0.8
"""Share of refunds that give back the whole amount; the others a part."""

SHARED_EVERY = 5
"""Every so manieth card is used by two people."""
SHARED_LENGTH = (4, 8)
SHARED_GAP_S = (720.0, 1.0, (20.0, 3 * 3600.0))
SECOND_HOME = 101
"""How many zip codes further the second person lives."""


def patient_chains(rng: Rng, people: Population, card: Int64s, start_ms: Int64s) -> Rows:
    """Attacks by hand that stay out of the ten minutes; their amounts rise as a chain's."""
    drawn = Bursts.of(rng, card, start_ms, ATTACK_LENGTH, lambda count: rng.uniform(*PATIENT_GAP_S, count))
    span = drawn.position * len(AMOUNT_SPANS) // drawn.length
    low, high = (np.array([edges[side] for edges in AMOUNT_SPANS], dtype=float) for side in (0, 1))
    cents = to_cents(rng.uniform(low[span], high[span]))
    return drawn.rows(cents, people.draw_shops(rng, len(span)), anywhere(rng, drawn), PATIENT_CHAIN)


def takeovers(rng: Rng, people: Population, card: Int64s, start_ms: Int64s) -> Rows:
    """Account take-overs: orders over a day or two, above the card's usual amount, all sent to one other address."""
    drawn = Bursts.of(rng, card, start_ms, TAKEOVER_LENGTH, lambda count: _spread(rng, TAKEOVER_GAP_S, count))
    cents = people.draw_cents(rng, drawn.card, high=True)
    return drawn.rows(cents, people.draw_shops(rng, len(cents)), anywhere(rng, drawn), ACCOUNT_TAKEOVER)


def abuses(rng: Rng, people: Population, card: Int64s, start_ms: Int64s) -> Rows:
    """Payments with stolen card data: few, of everyday amounts, hours apart."""
    drawn = Bursts.of(rng, card, start_ms, ABUSE_LENGTH, lambda count: _spread(rng, ABUSE_GAP_S, count))
    cents = people.draw_cents(rng, drawn.card)
    return drawn.rows(cents, people.draw_shops(rng, len(cents)), anywhere(rng, drawn), MERCHANT_COMPROMISE)


def thefts(rng: Rng, people: Population, paid: Rows, count: int) -> Rows:
    """Abuses of cards that paid on this day at the merchant that is compromised now."""
    if not len(paid):
        return paid
    week = int(paid.at_ms[0]) // COMPROMISE_MS
    # the first card's number stands for the world's seed
    merchant = people.draw_shops(np.random.default_rng([int(people.numbers[0]), week]), 1)[0]
    victims = _some(rng, paid.take((paid.merchant == merchant) & (paid.scenario < CHAIN)), count)
    return abuses(rng, people, victims.card, victims.at_ms + _days_ms(rng, THEFT_DELAY_DAYS, len(victims)))


def returns(rng: Rng, people: Population, paid: Rows, count: int) -> Rows:
    """Refunds of purchases of this day: the same card and merchant, the amount or a part of it, below zero."""
    bought = np.isin(paid.scenario, (EVERYDAY, SHOPPING_TRIP, SHIPPED_ORDER))
    given_back = _some(rng, paid.take(bought), count)
    return _refunded(rng, given_back, _days_ms(rng, REFUND_DELAY_DAYS, len(given_back)))


def refunds(rng: Rng, people: Population, card: Int64s, start_ms: Int64s) -> Rows:
    """Refunds of purchases before the traffic began."""
    bought = singles(rng, people, card, start_ms)
    return _refunded(rng, bought, np.zeros(len(bought), np.int64))


def shared_days(rng: Rng, people: Population, card: Int64s, start_ms: Int64s) -> Rows:
    """Two people shop with one card at the same time, in two towns; cards of one person are left out."""
    of_two = card % SHARED_EVERY == 0
    drawn = Bursts.of(
        rng, card[of_two], start_ms[of_two], SHARED_LENGTH, lambda count: _spread(rng, SHARED_GAP_S, count)
    )
    home = people.home_zip[drawn.card]
    second = rng.random(len(home)) < 0.5
    zips = np.where(second, (home + SECOND_HOME) % len(ZIP_CODES), home)
    cents = people.draw_cents(rng, drawn.card)
    return drawn.rows(cents, people.draw_shops(rng, len(cents)), zips, SHARED_CARD)


def _refunded(rng: Rng, bought: Rows, later_ms: Int64s) -> Rows:
    part = np.where(rng.random(len(bought)) < WHOLE_REFUNDS, 1.0, rng.uniform(0.1, 0.9, len(bought)))
    cents = -np.maximum(np.rint(bought.cents * part).astype(np.int64), 1)
    scenario = np.full(len(bought), REFUND)
    return Rows(bought.card, bought.at_ms + later_ms, cents, bought.merchant, bought.zip_code, scenario)


def _some(rng: Rng, rows: Rows, count: int) -> Rows:
    """Return so many rows, or all if there are not as many."""
    return rows.take(np.sort(rng.permutation(len(rows))[:count]))


def _spread(rng: Rng, spread: tuple[float, float, tuple[float, float]], count: int) -> Floats:
    """Draw from a lognormal distribution, given as median, sigma and limits."""
    median, sigma, limits = spread
    return np.clip(median * np.exp(rng.normal(0.0, sigma, count)), *limits)


def _days_ms(rng: Rng, days: tuple[float, float, tuple[float, float]], count: int) -> Int64s:
    return np.rint(_spread(rng, days, count) * DAY_MS).astype(np.int64)
