"""Features of a frame, and a frame as a model's input."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.features.catalogue import FORMULAS, Values
from fraudstream.domain.features.derived import NONE, DerivedFeatures


def with_features(frame: pl.DataFrame, names: Sequence[str], derived: DerivedFeatures = NONE) -> pl.DataFrame:
    """Add the named features that are not columns already, computed from the columns of INPUT, and the derived ones."""

    def given(name: str) -> Values:
        return frame[name].to_numpy()

    present = set(frame.columns)
    wanted = dict.fromkeys((*names, *derived.takes))
    made = [
        pl.Series(name, FORMULAS[name](given)) for name in wanted if name in FORMULAS and name not in present
    ]
    return derived.added_to(frame.hstack(made))


def matrix(frame: pl.DataFrame, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return the model's input: one row a payment, features in model order, float32, C order; a missing number is NaN.

    So is one that float32 cannot hold: XGBoost refuses infinity, for training as for reasons.
    """
    columns = (frame[name] for name in names)
    numbers = (column.cast(pl.Int8) if column.dtype == pl.Boolean else column for column in columns)
    return filled(frame.height, [column.to_numpy() for column in numbers])


def filled(rows: int, columns: Sequence[Values]) -> npt.NDArray[np.float32]:
    """Return columns of numbers as a model's input."""
    taken = np.empty((rows, len(columns)), dtype=np.float32)
    with np.errstate(over="ignore"):
        for position, column in enumerate(columns):
            taken[:, position] = column
    taken[np.isinf(taken)] = np.nan
    return taken
