"""The only definition of every feature: NumPy over columns, the same for one payment and for five months of history.

NumPy and not Polars expressions: for the few payments of a quiet micro-batch Polars' query engine costs more than the
arithmetic, and it divides by a constant as a multiplication with its reciprocal, which is off in the last bit for
one number in eight.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.activity import WINDOW_MS
from fraudstream.domain.amounts import HUNDREDTHS, units_of

NO_PREVIOUS_S = WINDOW_MS // 1000 + 1
"""seconds_since_previous of a payment that is alone in its ten minutes: just past the window."""

Values = npt.NDArray[Any]
Column = Callable[[str], Values]
"""Gives the values of a column by name."""


def _divided(part: Values, whole: Values, otherwise: float) -> Values:
    """Return part / whole where whole is positive."""
    quotient = np.full(len(part), otherwise)
    np.divide(part, whole, out=quotient, where=whole > 0)
    return quotient


FEATURES: dict[str, Callable[[Column], Values]] = {
    "amount": lambda column: column("amount"),
    # Ratios to the week are 0 where the card has none.
    "amt_ratio1": lambda column: _divided(column("avg_amt_last_10m"), column("avg_amt_last_1w"), 0.0),
    "amt_ratio2": lambda column: _divided(column("amount"), column("avg_amt_last_1w"), 0.0),
    "count_ratio": lambda column: _divided(column("num_trans_last_10m"), column("num_trans_last_1w"), 0.0),
    "seconds_since_previous": lambda column: column("seconds_since_previous"),
    "num_trans_last_1m": lambda column: column("num_trans_last_1m"),
    "num_trans_last_10m": lambda column: column("num_trans_last_10m"),
    # How far the amount is from the ten minutes' mean, relative: 0 alone, and 0 if all paid the same, as fares are.
    "amt_change": lambda column: np.abs(_divided(column("amount"), column("avg_amt_last_10m"), 1.0) - 1.0),
}

PUBLISHED = ("num_trans_last_10m", "avg_amt_last_10m", "num_trans_last_1w", "avg_amt_last_1w")
"""Published with every decision beside the model's features."""

FEATURE_SETS: dict[str, tuple[str, ...]] = {
    "card-sample": ("amount", "amt_ratio1", "amt_ratio2", "count_ratio"),
    "card": (
        "amount",
        "amt_ratio1",
        "amt_ratio2",
        "count_ratio",
        "seconds_since_previous",
        "num_trans_last_1m",
        "num_trans_last_10m",
        "amt_change",
    ),
}
"""Features in model order."""


def with_activity(frame: pl.DataFrame, decimals: int = HUNDREDTHS) -> pl.DataFrame:
    """Add what is published of the ten minutes: amount, avg_amt_last_10m, seconds_since_previous.

    `decimals` are the currency's. Input are the window's exact integers: cents, cents_last_10m, num_trans_last_10m, ms_since_previous (-1 if none).
    A refund on a card that paid nothing in its ten minutes finds no payment there: their mean is 0.
    """
    since_ms = frame["ms_since_previous"].to_numpy()
    count = np.maximum(frame["num_trans_last_10m"].to_numpy(), 1)
    units = units_of(decimals)
    mean = frame["cents_last_10m"].to_numpy() / (count * units)
    return frame.hstack(
        [
            pl.Series("amount", frame["cents"].to_numpy() / units),
            pl.Series("avg_amt_last_10m", mean),
            pl.Series(
                "seconds_since_previous", np.where(since_ms < 0, float(NO_PREVIOUS_S), since_ms / 1000)
            ),
        ]
    )


def with_features(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Add the named features that are not columns already, computed from amount, the ten minutes and the week."""

    def column(name: str) -> Values:
        return frame[name].to_numpy()

    return frame.hstack(
        [pl.Series(name, FEATURES[name](column)) for name in names if name not in frame.columns]
    )


def matrix(frame: pl.DataFrame, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return the model's input: one row a payment, features in model order, float32, C order."""
    rows = np.empty((frame.height, len(names)), dtype=np.float32)
    for position, name in enumerate(names):
        rows[:, position] = frame[name].to_numpy()
    return rows
