"""Draws bursts of payments on one card, honest and fraudulent.

Every function takes the cards and start times of its bursts and returns all their payments, for the history and for live
traffic. There are honest bursts so that many payments in a row alone prove nothing: a model has to tell a group at a
turnstile from a script, and an afternoon in town from a chain.
"""

import numpy as np

from fraudstream.world.burst_columns import Bursts
from fraudstream.world.population import (
    AMOUNT_SPANS,
    FIRST_METRO,
    FIRST_VENDING,
    SHOP_COUNT,
    TOWNS,
    TRIP_RANKS,
    ZIP_CODES,
    Population,
    amounts_of_ranks,
    to_cents,
)
from fraudstream.world.rows import (
    CARD_TESTING,
    CHAIN,
    DOUBLE_CHARGE,
    GROUP_FARE,
    MACHINE_TAPS,
    SHOPPING_TRIP,
    Floats,
    Int64s,
    Rows,
)

Rng = np.random.Generator

ATTACK_LENGTH = (3, 10)
"""Payments of an attack, both ends included: the AWS sample's."""

CHAIN_GAP_S = (30.0, 120.0)
"""Between the payments of a chain: the sample's. A person with a stolen card."""

CARD_TESTING_GAP_S = (1.0, 5.0)
"""Between the payments of a card test: a script that waits for each answer. The sample's data has none, although the
attack that its last notebook sends (1-2 s apart, 1-50 each) is one."""

CARD_TESTING_AMOUNT = (0.5, 60.0)
"""Small enough not to be noticed, at whatever merchant accepts it."""

TRIP_LENGTH = (3, 8)
TRIP_GAP_MEDIAN_S = 300.0
"""Between the payments of a shopping trip: lognormal, median five minutes; one gap in eight is under two minutes (the
next stall) and one in five over ten (lunch); at least 20 s (two tills in one shop)."""
TRIP_GAP_SIGMA = 0.8
TRIP_GAP_CLIP_S = (20.0, 3600.0)

TAPS_LENGTH = (2, 5)
TAPS_GAP_S = (8.0, 90.0)
"""Between payments at a vending machine or a laundry: 8 s is the time to press a button and take the bottle."""
TAPS_TENTHS = (5, 60)
"""What machines ask for, in tenths: 0.50 to 5.90."""

GROUP_LENGTH = (2, 5)
GROUP_GAP_S = (2.5, 10.0)
"""Between the fares of a family at a turnstile: nobody walks through a gate in less than 2.5 s."""
FARE_TENTHS = (15, 60)
"""What one fare costs, in tenths: 1.50 to 5.90. Gates that take cards charge everybody the same."""

DOUBLE_GAP_S = (0.5, 20.0)
"""Between a payment and its accidental twin: a second click, a terminal that tried again."""


def chains(rng: Rng, people: Population, card: Int64s, start_ms: Int64s) -> Rows:
    """Attacks by hand: amounts rise through the sample's spans along the chain."""
    drawn = Bursts.of(rng, card, start_ms, ATTACK_LENGTH, lambda count: rng.uniform(*CHAIN_GAP_S, count))
    span = drawn.position * len(AMOUNT_SPANS) // drawn.length
    low, high = (np.array([edges[side] for edges in AMOUNT_SPANS], dtype=float) for side in (0, 1))
    cents = to_cents(rng.uniform(low[span], high[span]))
    return drawn.rows(cents, people.draw_shops(rng, len(span)), anywhere(rng, drawn), CHAIN)


def card_tests(rng: Rng, people: Population, card: Int64s, start_ms: Int64s) -> Rows:
    """Attacks by script: small payments, seconds apart, at one merchant."""
    drawn = Bursts.of(
        rng, card, start_ms, ATTACK_LENGTH, lambda count: rng.uniform(*CARD_TESTING_GAP_S, count)
    )
    cents = to_cents(rng.uniform(*CARD_TESTING_AMOUNT, len(drawn.card)))
    return drawn.rows(
        cents, people.draw_shops(rng, len(card))[drawn.of_burst], anywhere(rng, drawn), CARD_TESTING
    )


def shopping_trips(rng: Rng, people: Population, card: Int64s, start_ms: Int64s) -> Rows:
    """An afternoon in town: several shops, minutes apart."""

    def gaps_s(count: int) -> Floats:
        gaps = np.exp(rng.normal(np.log(TRIP_GAP_MEDIAN_S), TRIP_GAP_SIGMA, count))
        return np.clip(gaps, *TRIP_GAP_CLIP_S)

    drawn = Bursts.of(rng, card, start_ms, TRIP_LENGTH, gaps_s)
    cents = to_cents(amounts_of_ranks(rng.uniform(*TRIP_RANKS, len(drawn.card))))
    zips = people.draw_zips(rng, card)[drawn.of_burst]
    return drawn.rows(cents, people.draw_shops(rng, len(drawn.card)), zips, SHOPPING_TRIP)


def machine_taps(rng: Rng, people: Population, card: Int64s, start_ms: Int64s) -> Rows:
    """Drinks for friends, three washing machines: small amounts, tens of seconds apart, at one machine."""
    drawn = Bursts.of(rng, card, start_ms, TAPS_LENGTH, lambda count: rng.uniform(*TAPS_GAP_S, count))
    cents = rng.integers(*TAPS_TENTHS, len(drawn.card)) * 10
    merchants = rng.integers(FIRST_VENDING, FIRST_METRO, len(card))[drawn.of_burst]
    return drawn.rows(cents, merchants, people.draw_zips(rng, card)[drawn.of_burst], MACHINE_TAPS)


def group_fares(rng: Rng, people: Population, card: Int64s, start_ms: Int64s) -> Rows:
    """A family at the turnstile: the same fare several times, seconds apart. The hardest honest burst there is."""
    drawn = Bursts.of(rng, card, start_ms, GROUP_LENGTH, lambda count: rng.uniform(*GROUP_GAP_S, count))
    cents = rng.integers(*FARE_TENTHS, len(card)) * 10
    merchants = rng.integers(FIRST_METRO, FIRST_METRO + len(TOWNS), len(card))
    zips = people.draw_zips(rng, card)
    return drawn.rows(cents[drawn.of_burst], merchants[drawn.of_burst], zips[drawn.of_burst], GROUP_FARE)


def double_charges(rng: Rng, people: Population, card: Int64s, start_ms: Int64s) -> Rows:
    """One purchase charged twice."""
    drawn = Bursts.of(rng, card, start_ms, (2, 2), lambda count: rng.uniform(*DOUBLE_GAP_S, count))
    merchants, zips = rng.integers(0, SHOP_COUNT, len(card)), people.draw_zips(rng, card)
    cents = people.draw_cents(rng, card)
    return drawn.rows(cents[drawn.of_burst], merchants[drawn.of_burst], zips[drawn.of_burst], DOUBLE_CHARGE)


def anywhere(rng: Rng, drawn: Bursts) -> Int64s:
    """Return one zip code a burst: thieves do not live where their victims do."""
    return rng.integers(0, len(ZIP_CODES), drawn.bursts)[drawn.of_burst]
