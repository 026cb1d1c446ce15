"""A few rows are scored out of tables, with the bits of XGBoost."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.adapters.models.boosted import XGBoostModel
from fraudstream.adapters.models.few_rows import FEW_ROWS
from fraudstream.adapters.models.trees import trees_of
from tests.adapters.models.test_contributions import FEATURES, noise, trained

NAMES = tuple(f"feature {number}" for number in range(FEATURES))


def model_of(booster: xgboost.Booster) -> XGBoostModel:
    """Return a model as a worker loads it."""
    return XGBoostModel("1.0", NAMES, 0.5, booster)


def rows_on_thresholds(booster: xgboost.Booster, count: int) -> npt.NDArray[np.float32]:
    """Return rows of thresholds of any feature, the numbers beside them, and missing values."""
    chance = np.random.default_rng(7)
    trees = trees_of(booster) or []
    splits = [(tree, node) for tree in trees for node, child in enumerate(tree.left) if child >= 0]
    thresholds = np.array([tree.threshold[node] for tree, node in splits], np.float32)
    rows = chance.choice(thresholds, (count, FEATURES))
    for direction in (-np.inf, np.inf):
        rows = np.where(chance.random(rows.shape) < 0.3, np.nextafter(rows, np.float32(direction)), rows)
    rows[chance.random(rows.shape) < 0.1] = np.nan
    return rows


@given(
    depth=st.integers(1, 8),
    seed=st.integers(0, 1000),
    parameters=st.sampled_from([{}, {"num_parallel_tree": 3}, {"base_score": 0.013}, {"max_delta_step": 9}]),
)
@settings(max_examples=15)
def test_the_bits_are_xgboosts(depth: int, seed: int, parameters: dict[str, Any]) -> None:
    """On every threshold, beside it, and with missing values, whatever the number of rows."""
    booster = trained(seed, rounds=20, max_depth=depth, **parameters)
    rows = rows_on_thresholds(booster, 300)
    model = model_of(booster)

    few = [model.probabilities(rows[at : at + size]) for size in (1, 7, FEW_ROWS) for at in (0, 40, 200)]
    many = booster.inplace_predict(rows)

    assert model.scores_few_rows
    expected = [many[at : at + size] for size in (1, 7, FEW_ROWS) for at in (0, 40, 200)]
    assert [each.tobytes() for each in expected] == [each.tobytes() for each in few]


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"max_depth": 12, "min_child_weight": 0}, id="too deep"),
        pytest.param({"objective": "count:poisson"}, id="no probabilities"),
    ],
)
def test_other_models_are_asked_themselves(parameters: dict[str, Any]) -> None:
    """Nothing is guessed."""
    booster = trained(**parameters)
    rows = noise(np.random.default_rng(3), 5)
    model = model_of(booster)

    assert not model.scores_few_rows
    assert np.array_equal(booster.inplace_predict(rows), model.probabilities(rows))


def test_a_model_that_says_something_else_than_its_tables_is_asked_itself() -> None:
    """As one of a later version of XGBoost could: here its tables were made of other trees."""
    booster, other = trained(seed=1), trained(seed=2)
    model = model_of(booster)
    model.__dict__["_groups"] = model_of(other)._groups
    rows = noise(np.random.default_rng(3), 5)

    assert not model.scores_few_rows
    assert np.array_equal(booster.inplace_predict(rows), model.probabilities(rows))


@pytest.mark.parametrize("count", [1, FEW_ROWS + 1])
def test_rows_of_another_type_are_refused(count: int) -> None:
    """A double can lie between a single's neighbours, so it would go another way."""
    with pytest.raises(ValueError, match="float32 in C order with 4 columns"):
        model_of(trained()).probabilities(np.zeros((count, FEATURES)))  # type: ignore[arg-type]
