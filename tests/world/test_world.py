"""The simulated payments: figures like the sample's, bursts as described, and always the same for the same seed."""

import itertools
from datetime import date

import numpy as np
import pytest

from fraudstream.domain.times import midnight_ms
from fraudstream.world import bursts
from fraudstream.world.everyday import PAUSE_S
from fraudstream.world.population import AMOUNT_SPANS, card_numbers
from fraudstream.world.rows import (
    CARD_TESTING,
    CHAIN,
    EVERYDAY,
    GROUP_FARE,
    LAST_IN_PERSON,
    SCENARIOS,
    SUBSCRIPTION,
    Rows,
    concat,
)
from fraudstream.world.world import FRAUDS_MIN, World

SAMPLE_SCENARIOS = {
    "everyday",
    "shopping-trip",
    "machine-taps",
    "group-fare",
    "double-charge",
    "shipped-order",
    "subscription",
    "chain",
    "card-testing",
}

WORLD = World(seed=7, cards=1000, days=30, payments=100_000, start=date(2020, 1, 1))


@pytest.fixture(scope="module")
def history() -> Rows:
    """Return all payments of the small world."""
    return concat(list(WORLD.by_day()))


@pytest.fixture(scope="module")
def week() -> Rows:
    """Return the first payments of the sample's world."""
    return concat(list(itertools.islice(World(seed=7).by_day(), 7)))


def runs_of(rows: Rows, scenario: int) -> list[Rows]:
    """Return the bursts of a scenario, telling them apart by card and a pause of an hour."""
    of_kind = rows.take(rows.scenario == scenario)
    ordered = of_kind.take(np.lexsort((of_kind.at_ms, of_kind.card)))
    new = (np.diff(ordered.card) != 0) | (np.diff(ordered.at_ms) > 3_600_000)
    return [ordered.take(part) for part in np.split(np.arange(len(ordered)), np.flatnonzero(new) + 1)]


def test_there_are_exactly_as_many_payments_as_asked_for(history: Rows) -> None:
    """Everyday payments fill up what the bursts leave."""
    assert 100_000 == len(history)


def test_every_day_holds_its_own_payments_in_order() -> None:
    """Runs that last past midnight go on in the next day's file."""
    for number, rows in enumerate(WORLD.by_day()):
        midnight = midnight_ms(WORLD.start) + number * 86_400_000

        assert ((rows.at_ms >= midnight) & (rows.at_ms < midnight + 86_400_000)).all()
        assert (np.diff(rows.at_ms) >= 0).all()


def test_a_day_does_not_depend_on_how_many_days_were_asked_for(history: Rows) -> None:
    """The first day of a long world and of itself alone are the same, so no chunking can change anything."""
    alone = next(iter(World(7, 1000, 30, 100_000, date(2020, 1, 1)).by_day()))

    first = history.between(midnight_ms(date(2020, 1, 1)), midnight_ms(date(2020, 1, 2)))

    assert alone.at_ms.tolist() == first.at_ms.tolist()
    assert alone.cents.tolist() == first.cents.tolist()


def test_another_seed_is_another_world(history: Rows) -> None:
    """Nothing is left of the first one but its sizes."""
    other = next(iter(World(8, 1000, 30, 100_000, date(2020, 1, 1)).by_day()))

    assert other.at_ms[:100].tolist() != history.at_ms[:100].tolist()


def test_one_payment_in_four_hundred_is_fraud(week: Rows) -> None:
    """0.25 % as in the sample; attacks are few, so a week may be off by a third."""
    assert 0.0025 == pytest.approx(week.is_fraud.mean(), rel=0.35)


def test_a_small_world_has_as_many_frauds_as_a_model_needs(history: Rows) -> None:
    """At the sample's share there were 250, a third of them to be learnt from: too few to know an attack by."""
    assert FRAUDS_MIN == pytest.approx(history.is_fraud.sum(), rel=0.15)
    assert FRAUDS_MIN == pytest.approx(WORLD.fraud_share * WORLD.payments)


@pytest.mark.parametrize(
    ("payments", "share"),
    [(5_400_000, 0.0025), (1_600_000, 0.0025), (400_000, 0.01), (30_000, 0.05), (100, 0.05)],
)
def test_no_world_has_more_fraud_than_it_needs_or_than_a_world_can_have(payments: int, share: float) -> None:
    """Worlds from 1.6 million payments on are the sample's; the smallest are too small to learn from."""
    assert share == World(payments=payments).fraud_share


