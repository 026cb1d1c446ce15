"""The Handbook's world: the book's figures, from code of our own; as a history and as live traffic."""

import itertools
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from fraudstream.adapters.event_types import event_type_named
from fraudstream.commands.generate import generate as command
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from fraudstream.traffic.simulate import Simulation
from fraudstream.world.generate import generate
from fraudstream.world.handbook import ABUSED_TIMES, Handbook
from fraudstream.world.handbook_live import HandbookLive
from fraudstream.world.manifest import read_world
from fraudstream.world.rows import COMPROMISED_TERMINAL, HIGH_AMOUNT, LEAKED_CARD, Rows, concat
from fraudstream.world.world import World

SMALL = Handbook(seed=1, cards=300, days=40, payments=24_000, start=date(2020, 2, 27))


@pytest.fixture(scope="module")
def book() -> Rows:
    """Return all payments of a world of the book's size."""
    return concat(list(Handbook(seed=2).by_day()))


def test_it_has_the_payments_and_frauds_that_the_book_reports(book: Rows) -> None:
    """1,754,155 payments, 14,681 of them fraud: 978, 9,099 and 4,604 of the three kinds."""
    frauds = Counter(book.scenario.tolist())

    assert 1_754_155 == pytest.approx(len(book), rel=0.02)
    assert 14_681 == pytest.approx(book.is_fraud.sum(), rel=0.06)
    assert 978 == pytest.approx(frauds[HIGH_AMOUNT], rel=0.2)
    assert 9_099 == pytest.approx(frauds[COMPROMISED_TERMINAL], rel=0.08)
    assert 4_604 == pytest.approx(frauds[LEAKED_CARD], rel=0.08)


def test_every_amount_above_220_is_fraud(book: Rows) -> None:
    """The book's first scenario; the other two come on top of it."""
    assert book.is_fraud[book.cents > 22_000].all()


def test_a_customer_pays_only_at_terminals_nearby() -> None:
    """Found another way than the world finds them: all distances at once."""
    rng = np.random.default_rng([SMALL.seed, 10])
    home, place = rng.uniform(0, 100, (300, 2)), rng.uniform(0, 100, (600, 2))
    away = np.hypot(*(home[:, None, :] - place[None, :, :]).transpose(2, 0, 1))
    near = away < 5 * np.sqrt(10_000 / 600)

    people, rows = SMALL.people, concat(list(SMALL.by_day()))

    for customer in range(300):
        own = people.near[people.first[customer] : people.first[customer + 1]]
        assert np.flatnonzero(near[customer]).tolist() == sorted(own.tolist())
    assert near[rows.card, rows.merchant].all()


def test_a_terminal_is_compromised_for_28_days_with_all_its_payments() -> None:
    """From the first fraud of the kind on, no honest payment is made there until it is over."""
    rows = concat(list(SMALL.by_day()))
    day = rows.at_ms // 86_400_000
    compromised = rows.scenario == COMPROMISED_TERMINAL
    days = day[compromised] - day.min()

    for terminal, number in set(zip(rows.merchant[compromised].tolist(), days.tolist(), strict=True)):
        that_day = (rows.merchant == terminal) & (day - day.min() == number)
        assert rows.is_fraud[that_day].all()
    thieves = list(itertools.islice(SMALL.thieves(), 60))
    lengths = [
        len(list(those))
        for column in np.array([each.compromised for each in thieves]).T
        for on, those in itertools.groupby(column[:40])
        if on
    ]
    assert 28 in lengths


def test_leaked_cards_are_abused_for_five_times_the_amount(book: Rows) -> None:
    """A third of their payments."""
    leaked = book.take(book.scenario == LEAKED_CARD)
    mean = Handbook(seed=2).people.mean_amount

    assert ABUSED_TIMES * mean[leaked.card].mean() == pytest.approx(leaked.cents.mean() / 100, rel=0.05)


def test_a_history_of_it_is_read_like_any_other(tmp_path: Path) -> None:
    """Same columns; a second call finds it; it can be continued."""
    first = generate(SMALL, tmp_path / "history", event_type_named("card"))
    frame = pl.read_parquet(tmp_path / "history/date=2020-02-29/payments.parquet")

    assert generate(SMALL, tmp_path / "history").already_there
    assert SMALL == read_world(tmp_path / "history")
    assert [
        "tid",
        "cc_num",
        "amount",
        "event_time",
        "merchant",
        "zip_code",
        "is_fraud",
        "scenario",
    ] == frame.columns
    assert first.manifest["fraud"] > 0
    assert frame["zip_code"].str.contains(r"^\d{5}$").all()


def test_the_command_makes_it_with_its_own_pace(tmp_path: Path) -> None:
    """Two payments a day at most times, less those that fall outside the day."""
    options = ["--world", "handbook", "--cards", "500", "--days", "10", "--directory", str(tmp_path / "h")]

    done = CliRunner().invoke(command, options)

    assert 0 == done.exit_code, done.output
    assert 500 * 10 * 1.94 == pytest.approx(pl.read_parquet(tmp_path / "h/date=*/*.parquet").height, rel=0.05)
    assert 2 == CliRunner().invoke(command, [*options, "--scenario", "refunds"]).exit_code


def test_its_live_traffic_keeps_the_rate_and_the_share_of_fraud() -> None:
    """With ids that go on, in order."""
    world = Handbook(seed=1, cards=2000, days=60, payments=240_000)
    seconds = list(itertools.islice(iter(HandbookLive(world, 40.0, 1_580_558_400_000)), 300))
    seen = pl.concat(seconds)

    assert 40 * 300 == pytest.approx(seen.height, rel=0.05)
    assert 0.0084 == pytest.approx(seen["is_fraud"].mean(), rel=0.5)
    assert seen["tid"].to_list() == list(range(seen["tid"][0], seen["tid"][0] + seen.height))
    assert seen["event_time"].is_sorted()


def test_it_does_not_pretend_to_be_another_event_type(tmp_path: Path) -> None:
    """Its customers have no names and addresses."""
    with pytest.raises(SetupError, match="the world handbook has cards, amounts, merchants and zip codes"):
        generate(SMALL, tmp_path / "history", event_type_named("sparkov"))


@pytest.mark.parametrize(
    ("world", "options", "sentence"),
    [
        (SMALL, {"world": "hard"}, "the history is of the Handbook's world"),
        (SMALL, {"scenarios": ["refunds"]}, "leave out --scenario and --attacks"),
        (World(cards=50, days=2, payments=200), {"world": "handbook"}, "the history is of another world"),
    ],
)
def test_live_traffic_goes_on_with_the_world_of_the_history(
    world: World | Handbook, options: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    """Cards of one world would be unknown in the other."""
    generate(world, tmp_path / "history")
    settings = Settings(data_dir=tmp_path)

    with pytest.raises(SetupError) as error:
        Simulation.of(settings, 5.0, **{"attacks": 1.0, "seed": 1, "keyed": True, **options})  # type: ignore[arg-type]
    assert sentence in str(error.value)
