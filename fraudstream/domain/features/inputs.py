"""Columns of what is known at a payment, for the formulas; the same in a micro-batch and in months of history."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.activity_columns import Ints, WindowAggregates
from fraudstream.domain.events.amounts import HUNDREDTHS, units_of
from fraudstream.domain.features.schema import (
    AMOUNT,
    AVG_AMT_LAST_1W,
    AVG_AMT_LAST_10M,
    CENTS,
    CENTS_LAST_10M,
    MS_SINCE_PREVIOUS,
    NO_PREVIOUS_S,
    NUM_TRANS_LAST_1W,
    NUM_TRANS_LAST_10M,
    SECONDS_SINCE_PREVIOUS,
    WINDOW,
)


def window_columns(windows: WindowAggregates) -> list[pl.Series]:
    """Return the statistics of each payment's ten minutes."""
    return [column.series(values) for column, values in zip(WINDOW, windows, strict=True)]


def week_columns(
    payments: Sequence[int] | Ints, mean_amount: Sequence[float] | npt.NDArray[np.float64]
) -> list[pl.Series]:
    """Return the statistics of each payment's week."""
    return [NUM_TRANS_LAST_1W.series(payments), AVG_AMT_LAST_1W.series(mean_amount)]


def with_activity(frame: pl.DataFrame, decimals: int = HUNDREDTHS) -> pl.DataFrame:
    """Add amount, avg_amt_last_10m and seconds_since_previous, computed from the exact integers of payment and window.

    `decimals` are the currency's. A refund without any payment in its ten minutes gets the mean 0. Events without an entity
    have no window, and get their amount only.
    """
    units = units_of(decimals)
    amount = AMOUNT.series(frame[CENTS.name].to_numpy() / units)
    if MS_SINCE_PREVIOUS.name not in frame.columns:
        return frame.hstack([amount])
    since_ms = frame[MS_SINCE_PREVIOUS.name].to_numpy()
    count = np.maximum(frame[NUM_TRANS_LAST_10M.name].to_numpy(), 1)
    mean = frame[CENTS_LAST_10M.name].to_numpy() / (count * units)
    return frame.hstack(
        [
            amount,
            AVG_AMT_LAST_10M.series(mean),
            SECONDS_SINCE_PREVIOUS.series(np.where(since_ms < 0, float(NO_PREVIOUS_S), since_ms / 1000)),
        ]
    )
