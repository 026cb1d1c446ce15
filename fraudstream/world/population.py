"""The population of the simulated world: cards with their habits, merchants, zip codes and subscriptions.

It is determined by seed, number of cards, and payments per card and day.
"""

import math
from dataclasses import dataclass

import numpy as np

from fraudstream.domain.events.amounts import rounded_units
from fraudstream.domain.times import DAY_MS
from fraudstream.world.rows import Floats, Int64s

AMOUNT_SPANS = ((0.01, 1, 0.05), (1, 10, 0.075), (10, 100, 0.525), (100, 1000, 0.25), (1000, 10000, 0.10))
"""The AWS sample's amounts: from, to and share of payments; uniform within a span."""

SPENDING_LEVEL_WEIGHT = 0.4
"""How much of an amount's rank is the card's own level (the rest is the occasion). Without it the week's mean would tell
nothing about a card. The share per span stays exactly the sample's, because only ranks are correlated."""

ACTIVITY_SHAPE = 2.0
"""Gamma shape of payments a day over cards: coefficient of variation 0.7, so some cards pay ten times a day and some
once a week. In the sample all cards are alike, which makes the weekly count a constant."""

BIN = 400_000
"""Visa's range for tests: no card in it was ever issued."""

TRIP_RANKS = (0.125, 0.9)
"""Shops on a trip sell for 10 to 1,000: the middle spans of AMOUNT_SPANS, in ranks."""

SUBSCRIPTION_SHARE = 0.028
"""Of all payments; at the sample's 3.55 payments a card and day this is three subscriptions a card."""

DAYS_IN_MONTH = 30.4

TOWNS = ("Harbor", "Hill", "Mill", "Lake", "Station", "Market", "Orchard", "Bridge", "Castle", "Meadow")
SHOPS = ("Grocery", "Bakery", "Pharmacy", "Fuel", "Books", "Garden", "Shoes", "Toys", "Electronics", "Diner",
         "Cafe", "Tailor", "Cinema", "Sports", "Florist", "Optician", "Hardware", "Travel", "Gallery", "Furniture")  # fmt: skip
SERVICES = ("Video", "Music", "News", "Storage", "Fitness", "Phone", "Energy", "Water", "Insurance", "Games")
MERCHANTS = (
    *(f"{town} {shop}" for shop in SHOPS for town in TOWNS),
    *(f"{service} Monthly" for service in SERVICES),
    *(f"{town} Vending" for town in TOWNS),
    *(f"{town} Metro" for town in TOWNS),
)
SHOP_COUNT = len(SHOPS) * len(TOWNS)
FIRST_SERVICE = SHOP_COUNT
FIRST_VENDING = FIRST_SERVICE + len(SERVICES)
FIRST_METRO = FIRST_VENDING + len(TOWNS)

ZIP_CODES = tuple(f"{code:05d}" for code in range(1001, 99_950, 198))


def card_numbers(seed: int, cards: int) -> Int64s:
    """Return distinct 16-digit numbers of the test range with a valid check digit (Luhn)."""
    index = np.arange(cards, dtype=np.int64)
    account = (index * 387_420_489 + seed * 1_000_003 + 12_345) % 10**9  # coprime to 10^9: no number twice
    body = BIN * 10**9 + account
    total = np.zeros(cards, dtype=np.int64)
    rest = body.copy()
    for place in range(15):
        digit = rest % 10
        rest //= 10
        if place % 2 == 0:  # every second digit counts double, from the one beside the check digit
            digit = digit * 2
            digit -= 9 * (digit > 9)
        total += digit
    return body * 10 + (-total) % 10


def _normal_to_amount() -> tuple[Floats, Floats]:
    """Tabulate the amount at each normal score, so that one interpolation draws correlated amounts."""
    scores = np.linspace(-5.0, 5.0, 4001)
    ranks = np.array([0.5 * (1 + math.erf(score / math.sqrt(2))) for score in scores])
    return scores, amounts_of_ranks(ranks)


