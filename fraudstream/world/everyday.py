"""Payments that come alone: a till, a parcel that leaves the warehouse, a subscription; and when people pay."""

from collections.abc import Callable

import numpy as np

from fraudstream.domain.times import DAY_MS, HOUR_MS
from fraudstream.world.population import Population
from fraudstream.world.rows import (
    EVERYDAY,
    LAST_IN_PERSON,
    SHIPPED_ORDER,
    SUBSCRIPTION,
    Floats,
    Int64s,
    Rows,
    concat,
)

HOURS = (2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 11, 13, 12, 10, 10, 11, 13, 14, 12, 10, 8, 6, 4)
"""Relative number of honest payments in each hour of the day (UTC): people sleep, lunch and shop after work. Attacks
come at any hour."""

SHIPPED_SHARE = 0.1
"""Share of single payments that are online orders, charged when the parcel leaves, not when the buyer acts."""

PAUSE_S = 20.0
"""Shortest time between two payments in person with one card in different places. The sample draws times independently,
so hundreds of its honest cards pay at two tills within two seconds."""


def _hour_clock() -> tuple[Floats, Floats]:
    """Return the share of a day's payments before each hour's start, and that start in ms."""
    return np.cumsum([0.0, *HOURS], dtype=np.float64) / sum(HOURS), np.arange(25, dtype=np.float64) * HOUR_MS


_SHARE_BEFORE, _HOUR_MS = _hour_clock()


def times_of_day(rng: np.random.Generator, count: int) -> Int64s:
    """Draw when people pay, in ms after midnight."""
    return np.interp(rng.random(count), _SHARE_BEFORE, _HOUR_MS).astype(np.int64).clip(max=DAY_MS - 1)


def singles(rng: np.random.Generator, people: Population, card: Int64s, at_ms: Int64s) -> Rows:
    """Draw single payments of these cards at these times: most at a till, some of shipped orders."""
    cents, shops, zips = (
        people.draw_cents(rng, card),
        people.draw_shops(rng, len(card)),
        people.draw_zips(rng, card),
    )
    scenario = np.where(rng.random(len(card)) < SHIPPED_SHARE, SHIPPED_ORDER, EVERYDAY)
    return Rows(card, at_ms, cents, shops, zips, scenario)


def subscriptions(people: Population, which: Int64s, at_ms: Int64s) -> Rows:
    """Return the payments of these subscriptions at these times."""
    paid = people.subscriptions
    card = paid.card[which]
    scenario = np.full(len(card), SUBSCRIPTION)
    return Rows(card, at_ms, paid.cents[which], paid.merchant[which], people.home_zip[card], scenario)


def one_at_a_time(bursts: Rows, alone: Rows, redraw_ms: Callable[[int], Int64s]) -> Rows:
    """Return the single payments; those made in person are moved if the same person was paying elsewhere.

    They are moved once: the new time clashes again only a few times in millions of payments.
    """
    rows = concat([bursts, alone])
    in_person = np.flatnonzero(rows.scenario <= LAST_IN_PERSON)
    order = in_person[np.lexsort((rows.at_ms[in_person], rows.card[in_person]))]
    card, at_ms, movable = rows.card[order], rows.at_ms[order], rows.scenario[order] == EVERYDAY
    clash = (card[1:] == card[:-1]) & (at_ms[1:] - at_ms[:-1] < PAUSE_S * 1000)
    later = clash & movable[1:]
    earlier = clash & ~later & movable[:-1]
    moved = np.concatenate([order[1:][later], order[:-1][earlier]]) - len(bursts)
    times = alone.at_ms.copy()
    times[moved] = redraw_ms(len(moved))
    return Rows(alone.card, times, alone.cents, alone.merchant, alone.zip_code, alone.scenario)
