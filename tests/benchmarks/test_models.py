"""The benchmark of models runs, small, and judges a way to fit by later payments of its own time."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from benchmarks.models import FOLDS, as_kaggle_has_it, chosen
from fraudstream.adapters.event_types import event_type_named
from fraudstream.commands.etl import etl
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.training.folds import time_folds
from fraudstream.offline.training.options import TrainingOptions
from fraudstream.world.generate import generate
from fraudstream.world.world import World
from tests.benchmarks.running import printed
from tests.real_files import SPARKOV


def test_each_fold_is_later_than_what_is_learnt_from_for_it(tmp_path: Path) -> None:
    """Nothing of the future chooses; a way that learns nothing is not chosen."""
    generate(
        World(seed=1, cards=1000, days=14, payments=40_000, start=date(2020, 1, 1)), tmp_path / "history"
    )
    payments = Dataset.of_history(tmp_path / "history").frame.sort("event_time")

    folds = list(time_folds(payments, FOLDS))
    best, tried = chosen(
        payments,
        ("amount", "count_ratio", "seconds_since_previous"),
        {
            "nothing": TrainingOptions(rounds=1, params={"gamma": 1e9}),
            "something": TrainingOptions(rounds=20),
        },
    )

    assert FOLDS == len(folds)
    for earlier, later in folds:
        assert earlier["event_time"].to_numpy().max() <= later["event_time"].to_numpy().min()
    assert payments.height == folds[-1][0].height + folds[-1][1].height
    assert "something" == best
    assert [0.5] * FOLDS == tried["nothing"]
    assert np.mean(tried["something"]) > 0.8


def test_a_world_is_written_as_kaggle_s_file_is(tmp_path: Path) -> None:
    """With its header; every row of it is read, with the labels and times of the history."""
    event_type = event_type_named("sparkov")
    generate(
        World(seed=1, cards=50, days=3, payments=500, start=date(2020, 1, 1)),
        tmp_path / "history",
        event_type,
    )

    rows = as_kaggle_has_it(tmp_path / "history", tmp_path / "fraudTrain.csv")

    text = (tmp_path / "fraudTrain.csv").read_text()
    assert SPARKOV.partition("\n")[0] == text.partition("\n")[0]
    done = CliRunner().invoke(
        etl,
        [
            str(tmp_path / "fraudTrain.csv"),
            "--event-type",
            "sparkov",
            "--out",
            str(tmp_path / "made"),
            "--json",
        ],
    )
    assert 0 == done.exit_code, done.output
    made = pl.read_parquet([tmp_path / "made" / f"{part}.parquet" for part in ("train", "test")])
    history = pl.read_parquet(
        sorted((tmp_path / "history").glob("date=*/*.parquet")), hive_partitioning=False
    )
    assert rows == made.height == history.height
    assert history["is_fraud"].sum() == (made["EVENT_LABEL"] == "fraud").sum()
    assert history["merchant"].to_list() == made["merchant"].to_list()


@pytest.mark.process
@pytest.mark.timeout(280)
def test_the_worlds_are_judged_by_the_commands() -> None:
    """The last line is for scripts."""
    size = ["--cards", "2000", "--payments", "100000", "--days", "14", "--only", "card"]
    found, _ = printed("benchmarks.models", *size, timeout_s=270)

    card = found["card"]
    assert 0.8 < card["average_precision"] <= 1
    assert 0 <= card["story_pass"] <= 1
    assert 0.5 < card["anomaly_auc"] <= 1


@pytest.mark.process
@pytest.mark.timeout(280)
def test_every_world_s_model_is_judged_in_every_world() -> None:
    """Each learns its own world, and is judged by payments that it has not seen."""
    size = ["--cards", "1000", "--payments", "60000", "--days", "14", "--only", "second_world"]
    found, _ = printed("benchmarks.models", *size, "--handbook-cards", "200", timeout_s=270)

    figures = found["second_world"]
    worlds = ("card", "hard", "handbook")
    assert {f"{learnt}_on_{judge}" for learnt in worlds for judge in worlds} == set(figures)
    assert all(0.5 < figures[f"{world}_on_{world}"]["auc"] <= 1 for world in worlds)
    assert {"chain", "card-testing"} == set(figures["handbook_on_card"]["recall_by_scenario"])
    assert "leaked-card" in figures["card_on_handbook"]["recall_by_scenario"]
