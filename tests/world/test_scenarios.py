"""Hard scenarios: each has its share and shape, the same for the same seed, and leaves the sample's world as it is."""

import itertools
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.errors import SetupError
from fraudstream.domain.times import DAY_MS
from fraudstream.world.generate import generate
from fraudstream.world.hard_bursts import COMPROMISE_MS, SHARED_EVERY
from fraudstream.world.live import Live
from fraudstream.world.manifest import read_world
from fraudstream.world.rows import (
    ACCOUNT_TAKEOVER,
    CARD_TESTING,
    CHAIN,
    EVERYDAY,
    MERCHANT_COMPROMISE,
    PATIENT_CHAIN,
    REFUND,
    SCENARIOS,
    SHARED_CARD,
    Rows,
    concat,
)
from fraudstream.world.scenarios import HARD, WORLDS, with_written
from fraudstream.world.world import World

SAMPLE = World(seed=3, cards=2000, days=80, payments=400_000, start=date(2020, 2, 1))
WORLD = replace(SAMPLE, scenarios=WORLDS["hard"])


@pytest.fixture(scope="module")
def history() -> Rows:
    """Return all payments of the hard world."""
    return concat(list(WORLD.by_day()))


@pytest.mark.parametrize(
    ("scenario", "share"),
    [(ACCOUNT_TAKEOVER, 0.2), (PATIENT_CHAIN, 0.2), (CHAIN, 0.28), (CARD_TESTING, 0.12)],
)
def test_an_attack_has_its_share_of_the_frauds(history: Rows, scenario: int, share: float) -> None:
    """The sample's attacks keep their proportion in what the scenarios leave."""
    frauds = history.take(history.is_fraud)

    assert share == pytest.approx((frauds.scenario == scenario).mean(), rel=0.25)


def test_stolen_cards_are_abused_after_their_payment_at_the_compromised_merchant(history: Rows) -> None:
    """Every one of them paid there in the week before its abuse could begin; what is stolen late is abused after the end."""
    abused = history.take(history.scenario == MERCHANT_COMPROMISE)
    honest = history.take(~history.is_fraud)
    week = honest.at_ms // COMPROMISE_MS
    merchants = {
        number: WORLD.people.draw_shops(np.random.default_rng([int(WORLD.people.numbers[0]), number]), 1)[0]
        for number in range(week.min(), week.max() + 1)
    }
    there = honest.take(honest.merchant == np.array([merchants[number] for number in week]))
    first_paid = dict(zip(there.card[::-1].tolist(), there.at_ms[::-1].tolist(), strict=True))

    assert 0.2 > (abused.scenario.size / history.is_fraud.sum()) > 0.08
    for card, at_ms in zip(abused.card.tolist(), abused.at_ms.tolist(), strict=True):
        assert first_paid[card] < at_ms


