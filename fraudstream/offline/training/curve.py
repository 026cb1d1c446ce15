"""What a version catches at each score of the insight scale, and how much each feature moves its log odds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.adapters.models.library import xgboost
from fraudstream.domain.registry.insight import InsightScale
from fraudstream.offline.model_input import model_inputs
from fraudstream.offline.training.fitting import Fitted

EXPLAINED_ROWS_MAX = 2_000
"""Evenly spread over the events tested with; the mean of more is the same to two digits."""

DIGITS = 4


def insight_curve(
    fraud: npt.NDArray[np.bool_], probability: npt.NDArray[Any], scale: InsightScale
) -> dict[str, list[float]]:
    """Return for each threshold of a scale the share of frauds above it (`tpr`), and of frauds among all above it (`precision`).

    Where nothing is above it, the precision is 0.
    """
    thresholds = np.array(scale.thresholds)
    scores = probability.astype(np.float64)
    caught = _at_least(np.sort(scores[fraud]), thresholds)
    alerts = _at_least(np.sort(scores), thresholds)
    tpr, precision = caught / max(int(fraud.sum()), 1), caught / np.maximum(alerts, 1)
    return {"tpr": _rounded(tpr), "precision": _rounded(precision)}


def contributions(model: Fitted, payments: pl.DataFrame, names: Sequence[str]) -> dict[str, float]:
    """Return the mean of what each feature adds to or takes from the log odds (TreeSHAP), without sign."""
    some = payments.gather_every(max(1, payments.height // EXPLAINED_ROWS_MAX))
    parts = [
        np.abs(model.booster.predict(xgboost.DMatrix(rows), pred_contribs=True, validate_features=False))
        for _, rows in model_inputs(some, tuple(names))
    ]
    means = np.concatenate(parts)[:, :-1].mean(axis=0)
    return dict(zip(names, _rounded(means), strict=True))


def _at_least(rising: npt.NDArray[np.float64], thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return len(rising) - np.searchsorted(rising, thresholds, side="left")


def _rounded(values: npt.NDArray[Any]) -> list[float]:
    return [round(float(value), DIGITS) for value in values]