def test_single_payments_have_the_samples_amounts(history: Rows) -> None:
    """The share of each span holds although every card has a level of its own."""
    amounts = history.take(history.scenario == EVERYDAY).cents / 100

    for low, high, share in AMOUNT_SPANS:
        assert share == pytest.approx(((amounts >= low) & (amounts < high)).mean(), abs=0.02)


def test_chains_climb_from_the_smallest_span_and_wait_half_a_minute_to_two(history: Rows) -> None:
    """The sample's attack."""
    for chain in runs_of(history, CHAIN):
        gaps_s = np.diff(chain.at_ms) / 1000

        assert chain.cents[0] <= 100
        assert (np.diff(np.searchsorted([100, 1000, 10_000, 100_000], chain.cents)) >= 0).all()
        assert ((gaps_s >= 30) & (gaps_s <= 120.001)).all()


def test_card_tests_are_small_and_seconds_apart(history: Rows) -> None:
    """Three to ten payments of 0.50 to 60, 1 to 5 s apart, unless the world ends meanwhile."""
    tests = runs_of(history, CARD_TESTING)
    for test in tests:
        gaps_s = np.diff(test.at_ms) / 1000

        assert 3 <= len(test) <= 10
        assert ((test.cents >= 50) & (test.cents <= 6000)).all()
        assert ((gaps_s >= 0.999) & (gaps_s <= 5.001)).all()
    assert len(tests) > 0


def test_honest_cards_pay_in_bursts_too(week: Rows) -> None:
    """Most payments that have company within ten minutes are honest: many in a row alone proves nothing."""
    ordered = week.take(np.lexsort((week.at_ms, week.card)))
    quick = (np.diff(ordered.card) == 0) & (np.diff(ordered.at_ms) <= 600_000)

    assert ordered.is_fraud[1:][quick].mean() < 0.1
    assert SAMPLE_SCENARIOS == {SCENARIOS[number] for number in week.scenario}


def test_a_family_pays_the_same_fare_for_everyone(history: Rows) -> None:
    """The hardest honest burst: seconds apart, and every amount the same."""
    for family in runs_of(history, GROUP_FARE):
        assert 1 == len(set(family.cents.tolist()))
        assert (np.diff(family.at_ms) >= bursts.GROUP_GAP_S[0] * 1000 - 1).all()


def test_no_card_pays_in_two_places_at_once(history: Rows) -> None:
    """Single payments in person keep a distance in time from all other payments of the card."""
    rows = history.take(history.scenario <= LAST_IN_PERSON)
    ordered = rows.take(np.lexsort((rows.at_ms, rows.card)))
    clash = (np.diff(ordered.card) == 0) & (np.diff(ordered.at_ms) < PAUSE_S * 1000)
    either_single = (ordered.scenario[1:] == EVERYDAY) | (ordered.scenario[:-1] == EVERYDAY)

    assert (clash & either_single).sum() <= 3  # a second clash after moving is left


def test_subscriptions_come_back_every_month_at_the_same_time_with_the_same_amount() -> None:
    """A subscription has the same amount every month."""
    world = World(seed=7, cards=50, days=60, payments=10_000, start=date(2020, 1, 1))
    rows = concat(list(world.by_day()))
    paid = rows.take(rows.scenario == SUBSCRIPTION)
    months = paid.at_ms < midnight_ms(date(2020, 2, 1))

    def charges(some: Rows) -> set[tuple[int, ...]]:
        columns = (some.card, some.cents, some.merchant, some.at_ms % 86_400_000)
        return set(zip(*(column.tolist() for column in columns), strict=True))

    assert charges(paid.take(months)) == charges(paid.take(~months))


def test_card_numbers_are_valid_and_distinct() -> None:
    """Sixteen digits of a range for tests, with Luhn's check digit."""
    numbers = card_numbers(1, 5000)

    assert 5000 == len(set(numbers.tolist()))
    for number in map(str, numbers[:500]):
        digits = [int(digit) for digit in number]
        doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
        assert number.startswith("400000")
        assert 16 == len(digits)
        assert 0 == (sum(digits[-1::-2]) + doubled) % 10


def test_more_cards_keep_the_numbers_there_are() -> None:
    """A card's number depends on its position only."""
    assert card_numbers(3, 10).tolist() == list(itertools.islice(card_numbers(3, 1000).tolist(), 10))
