"""Chooses how to fit a model on payments to learn from alone: each way is judged on later parts of their own time."""

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from fraudstream.offline.training.fitting import fitted
from fraudstream.offline.training.options import TrainingOptions
from fraudstream.report.ranking import Ranking

FOLDS = 4
EARLIEST = 0.5
"""Of the payments to learn from, this share is always learnt from; the rest is cut into folds, in order of time."""


def time_folds(payments: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield all payments before each fold, and the fold; `payments` are in order of time."""
    cuts = np.linspace(EARLIEST, 1.0, FOLDS + 1) * payments.height
    for first, last in zip(cuts[:-1].astype(int), cuts[1:].astype(int), strict=True):
        yield payments[:first], payments[first:last]


def figures(payments: pl.DataFrame, names: tuple[str, ...], options: TrainingOptions) -> list[float]:
    """Return the AUC of each fold when the payments before it are learnt from."""
    found = []
    for earlier, later in time_folds(payments):
        scores = fitted(earlier, names, options).probabilities(later, names).astype(np.float64)
        found.append(Ranking.of(later["is_fraud"].to_numpy(), scores).curve().auc())
    return found


def chosen(
    payments: pl.DataFrame, names: tuple[str, ...], candidates: Mapping[str, TrainingOptions]
) -> tuple[str, dict[str, list[float]]]:
    """Return the way with the highest mean AUC, and the AUC of each fold of each."""
    tried = {name: figures(payments, names, options) for name, options in candidates.items()}
    return max(tried, key=lambda name: float(np.mean(tried[name]))), tried
