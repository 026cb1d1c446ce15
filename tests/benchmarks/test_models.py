"""The benchmark of models runs, small, and judges a way to fit by later payments of its own time."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from benchmarks.models import FOLDS, chosen
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.training.folds import time_folds
from fraudstream.offline.training.options import TrainingOptions
from fraudstream.world.generate import generate
from fraudstream.world.world import World
from tests.benchmarks.running import printed


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
