"""The only definition of every feature: Polars expressions, the same for one payment and for five months of history."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.activity import WINDOW_MS

NO_PREVIOUS_S = WINDOW_MS // 1000 + 1
"""seconds_since_previous of a payment that is alone in its ten minutes: just past the window."""


def _ratio(part: str, whole: str) -> pl.Expr:
    """Return part / whole, or 0 where the card has no week to compare with."""
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole)).otherwise(0.0)


FEATURES: dict[str, pl.Expr] = {
    "amount": pl.col("amount"),
    "amt_ratio1": _ratio("avg_amt_last_10m", "avg_amt_last_1w"),
    "amt_ratio2": _ratio("amount", "avg_amt_last_1w"),
    "count_ratio": _ratio("num_trans_last_10m", "num_trans_last_1w"),
    "seconds_since_previous": pl.col("seconds_since_previous"),
    "num_trans_last_1m": pl.col("num_trans_last_1m"),
    "num_trans_last_10m": pl.col("num_trans_last_10m"),
    # How far the amount is from the ten minutes' mean, relative: 0 alone, and 0 if all paid the same, as fares are.
    "amt_change": pl.when(pl.col("avg_amt_last_10m") > 0)
    .then((pl.col("amount") / pl.col("avg_amt_last_10m") - 1.0).abs())
    .otherwise(0.0),
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


def with_activity(frame: pl.DataFrame) -> pl.DataFrame:
    """Add what is published of the ten minutes: amount, avg_amt_last_10m, seconds_since_previous.

    Input are the window's exact integers: cents, cents_last_10m, num_trans_last_10m, ms_since_previous (-1 if none).
    NumPy and not Polars, because Polars divides by a constant as a multiplication with its reciprocal, which is off
    in the last bit for one number in eight.
    """
    since_ms = frame["ms_since_previous"].to_numpy()
    return frame.hstack(
        [
            pl.Series("amount", frame["cents"].to_numpy() / 100),
            pl.Series(
                "avg_amt_last_10m",
                frame["cents_last_10m"].to_numpy() / (frame["num_trans_last_10m"].to_numpy() * 100),
            ),
            pl.Series(
                "seconds_since_previous", np.where(since_ms < 0, float(NO_PREVIOUS_S), since_ms / 1000)
            ),
        ]
    )


def with_features(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Add the named features, computed from amount, the ten minutes and the week."""
    return frame.with_columns(FEATURES[name].alias(name) for name in names)


def matrix(frame: pl.DataFrame, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return the model's input: one row a payment, features in model order, float32, C order."""
    rows = np.empty((frame.height, len(names)), dtype=np.float32)
    for position, name in enumerate(names):
        rows[:, position] = frame[name].to_numpy()
    return rows
