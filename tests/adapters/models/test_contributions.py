"""Reasons out of tables: they say what XGBoost's TreeSHAP says, or XGBoost is asked."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.adapters.models.contributions import Contributions
from fraudstream.adapters.models.shapley import subset_values
from fraudstream.adapters.models.tree_groups import TreeGroups
from fraudstream.adapters.models.trees import trees_of

FEATURES = 4
ROUNDING = 1e-5
"""XGBoost adds up in single precision."""


def trained(seed: int = 1, rounds: int = 10, copied: bool = False, **parameters: Any) -> xgboost.Booster:
    """Train on noise with missing values; `copied`: two trees of the same payments, the second by a copy of a feature."""
    chance = np.random.default_rng(seed)
    rows = noise(chance, 500)
    fraud = np.nan_to_num(rows).sum(axis=1) + chance.normal(0, 2, 500) > 5
    if copied:
        rows[:, 1] = rows[:, 0]
    asked = {"objective": "binary:logistic", "max_depth": 4, "seed": seed, "nthread": 1} | parameters
    return xgboost.train(asked, xgboost.DMatrix(rows, fraud), rounds)


def noise(chance: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    """Return rows of which a tenth of the values is missing."""
    rows = chance.normal(1, 3, (count, FEATURES)).round(1).astype(np.float32)
    rows[chance.random(rows.shape) < 0.1] = np.nan
    return rows


def explained(booster: xgboost.Booster) -> Contributions:
    """Return its contributions, from tables if it can be."""
    trees = trees_of(booster)
    return Contributions(booster, FEATURES, None if trees is None else TreeGroups.of(trees, FEATURES))


def xgboosts(booster: xgboost.Booster, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Ask XGBoost."""
    answer: npt.NDArray[np.float32] = booster.predict(xgboost.DMatrix(rows), pred_contribs=True)
    return answer


@given(
    depth=st.integers(1, 8),
    seed=st.integers(0, 1000),
    parameters=st.sampled_from(
        [{}, {"num_parallel_tree": 3}, {"grow_policy": "lossguide", "max_leaves": 20}]
    ),
)
@settings(max_examples=15)
def test_contributions_are_xgboosts(depth: int, seed: int, parameters: dict[str, Any]) -> None:
    """Whatever the trees, with values on the thresholds and missing ones, and in the same order."""
    booster = trained(seed, max_depth=depth, **parameters)
    contributions = explained(booster)
    rows = noise(np.random.default_rng(seed + 1), 300)

    found, expected = contributions.of(rows), xgboosts(booster, rows)

    assert contributions.from_tables
    assert np.allclose(expected, found, atol=ROUNDING)
    assert np.array_equal(
        np.argsort(-expected[:, :-1], kind="stable"), np.argsort(-found[:, :-1], kind="stable")
    )


def test_what_rounding_could_put_in_another_order_is_asked_of_xgboost() -> None:
    """Of two features that are used alike, the one comes first that XGBoost names first: its bits are kept."""
    booster = trained(rounds=40, copied=True, colsample_bynode=0.5)
    contributions = explained(booster)
    rows = noise(np.random.default_rng(5), 2000)
    rows[:, 1] = rows[:, 0]

    found, expected = contributions.of(rows), xgboosts(booster, rows)
    close = np.abs(expected[:, 0] - expected[:, 1]) < ROUNDING

    assert contributions.from_tables
    assert close.any()
    assert np.array_equal(expected[close], found[close])


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"max_depth": 12, "min_child_weight": 0}, id="too deep"),
        pytest.param({"booster": "dart", "rate_drop": 0.5}, id="weighted trees"),
        pytest.param({"booster": "gblinear"}, id="no trees"),
    ],
)
def test_a_model_without_tables_is_asked_itself(parameters: dict[str, Any]) -> None:
    """The answer is XGBoost's to the last bit."""
    booster = trained(**parameters)
    contributions = explained(booster)
    rows = np.nan_to_num(noise(np.random.default_rng(2), 50))

    assert not contributions.from_tables
    assert np.array_equal(xgboosts(booster, rows), contributions.of(rows))


def test_a_model_of_bare_leaves_explains_nothing() -> None:
    """Trees without a split add nothing to any feature."""
    booster = trained(min_child_weight=10_000)

    assert not explained(booster).of(np.ones((1, FEATURES), np.float32))[:, :-1].any()


def test_no_rows_have_no_contributions() -> None:
    """As many columns as always."""
    assert (0, FEATURES + 1) == explained(trained()).of(np.zeros((0, FEATURES), np.float32)).shape


def test_shapley_values_of_a_leaf_by_hand() -> None:
    """Of two features that let through a half and a quarter: each is worth the mean of what it adds first and second."""
    neither, first, second, both = subset_values(np.array([0.5, 0.25]))

    assert [(1 / 4 - 1 / 8 + 1 - 1 / 2) / 2, (1 / 2 - 1 / 8 + 1 - 1 / 4) / 2] == both.tolist()
    assert [(1 / 4 - 1 / 8 + 0) / 2, (0 - 1 / 8 + 0 - 1 / 4) / 2] == first.tolist()
    assert 1 - 1 / 8 == both.sum()
    assert -1 / 8 == neither.sum() == first.sum() == second.sum()
