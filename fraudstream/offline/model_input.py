"""Gives a model the payments of a dataset some at a time, so that their features are never all in memory at once.

A feature with a formula is computed of its own row alone, so the parts have the bits of the whole.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.adapters.models.library import xgboost
from fraudstream.domain.features.compute import matrix
from fraudstream.domain.features.variable_inputs import NONE, VariableInputs
from fraudstream.offline.dataset import features_of

ROWS_AT_ONCE = 1 << 18
"""Each feature of them takes 2 MB, so a part's features and the model's input are a few tens of MB."""

Numbers = npt.NDArray[np.float32]


def model_inputs(
    payments: pl.DataFrame, names: tuple[str, ...], inputs: VariableInputs = NONE
) -> Iterator[tuple[pl.DataFrame, Numbers]]:
    """Yield the payments of a dataset, some at a time, with a model's input for them.

    `inputs` are made of variables here; without them, those that a model has are columns already.
    """
    for part in payments.iter_slices(ROWS_AT_ONCE):
        yield part, matrix(features_of(part, names, inputs), names)


def predicted(
    payments: pl.DataFrame,
    names: tuple[str, ...],
    predict: Callable[[Numbers], npt.NDArray[Any]],
    inputs: VariableInputs = NONE,
) -> npt.NDArray[Any]:
    """Return what a model says of each payment; `predict` is asked for some of them at a time."""
    return np.concatenate([predict(numbers) for _, numbers in model_inputs(payments, names, inputs)])


class LabelledPayments(xgboost.DataIter):
    """Gives XGBoost labelled payments of a dataset; it asks for all of them more than once.

    Its cuts, and so its model, are those of all payments given at once: a column's summary is fed value by value.
    """

    def __init__(
        self, payments: pl.DataFrame, names: tuple[str, ...], categories: Collection[str] = ()
    ) -> None:
        """`categories`: the features whose numbers stand for categories."""
        super().__init__()
        self._payments, self._names = payments, names
        self.types = ["c" if name in categories else "float" for name in names] if categories else None
        """What XGBoost is told of the features; nothing where all are numbers."""
        self.reset()

    def next(self, input_data: Callable[..., Any]) -> bool:
        """Hand the next part to `input_data`; return whether there was one."""
        for part, numbers in self._parts:
            input_data(data=numbers, label=part["is_fraud"].to_numpy(), feature_types=self.types)
            return True
        return False

    def reset(self) -> None:
        """Begin anew."""
        self._parts = model_inputs(self._payments, self._names)
