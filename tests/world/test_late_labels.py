"""Labels that come late: who says what of a simulated payment when, and that nobody learns from it earlier."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from fraudstream.commands.generate import generate as command
from fraudstream.domain.labels import COLUMNS, newest
from fraudstream.domain.times import DAY_MS, HOUR_MS
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.train import train
from fraudstream.world.generate import generate
from fraudstream.world.handbook import Handbook
from fraudstream.world.late_labels import Truth, late_labels
from fraudstream.world.world import World

WORLD = World(seed=4, cards=1000, days=45, payments=60_000, start=date(2020, 1, 20))


@pytest.fixture(scope="module")
def payments() -> pl.DataFrame:
    """Return payments, a third of them fraud, so that there is enough of everything."""
    count = 300_000
    return pl.DataFrame(
        {
            "tid": np.arange(count),
            "event_time": np.arange(count) * 1000,
            "is_fraud": np.arange(count) % 3 == 0,
            "scenario": ["chain" if number % 3 == 0 else "everyday" for number in range(count)],
        }
    )


@pytest.fixture(scope="module")
def labels(payments: pl.DataFrame) -> pl.DataFrame:
    """Return what became known of them, beside the truth and how long it took."""
    said = late_labels(Truth.of(payments), np.random.default_rng(1))
    truth = payments.select(pl.col("tid").cast(pl.String), "event_time", truth="is_fraud")
    return said.join(truth, left_on="transaction_id", right_on="tid").with_columns(
        waited_ms=pl.col("known_at") - pl.col("event_time")
    )


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a history with late labels."""
    directory = tmp_path_factory.mktemp("late") / "history"
    generate(WORLD, directory, late_labels=True)
    return directory


