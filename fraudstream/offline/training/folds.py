"""Parts of the time to learn from, each later than what is learnt from for it: what chooses between ways to fit."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.offline.training.fitting import fitted
from fraudstream.offline.training.options import TrainingOptions

EARLIEST = 0.5
"""Of the payments to learn from, this share is always learnt from; the rest is cut into folds, in order of time."""

Judged = tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]
"""Which payments of a fold are fraud, and their scores."""


def time_folds(payments: pl.DataFrame, folds: int) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield all payments before each fold, and the fold; `payments` are in order of time."""
    cuts = np.linspace(EARLIEST, 1.0, folds + 1) * payments.height
    for first, last in zip(cuts[:-1].astype(int), cuts[1:].astype(int), strict=True):
        yield payments[:first], payments[first:last]


def judged_folds(
    payments: pl.DataFrame, names: tuple[str, ...], options: TrainingOptions, folds: int
) -> Iterator[Judged]:
    """Yield labels and scores of each fold when the payments before it are learnt from."""
    for earlier, later in time_folds(payments, folds):
        scores = fitted(earlier, names, options).probabilities(later, names).astype(np.float64)
        yield later["is_fraud"].to_numpy(), scores
