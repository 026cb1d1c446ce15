"""Writing a simulated history: deterministic, complete, and never mixed with another one."""

import itertools
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from fraudstream.commands.generate import generate as command
from fraudstream.domain.errors import SetupError
from fraudstream.world.generate import generate
from fraudstream.world.live import Live, rate_of
from fraudstream.world.manifest import read_world
from fraudstream.world.world import World

WORLD = World(seed=1, cards=200, days=3, payments=2000, start=date(2020, 1, 30))
NOON_MS = 1_580_558_400_000


def read(directory: Path) -> pl.DataFrame:
    """Return a history in the order of arrival."""
    return pl.read_parquet(sorted(directory.glob("date=*/*.parquet")), hive_partitioning=False)


def test_the_history_has_the_agreed_columns(tmp_path: Path) -> None:
    """Others read it: names and types are a contract."""
    generate(WORLD, tmp_path / "history")

    payments = read(tmp_path / "history")

    assert {
        "tid": pl.Int64,
        "cc_num": pl.Int64,
        "amount": pl.Float64,
        "event_time": pl.Int64,
        "merchant": pl.String,
        "zip_code": pl.String,
        "is_fraud": pl.Boolean,
        "scenario": pl.String,
    } == dict(payments.schema)
    assert 2000 == payments.height == payments["tid"].n_unique()
    assert 0 == payments.null_count().sum_horizontal().item()
    assert payments["zip_code"].str.contains(r"^\d{5}$").all()
    assert payments["amount"].to_list() == payments["amount"].round(2).to_list()


def test_the_same_world_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two machines that generate it have the same files."""
    first, second = (generate(WORLD, tmp_path / name).manifest for name in ("one", "two"))

    assert first == second
    assert (tmp_path / "one/date=2020-01-31/payments.parquet").read_bytes() == (
        tmp_path / "two/date=2020-01-31/payments.parquet"
    ).read_bytes()


def test_a_world_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    """The demo may ask every time."""
    assert not generate(WORLD, tmp_path / "history").already_there
    assert generate(WORLD, tmp_path / "history").already_there


def test_two_worlds_do_not_share_a_directory(tmp_path: Path) -> None:
    """A mixture of both would be neither."""
    generate(WORLD, tmp_path / "history")
    other = World(seed=2, cards=200, days=2, payments=1000, start=date(2020, 1, 30))

    with pytest.raises(SetupError, match="--force"):
        generate(other, tmp_path / "history")
    generate(other, tmp_path / "history", force=True)

    assert 1000 == read(tmp_path / "history").height
    assert other == read_world(tmp_path / "history")


def test_an_incomplete_history_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    """Somebody deleted a day."""
    generate(WORLD, tmp_path / "history")
    (tmp_path / "history/date=2020-01-31/payments.parquet").unlink()

    with pytest.raises(SetupError, match="--force"):
        generate(WORLD, tmp_path / "history")


def test_an_interrupted_run_leaves_nothing_that_looks_like_a_history(tmp_path: Path) -> None:
    """The directory appears when it is complete, and what an earlier run left is no hindrance."""

    def interrupt(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(WORLD, tmp_path / "history", on_day=interrupt)

    assert not (tmp_path / "history").exists()
    assert not generate(WORLD, tmp_path / "history").already_there


def test_the_command_writes_a_history_that_ends_at_a_midnight(tmp_path: Path) -> None:
    """The demo wants yesterday to be the last day."""
    options = [
        "--cards",
        "50",
        "--days",
        "2",
        "--payments-per-card-day",
        "2",
        "--end",
        "2020-03-01",
        "--json",
    ]

    done = CliRunner().invoke(command, [*options, "--directory", str(tmp_path / "history")])

    assert 0 == done.exit_code, done.output
    manifest = json.loads(done.stdout)
    assert (200, "2020-02-28", "2020-02-29") == (
        manifest["payments"],
        manifest["first_date"],
        manifest["last_date"],
    )


@pytest.mark.parametrize(
    "options", [["--start", "yesterday"], ["--start", "2020-01-01", "--end", "2020-02-01"], ["--cards", "0"]]
)
def test_wrong_options_are_refused(options: list[str]) -> None:
    """With exit code 2, before anything is written."""
    assert 2 == CliRunner().invoke(command, options).exit_code


def live_minutes(world: World, rate: float, minutes: int) -> pl.DataFrame:
    """Return the first minutes of live traffic."""
    return pl.concat(itertools.islice(iter(Live(world, rate, NOON_MS, seed=1)), minutes * 60))


def company(payments: pl.DataFrame) -> float:
    """Return the share of payments that have another of the same card within the ten minutes before them."""
    gaps = payments.sort("cc_num", "event_time", maintain_order=True).select(
        (pl.col("event_time") - pl.col("event_time").shift().over("cc_num")) <= 600_000
    )
    return float(gaps.to_series().fill_null(value=False).mean() or 0)


def test_live_traffic_keeps_its_rate_and_its_seconds() -> None:
    """Every frame holds one second's payments in order, with ids that go on."""
    frames = list(itertools.islice(iter(Live(WORLD, 12.5, NOON_MS)), 120))

    assert 12.5 * 120 == pytest.approx(sum(frame.height for frame in frames), abs=15)
    for number, frame in enumerate(frames):
        seconds = (frame["event_time"] - NOON_MS) // 1000
        assert [number] * frame.height == seconds.to_list()
    tids = pl.concat(frames)["tid"]
    assert tids.to_list() == list(range(tids[0], tids[0] + len(tids)))
    assert tids[-1] < 2**53


def test_live_traffic_is_repeatable() -> None:
    """The same world, rate, start and seed send the same payments."""
    assert live_minutes(WORLD, 5.0, 1).equals(live_minutes(WORLD, 5.0, 1))


def test_windows_of_live_traffic_look_like_those_of_the_history_at_a_higher_rate() -> None:
    """With enough cards for the rate, as few payments follow another one within ten minutes as in the history."""
    world = World(seed=1, cards=12_000, days=140, payments=1_680_000)
    days = itertools.islice(world.by_day(), 2)
    past = company(pl.concat([pl.DataFrame({"cc_num": day.card, "event_time": day.at_ms}) for day in days]))
    rate = rate_of(world.cards)  # 72 times the history's
    fast = live_minutes(world, rate, 40)

    assert past == pytest.approx(company(fast), abs=0.04)
    assert 0.0025 == pytest.approx(fast["is_fraud"].mean(), rel=0.6)


def test_too_few_cards_still_give_the_rate() -> None:
    """For load tests only the number of payments matters."""
    assert 60 * 500 == pytest.approx(live_minutes(WORLD, 500.0, 1).height, abs=500)
