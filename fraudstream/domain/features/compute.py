"""Features of a frame, and a frame as a model's input."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.features.catalogue import FORMULAS, Values


def with_features(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Add the named features that are not columns already, computed from the columns of INPUT."""

    def given(name: str) -> Values:
        return frame[name].to_numpy()

    present = set(frame.columns)
    return frame.hstack([pl.Series(name, FORMULAS[name](given)) for name in names if name not in present])


def matrix(frame: pl.DataFrame, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return the model's input: one row a payment, features in model order, float32, C order; a missing number is NaN."""
    rows = np.empty((frame.height, len(names)), dtype=np.float32)
    for position, name in enumerate(names):
        column = frame[name]
        rows[:, position] = (column.cast(pl.Int8) if column.dtype == pl.Boolean else column).to_numpy()
    return rows