def test_a_takeover_goes_on_over_midnights_while_the_holder_pays(history: Rows) -> None:
    """So honest payments lie between those of the attack, and days end within it."""
    taken = history.take(history.scenario == ACCOUNT_TAKEOVER)
    order = np.lexsort((taken.at_ms, taken.card))
    same = np.diff(taken.card[order]) == 0
    gaps_ms = np.diff(taken.at_ms[order])[same]
    of_attack = gaps_ms[gaps_ms <= DAY_MS]

    assert 3 * 3_600_000 == pytest.approx(np.median(of_attack), rel=0.15)
    assert (np.diff(taken.at_ms[order] // DAY_MS)[same] > 0).mean() > 0.12


def test_patience_grows_and_prices_rise(history: Rows) -> None:
    """With drift, the last third of a history is another world than its first."""
    third = (history.at_ms - history.at_ms.min()) * 3 // (80 * DAY_MS)
    patient = [int(((history.scenario == PATIENT_CHAIN) & (third == number)).sum()) for number in range(3)]
    amounts = [history.cents[(history.scenario == EVERYDAY) & (third == number)].mean() for number in (0, 2)]

    assert patient[0] * 3 < patient[2]
    assert 1.16 / 1.03 == pytest.approx(amounts[1] / amounts[0], rel=0.05)


def test_a_refund_is_of_a_purchase_of_the_days_before(history: Rows) -> None:
    """Same card and merchant, at most the amount, below zero."""
    refunds = history.take(history.scenario == REFUND)
    bought = pl.DataFrame(
        {"card": history.card, "merchant": history.merchant, "cents": history.cents, "bought": history.at_ms}
    ).filter(pl.col("cents") > 0)
    given_back = pl.DataFrame(
        {"card": refunds.card, "merchant": refunds.merchant, "back": -refunds.cents, "at": refunds.at_ms}
    ).with_row_index()
    fitting = given_back.join(bought, on=["card", "merchant"]).filter(
        (pl.col("bought") < pl.col("at")) & (pl.col("back") <= pl.col("cents"))
    )

    assert (refunds.cents < 0).all()
    assert len(refunds) == fitting["index"].n_unique()
    assert 0.018 == pytest.approx(len(refunds) / len(history), rel=0.15)


def test_two_people_share_every_fifth_card(history: Rows) -> None:
    """They pay in two towns within minutes."""
    shared = history.take(history.scenario == SHARED_CARD)
    order = np.lexsort((shared.at_ms, shared.card))
    together = (np.diff(shared.card[order]) == 0) & (np.diff(shared.at_ms[order]) < 3_600_000)

    assert {0} == set((shared.card % SHARED_EVERY).tolist())
    assert 0.5 == pytest.approx((np.diff(shared.zip_code[order]) != 0)[together].mean(), abs=0.05)
    assert 0.02 == pytest.approx(len(shared) / len(history), rel=0.15)


def test_the_hard_world_keeps_its_size_and_its_frauds(history: Rows) -> None:
    """Scenarios change what happens, not how much."""
    assert 400_000 == len(history)
    assert WORLD.fraud_share == pytest.approx(history.is_fraud.mean(), rel=0.15)


def test_a_scenario_leaves_the_other_honest_bursts_as_they_are() -> None:
    """So that worlds with and without it can be compared: the first day has the same honest bursts."""
    plain, with_one = (next(iter(world.by_day())) for world in (SAMPLE, replace(SAMPLE, scenarios=(("refunds", 0.02),))))  # fmt: skip
    bursts = [rows.take((rows.scenario != EVERYDAY) & ~rows.is_fraud) for rows in (plain, with_one)]

    kept = [rows.take(rows.scenario < SCENARIOS.index("shipped-order")) for rows in bursts]
    assert kept[0].at_ms.tolist() == kept[1].at_ms.tolist()


def test_the_same_seed_gives_the_same_hard_world(tmp_path: Path) -> None:
    """Also after its history was read back."""
    world = World(seed=5, cards=200, days=4, payments=4000, scenarios=WORLDS["hard"])
    first = generate(world, tmp_path / "history").manifest

    again = read_world(tmp_path / "history")

    assert world == again
    assert first == generate(again, tmp_path / "again").manifest


def test_another_share_is_another_world(tmp_path: Path) -> None:
    """A history is not taken for one of another world."""
    world = World(seed=5, cards=50, days=2, payments=500, scenarios=with_written((), ["refunds"]))
    generate(world, tmp_path / "history")

    with pytest.raises(SetupError, match="--force"):
        generate(replace(world, scenarios=with_written((), ["refunds=0.1"])), tmp_path / "history")


def test_live_traffic_of_a_hard_world_has_all_of_it() -> None:
    """What follows from earlier payments follows from some before the traffic."""
    world = World(seed=1, cards=20_000, days=30, payments=600_000, scenarios=WORLDS["hard"])
    live = Live(world, 16.0, 1_580_558_400_000, attacks=20.0)

    seen = pl.concat(itertools.islice(iter(live), 1200))

    assert {"refund", "shared-card", "patient-chain", "account-takeover", "merchant-compromise"} <= set(
        seen["scenario"]
    )
    assert (seen["amount"] < 0).to_list() == (seen["scenario"] == "refund").to_list()


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (["refund"], "there is no scenario refund; did you mean refunds"),
        (["drift=x"], "the share of drift is 'x'; write a number from 0 to 1"),
        (["refunds=0.9"], "the share of refunds is '0.9'; write a number from 0 to 0.5"),
        (["drift=0.5", "account-takeover=0.5"], "these scenarios are 100% of the frauds"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused(written: list[str], sentence: str) -> None:
    """With a sentence that says what to write."""
    with pytest.raises(SetupError) as error:
        with_written((), written)
    assert sentence in str(error.value)


def test_refunds_need_an_event_type_that_takes_them(tmp_path: Path) -> None:
    """Else every one of them would be a dead letter."""
    card = event_type_named("card")
    refusing = replace(card, money=replace(card.money, refunds="refuse"))
    world = World(seed=5, cards=50, days=2, payments=500, scenarios=(("refunds", HARD["refunds"].share),))

    with pytest.raises(SetupError, match="refuses amounts below zero"):
        generate(world, tmp_path / "history", refusing)
