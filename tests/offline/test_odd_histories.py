"""Histories in which something is missing or odd: training says what, and nothing half-made is ever active."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fraudstream.adapters.models.registry import Registry
from fraudstream.domain.errors import SetupError
from fraudstream.domain.times import DAY_MS
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.gaps import gaps_between
from fraudstream.offline.train import train
from fraudstream.settings import Settings
from fraudstream.world.generate import generate
from fraudstream.world.world import World
from tests.commands.running import environment, fraudstream

WORLD = World(seed=1, cards=300, days=20, payments=20_000, start=date(2020, 2, 20))
COL = pl.col


def changed(directory: Path, change: Callable[[pl.DataFrame, date], pl.DataFrame | None]) -> Path:
    """Write a history of which each day is changed; a day that becomes None is gone."""
    generate(WORLD, directory)
    for file in sorted(directory.glob("date=*/*.parquet")):
        day = date.fromisoformat(file.parent.name.removeprefix("date="))
        made = change(pl.read_parquet(file, hive_partitioning=False), day)
        file.unlink()
        if made is not None:
            made.write_parquet(file)
    return directory


@pytest.mark.parametrize(
    ("fraud_if", "sentence"),
    [
        (lambda day: True, "all 9,026 labelled payments to learn from are fraud"),
        (lambda day: day >= date(2020, 3, 5), "labelled payments to test with are fraud"),
    ],
)
def test_payments_that_are_all_fraud_train_nothing(
    fraud_if: Callable[[date], bool], sentence: str, tmp_path: Path
) -> None:
    """It is said before anything is trained, so no number is used up."""
    history = changed(
        tmp_path / "history",
        lambda payments, day: payments.with_columns(is_fraud=True) if fraud_if(day) else payments,
    )

    with pytest.raises(SetupError, match=sentence):
        train(history, tmp_path / "models")
    assert not Registry.at(str(tmp_path / "models"), "card").log().states


def test_a_label_that_is_not_a_number_is_none(tmp_path: Path) -> None:
    """A missing value of pandas: the payment is not learnt from, and counts in the windows of others."""
    labels = pl.when(COL("tid") % 3 == 0).then(float("nan")).otherwise(COL("is_fraud").cast(pl.Float64))
    history = changed(tmp_path / "history", lambda payments, day: payments.with_columns(is_fraud=labels))
    generate(WORLD, tmp_path / "whole")

    odd, whole = (Dataset.of_history(place).frame for place in (history, tmp_path / "whole"))

    assert 20_000 / 3 == pytest.approx(odd["is_fraud"].null_count(), rel=0.01)
    assert whole.drop("is_fraud").equals(odd.drop("is_fraud"))


def test_an_empty_file_is_a_day_without_payments(tmp_path: Path) -> None:
    """Some exports write one every day."""
    empty = date(2020, 3, 1)
    history = changed(
        tmp_path / "history", lambda payments, day: payments.clear() if day == empty else payments
    )

    assert 19_000 == Dataset.of_history(history).frame.height


def test_the_leap_day_is_a_day_like_any_other(tmp_path: Path) -> None:
    """The week of a payment on 3 March 2020 begins on 25 February; counted payment by payment."""
    generate(WORLD, tmp_path / "history")
    frame = Dataset.of_history(tmp_path / "history").frame
    times, cards = frame["event_time"].to_numpy(), frame["card_code"].to_numpy()
    third = np.flatnonzero(frame["event_time"].cast(pl.Datetime("ms")).dt.date() == date(2020, 3, 3))[:300]
    midnight = 1_583_193_600_000

    counted = [
        int(((cards == cards[row]) & (times < midnight) & (times >= midnight - 7 * DAY_MS)).sum())
        for row in third
    ]

    assert (tmp_path / "history/date=2020-02-29").is_dir()
    assert counted == frame["num_trans_last_1w"].gather(third).to_list()


def test_a_week_without_events_is_said() -> None:
    """Six days are not; the order of days does not matter."""
    days = [date(2024, 3, 10), date(2024, 1, 1), date(2024, 2, 1), date(2024, 2, 8), date(2024, 3, 18)]

    assert [
        "there are no events from 2024-01-02 to 2024-01-31 (30 days)",
        "there are no events from 2024-02-09 to 2024-03-09 (30 days)",
        "there are no events from 2024-03-11 to 2024-03-17 (7 days)",
    ] == [sentence.partition(":")[0] for sentence in gaps_between(days)]
    assert [] == gaps_between([])


def without_days(first: date, last: date) -> Callable[[pl.DataFrame, date], pl.DataFrame | None]:
    """Return a change after which these days are gone."""
    return lambda payments, day: None if first <= day <= last else payments


@pytest.mark.process
def test_training_and_datasets_warn_of_a_time_without_payments(tmp_path: Path) -> None:
    """It is in the manifests, too; the model is made all the same."""
    changed(tmp_path / "history", without_days(date(2020, 2, 27), date(2020, 3, 5)))
    settings = Settings(_env_file=None, data_dir=tmp_path)
    trained = fraudstream(settings, "train", "--activate", "always", timeout_s=120)
    made = fraudstream(settings, "dataset", "--out", tmp_path / "out", timeout_s=120)

    for done in (trained, made):
        assert 0 == done.returncode, done.stderr
        assert "Warning: there are no events from 2020-02-27 to 2020-03-05 (8 days)" in done.stderr
    assert 1 == len(Registry.of(settings).manifest(Registry.of(settings).resolve())["history"]["gaps"])


@pytest.mark.process
def test_a_disk_that_fills_during_training_leaves_no_version(tmp_path: Path) -> None:
    """What was active stays; the version has failed, and code 75 says that a later try may find room."""
    generate(replace(WORLD, cards=1000, payments=60_000), tmp_path / "history")
    settings = Settings(_env_file=None, data_dir=tmp_path)
    first = fraudstream(settings, "train", "--activate", "always", "--rounds", "2", timeout_s=120)
    command = 'ulimit -f 40 && exec "$0" -m fraudstream train --activate always --rounds 300'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        env=environment(settings), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    models = Registry.of(settings)

    assert 0 == first.returncode, first.stderr
    assert 75 == done.returncode, done.stderr
    assert "a file has reached the limit of file sizes" in done.stderr
    assert "1.0" == str(models.resolve())
    assert ["ACTIVE", "FAILED"] == sorted(state.name for state in models.log().states.values())
    assert not list((tmp_path / "models/card").glob("2.0/model.ubj"))
