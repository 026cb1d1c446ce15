"""What a model goes by, and what makes one suspicious: features that know the label, and learning by heart."""

from typing import Any

import numpy as np
import numpy.typing as npt

from fraudstream.report.importance import importance, sample, warnings


class Sum:
    """A model whose log odds are the sum of the first two of its features."""

    def probabilities(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return them."""
        found: npt.NDArray[np.float32] = 1 / (1 + np.exp(-rows[:, 0] - rows[:, 1] / 10))
        return found

    def contributions(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return them, with the bias."""
        return np.column_stack([rows[:, 0], rows[:, 1] / 10, 0 * rows[:, 2], np.zeros(len(rows))]).astype(
            np.float32
        )

    def gains(self) -> dict[str, float]:
        """Return them; XGBoost leaves unused ones out."""
        return {"first": 30.0, "second": 10.0}


def some_rows(count: int = 4000) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return three features, the first of which says most about the label."""
    generator = np.random.default_rng(1)
    rows = generator.normal(size=(count, 3)).astype(np.float32)
    return rows, generator.random(count) < 1 / (1 + np.exp(3 - 2 * rows[:, 0]))


def kinds(said: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Return what was said of which feature."""
    return [(each["kind"], each["feature"]) for each in said]


def test_importance_is_in_order_and_what_is_not_used_has_none() -> None:
    """By gain, by exchange and by SHAP."""
    rows, fraud = some_rows()
    first, second, third = importance(Sum(), ["first", "second", "third"], rows, fraud)

    assert ("first", 0.75) == (first["name"], first["gain"])
    assert ("second", 0.25) == (second["name"], second["gain"])
    assert ("third", 0.0, 0.0, 0.0) == tuple(third[k] for k in ("name", "gain", "permutation", "shap"))
    assert first["permutation"] > 10 * abs(second["permutation"])
    assert first["shap"] > second["shap"] > 0


def test_a_sample_has_all_frauds_that_fit() -> None:
    """In order, no row twice."""
    fraud = np.arange(10_000) % 100 == 0
    rows = sample(fraud, 1000)

    assert 1000 == len(set(rows.tolist()))
    assert 100 == fraud[rows].sum()
    assert (np.diff(rows) > 0).all()


def test_honest_features_are_not_suspected() -> None:
    """Not even a count that is only that high in attacks."""
    rows, fraud = some_rows()
    rows[:, 2] = np.where(fraud & (rows[:, 0] > 1), 9, 1)
    found = importance(Sum(), ["first", "second", "third"], rows, fraud)

    assert [] == warnings(["first", "second", "third"], rows, fraud, found, 0.5, 0.45)


def test_a_feature_that_knows_the_label_is_named() -> None:
    """By its ranking; by a value in the midst of others, or a missing one, that only frauds have."""
    rows, fraud = some_rows()
    rows[:, 0] = fraud + rows[:, 0] / 100
    rows[:, 1] = np.where(fraud, 0.5, np.round(rows[:, 1]))
    rows[:, 2] = np.where(fraud & (rows[:, 2] > 0), np.nan, rows[:, 2])
    said = warnings(["first", "second", "third"], rows, fraud, [], None, 0.5)

    assert ("predicts the label alone", "first") in kinds(said)
    assert ("seen only with fraud", "second") in kinds(said)
    assert ("seen only with fraud", "third") in kinds(said)
    assert any("third: a missing value is seen" in each["sentence"] for each in said)


def test_one_feature_far_above_the_rest_and_learning_by_heart_are_said() -> None:
    """With figures."""
    rows, fraud = some_rows()
    found = [{"name": "first", "gain": 0.95}, {"name": "second", "gain": 0.05}]
    said = warnings(["first", "second", "third"], rows, fraud, found, 0.9, 0.6)

    assert [("above the rest", "first"), ("over-fit", None)] == kinds(said)
    assert "0.900 on the payments it learnt from and 0.600 on later ones" in said[1]["sentence"]