def amounts_of_ranks(ranks: Floats) -> Floats:
    """Return the amounts at these ranks (0 to 1) of the sample's distribution.

    >>> amounts_of_ranks(np.array([0.0, 0.05, 0.125, 0.65, 0.9, 1.0])).tolist()
    [0.01, 1.0, 10.0, 100.0, 1000.0, 10000.0]
    """
    edges = [0.01, *(span[1] for span in AMOUNT_SPANS)]
    return np.interp(ranks, np.cumsum([0.0, *(span[2] for span in AMOUNT_SPANS)]), edges)


_SCORES, _AMOUNTS = _normal_to_amount()


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """One row a subscription: same card, merchant, amount, day of the month and second of the day, month after month."""

    card: Int64s
    cents: Int64s
    merchant: Int64s
    day_of_month: Int64s
    ms_of_day: Int64s


@dataclass(frozen=True, slots=True)
class Population:
    """The cards and what is known of each; index `i` everywhere is the same card."""

    numbers: Int64s
    activity: Floats
    """Cumulative share of all payments, for drawing cards by how often they pay."""
    level: Floats
    home_zip: Int64s
    shop_share: Floats
    subscriptions: Subscriptions
    merchants: tuple[str, ...] = MERCHANTS
    zip_codes: tuple[str, ...] = ZIP_CODES

    @classmethod
    def of(cls, seed: int, cards: int, payments_per_card_day: float) -> "Population":
        """Draw the population of a seed."""
        rng = np.random.default_rng([seed, 1])
        weight = rng.gamma(ACTIVITY_SHAPE, 1 / ACTIVITY_SHAPE, cards)
        return cls(
            numbers=card_numbers(seed, cards),
            activity=np.cumsum(weight) / weight.sum(),
            level=rng.standard_normal(cards),
            home_zip=rng.integers(0, len(ZIP_CODES), cards),
            shop_share=_popularity(),
            subscriptions=_subscriptions(rng, cards, payments_per_card_day),
        )

    def draw_cards(self, rng: np.random.Generator, count: int) -> Int64s:
        """Draw cards, each as often as it pays."""
        return np.searchsorted(self.activity, rng.random(count)).clip(max=len(self.activity) - 1)

    def draw_shops(self, rng: np.random.Generator, count: int) -> Int64s:
        """Draw shops by popularity: a few are large (Zipf)."""
        return np.searchsorted(self.shop_share, rng.random(count)).clip(max=SHOP_COUNT - 1)

    def draw_zips(self, rng: np.random.Generator, card: Int64s) -> Int64s:
        """Draw where these cards pay: at home nine times out of ten."""
        away = rng.integers(0, len(ZIP_CODES), len(card))
        return np.where(rng.random(len(card)) < 0.9, self.home_zip[card], away)

    def draw_cents(self, rng: np.random.Generator, card: Int64s, *, high: bool = False) -> Int64s:
        """Draw everyday amounts: the sample's spans, around each card's own level, or only above it."""
        own = SPENDING_LEVEL_WEIGHT
        occasion = rng.standard_normal(len(card))
        score = own * self.level[card] + math.sqrt(1 - own * own) * (np.abs(occasion) if high else occasion)
        return to_cents(np.interp(score, _SCORES, _AMOUNTS))


def to_cents(amounts: Floats) -> Int64s:
    """Round amounts to whole cents, at least one."""
    return np.maximum(rounded_units(amounts), 1)


def _popularity() -> Floats:
    """Return the cumulative share of each shop: Zipf's law over an arbitrary order."""
    share = 1.0 / np.arange(1, SHOP_COUNT + 1, dtype=np.float64)
    popularity: Floats = np.cumsum(share) / share.sum()
    return popularity


def _subscriptions(rng: np.random.Generator, cards: int, payments_per_card_day: float) -> Subscriptions:
    """Draw every card's subscriptions; prices end in 99 as they do, median 13."""
    each = rng.poisson(SUBSCRIPTION_SHARE * payments_per_card_day * DAYS_IN_MONTH, cards)
    card = np.repeat(np.arange(cards), each)
    price = np.clip(np.exp(rng.normal(math.log(13), 0.8, len(card))), 1, 300).astype(np.int64)
    return Subscriptions(
        card=card,
        cents=price * 100 - 1,
        merchant=rng.integers(FIRST_SERVICE, FIRST_VENDING, len(card)),
        day_of_month=rng.integers(1, 29, len(card)),
        ms_of_day=rng.integers(0, DAY_MS, len(card)),
    )
