"""How a model is fitted: what is held out says when to stop and what scores mean; what is loaded says what was tested."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.catalogue import FEATURE_SETS
from fraudstream.domain.features.compute import matrix
from fraudstream.offline.dataset import Dataset, features_of
from fraudstream.offline.train import Split, train
from fraudstream.offline.training.calibration import METHODS, Method, calibrate, table_of
from fraudstream.offline.training.fitting import fitted, held_out
from fraudstream.offline.training.options import TrainingOptions
from fraudstream.world.generate import generate
from fraudstream.world.world import World
from tests.models import load_model

NAMES = FEATURE_SETS["card"]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small history."""
    directory = tmp_path_factory.mktemp("fitting") / "history"
    generate(World(seed=1, cards=2000, days=14, payments=60_000, start=date(2020, 1, 1)), directory)
    return directory


@pytest.fixture(scope="module")
def split(history: Path) -> Split:
    """Return what there is to learn from and to test with."""
    return Split.of(Dataset.of_history(history))


def test_held_out_payments_are_the_last_fifth_of_the_time(split: Split) -> None:
    """None is in both parts, and none is lost."""
    earlier, later = held_out(split.train)

    assert split.train.height == earlier.height + later.height
    earlier_ms, later_ms, all_ms = (each["event_time"].to_numpy() for each in (earlier, later, split.train))
    assert earlier_ms.max() < later_ms.min()
    assert 0.2 == pytest.approx((all_ms.max() - later_ms.min()) / np.ptp(all_ms), abs=0.001)


def test_early_stopping_finds_fewer_rounds_and_learns_from_all(split: Split) -> None:
    """The model is the one that so many rounds give without anything held out."""
    stopped = fitted(split.train, NAMES, TrainingOptions(rounds=300, early_stopping=5))

    again = fitted(split.train, NAMES, TrainingOptions(rounds=stopped.rounds))

    assert 1 <= stopped.rounds < 300
    assert again.booster.save_raw() == stopped.booster.save_raw()


def test_a_balanced_class_weight_is_the_ratio_of_the_classes() -> None:
    """What XGBoost calls scale_pos_weight; without weights it is not given at all."""
    assert 999 == TrainingOptions(class_weight="balanced").parameters(2, 2000)["scale_pos_weight"]
    assert 7.5 == TrainingOptions(class_weight=7.5).parameters(2, 2000)["scale_pos_weight"]
    assert "scale_pos_weight" not in TrainingOptions().parameters(2, 2000)


def test_the_seed_decides_which_payments_a_tree_sees(split: Split) -> None:
    """Another one, another model; the same one, the same model."""
    models = [
        fitted(split.train, NAMES, TrainingOptions(rounds=3, seed=seed)).booster.save_raw()
        for seed in (1, 1, 2)
    ]

    assert models[0] == models[1]
    assert models[0] != models[2]


@pytest.mark.parametrize("method", METHODS)
def test_a_calibration_finds_the_shares_that_scores_hide(method: Method) -> None:
    """Scores whose log odds are three times too large; their order stays."""
    rng = np.random.default_rng(1)
    logits = rng.normal(-3, 1.5, 200_000)
    shares = 1 / (1 + np.exp(-logits))
    fraud = rng.random(len(shares)) < shares
    scores = 1 / (1 + np.exp(-3 * logits))

    found = table_of(scores, fraud, method).at(scores)

    assert np.abs(found - shares).mean() < 0.005
    assert found.mean() == pytest.approx(fraud.mean(), rel=0.05)
    order = np.argsort(scores)
    assert (np.diff(found[order]) >= 0).all()


def test_the_better_calibration_on_later_payments_is_chosen() -> None:
    """A curve that is no logistic one: isotonic; few frauds on a logistic one: Platt's."""
    rng = np.random.default_rng(1)
    scores = rng.random(100_000)
    bent = rng.random(100_000) < np.where(scores < 0.5, 0.02, 0.6)
    logistic = rng.random(1000) < 1 / (1 + np.exp(-(2 * np.log(scores[:1000] / (1 - scores[:1000])) - 3)))

    assert "isotonic" == calibrate(scores, bent, "auto").method
    assert "platt" == calibrate(scores[:1000], logistic, "auto").method
    assert {"isotonic", "platt", "uncalibrated"} == calibrate(scores, bent, "auto").log_loss.keys()


def test_too_little_fraud_to_hold_out_is_a_sentence(split: Split) -> None:
    """Nothing would say when to stop."""
    without = split.train.with_columns(is_fraud=pl.col("is_fraud") & (pl.int_range(pl.len()) < pl.len() // 2))

    with pytest.raises(SetupError, match="train without early stopping and calibration"):
        fitted(without, NAMES, TrainingOptions(early_stopping=5))


@pytest.mark.parametrize("calibration", METHODS)
def test_a_calibrated_version_says_what_was_tested_also_after_loading(
    history: Path, split: Split, tmp_path: Path, calibration: Method
) -> None:
    """The figures of the manifest are of calibrated probabilities, alone and in company."""
    options = TrainingOptions(calibration=calibration)
    manifest = train(history, tmp_path, options=options, activate="always")
    model = load_model(tmp_path)

    rows = matrix(features_of(split.test, NAMES), NAMES)
    said = model.probabilities(rows)

    assert calibration == manifest["calibration"]["method"]
    assert fitted(split.train, NAMES, options).probabilities(split.test, NAMES).tobytes() == said.tobytes()
    assert said[7] == model.probabilities(rows[7:8])[0]
    assert manifest["metrics"]["alerts_per_1000"] == pytest.approx(1000 * (said > 0.25).mean())


def test_a_changed_calibration_is_not_loaded(history: Path, tmp_path: Path) -> None:
    """Nor is one that is gone."""
    manifest = train(
        history, tmp_path, options=TrainingOptions(rounds=5, calibration="platt"), activate="always"
    )
    path = tmp_path / "card" / manifest["version"] / "calibration.json"

    path.write_bytes(path.read_bytes()[:-1] + b" ")
    with pytest.raises(SetupError, match=r"calibration\.json of model 1\.0 .* is not the one"):
        load_model(tmp_path)
    path.unlink()
    with pytest.raises(SetupError, match=r"calibration\.json of model 1\.0 .* is missing"):
        load_model(tmp_path)