def test_a_review_comes_within_hours_and_is_seldom_wrong(labels: pl.DataFrame) -> None:
    """Half of the frauds, and few others."""
    reviews = labels.filter(pl.col("label_source") == "review")

    assert 100_000 * 0.5 + 200_000 * 0.002 == pytest.approx(reviews.height, rel=0.03)
    assert 4 * HOUR_MS == pytest.approx(reviews["waited_ms"].median(), rel=0.05)
    assert reviews["waited_ms"].is_between(HOUR_MS // 4, 48 * HOUR_MS).all()
    assert 0.03 == pytest.approx((reviews["truth"] != reviews["is_fraud"]).mean(), rel=0.15)


def test_a_chargeback_comes_days_late_and_at_most_after_120(labels: pl.DataFrame) -> None:
    """Nearly every fraud has one; some honest payments have one, too."""
    disputed = labels.filter((pl.col("label_source") == "chargeback") & pl.col("is_fraud"))

    assert 7 * DAY_MS == pytest.approx(disputed["waited_ms"].median(), rel=0.03)
    assert 0.05 == pytest.approx((disputed["waited_ms"] > 30 * DAY_MS).mean(), abs=0.01)
    assert disputed["waited_ms"].is_between(DAY_MS, 120 * DAY_MS).all()
    assert 97_000 == pytest.approx(disputed["truth"].sum(), rel=0.01)
    assert 200_000 * 0.0003 == pytest.approx((~disputed["truth"]).sum(), rel=0.35)


def test_what_nobody_disputes_for_30_days_counts_as_legitimate(labels: pl.DataFrame) -> None:
    """Until a chargeback comes that was later still."""
    quiet = labels.filter(pl.col("label_source") == "import")

    assert {30 * DAY_MS} == set(quiet["waited_ms"])
    assert not quiet["is_fraud"].any()
    assert quiet["truth"].any()
    assert set(labels["transaction_id"]) == {str(number) for number in range(300_000)}


def test_the_last_label_is_the_truth_but_for_some_that_stay_wrong(labels: pl.DataFrame) -> None:
    """Frauds that nobody reports, honest payments that somebody disputes, and reviews that nothing corrects."""
    last = newest(labels.with_row_index("label_offset")).join(
        labels.select("transaction_id", "truth").unique(), on="transaction_id"
    )
    missed = last.filter(pl.col("truth"))["is_fraud"]
    accused = last.filter(~pl.col("truth"))["is_fraud"]

    # half of the unreported are reviewed, rightly but for 3 %
    assert 0.03 * (0.5 + 0.5 * 0.03) == pytest.approx((~missed).mean(), rel=0.1)
    assert 0.0003 * 0.5 + 0.002 * 0.03 == pytest.approx(accused.mean(), rel=0.4)


def test_labels_are_in_order_and_wait_as_much_less_as_they_are_sped_up(payments: pl.DataFrame) -> None:
    """Live traffic cannot wait for weeks; who says what does not change."""
    slow, fast = (late_labels(Truth.of(payments), np.random.default_rng(1), speed) for speed in (1.0, 1440.0))
    both = slow.join(fast, on=["transaction_id", "label_source", "note", "is_fraud"], nulls_equal=True)
    event_time = both["transaction_id"].cast(pl.Int64) * 1000

    assert slow["known_at"].is_sorted()
    assert slow.height == fast.height == both.height
    waits = (both["known_at"] - event_time) / 1440 - (both["known_at_right"] - event_time)
    assert waits.abs().max() <= 1  # type: ignore[operator]


def test_payments_do_not_have_the_truth_and_are_the_same_as_with_it(history: Path, tmp_path: Path) -> None:
    """The same command without the option writes the truth, to judge by."""
    generate(WORLD, tmp_path / "truth")
    late, truth = (
        pl.read_parquet(sorted(place.glob("date=*/*.parquet")), hive_partitioning=False)
        for place in (history, tmp_path / "truth")
    )

    assert late.equals(truth.drop("is_fraud", "scenario"))
    assert {*COLUMNS} == {
        *pl.read_parquet(sorted(history.glob("labels/date=*/*.parquet")), hive_partitioning=False).columns
    }


def test_a_history_with_late_labels_is_not_one_without(history: Path, tmp_path: Path) -> None:
    """Each is recognised, and a label file that is gone, too."""
    assert generate(WORLD, history, late_labels=True).already_there
    generate(WORLD, tmp_path / "history", late_labels=True)
    next(iter((tmp_path / "history").glob("labels/date=*/*.parquet"))).unlink()
    assert not generate(WORLD, tmp_path / "history", force=True, late_labels=True).already_there
    assert not generate(WORLD, tmp_path / "history", force=True).already_there


def test_a_dataset_has_the_labels_that_were_known_at_its_cut(history: Path) -> None:
    """Gone through one by one, in order of when they became known."""
    cut_ms = WORLD_CUT_MS
    said = pl.read_parquet(sorted(history.glob("labels/date=*/*.parquet")), hive_partitioning=False)
    then: dict[str, bool] = {}
    now: dict[str, bool] = {}
    for row in said.sort("known_at", "label_offset").iter_rows(named=True):
        now[row["transaction_id"]] = row["is_fraud"]
        if row["known_at"] <= cut_ms:
            then[row["transaction_id"]] = row["is_fraud"]
    ids = [
        str(tid)
        for file in sorted(history.glob("date=*/*.parquet"))
        for tid in pl.read_parquet(file, columns=["tid"], hive_partitioning=False)["tid"]
    ]

    frame = Dataset.of_history(history, labels_cut_ms=cut_ms).frame

    expected = [
        (then if time_ms < cut_ms else now).get(tid)
        for tid, time_ms in zip(ids, frame["event_time"], strict=True)
    ]
    assert expected == frame["is_fraud"].to_list()
    assert 0 < frame["is_fraud"].null_count() < frame.height


WORLD_CUT_MS = 1_579_478_400_000 + 35 * DAY_MS
"""35 days after the world's start."""


def test_a_model_learns_from_late_labels(history: Path, tmp_path: Path) -> None:
    """It sees fewer payments than there are, and knows an attack all the same."""
    manifest = train(history, tmp_path / "models", activate="always")

    assert 0.9 < manifest["metrics"]["auc"]
    assert manifest["train"]["rows"] < 60_000 * 0.4


def test_the_command_says_how_many_became_known(tmp_path: Path) -> None:
    """And how many stay wrong; the Handbook's world has them, too."""
    generate(Handbook(cards=50, days=3, payments=300), tmp_path / "book", late_labels=True)
    options = ["--cards", "50", "--days", "3", "--late-labels", "--directory", str(tmp_path / "history")]

    done = CliRunner().invoke(command, options)
    manifest = json.loads((tmp_path / "history/manifest.json").read_text())

    assert 0 == done.exit_code, done.output
    assert f"{manifest['labels']['written']:,} labels became known" in done.output
    assert (tmp_path / "book/labels").is_dir()
