"""Columns of what is known at an event, for the formulas; the same in a micro-batch and in months of history."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.event_columns import Known
from fraudstream.domain.events.amounts import HUNDREDTHS, units_of
from fraudstream.domain.features.schema import AMOUNT, AVG_AMT_LAST_1W, CENTS, NUM_TRANS_LAST_1W
from fraudstream.domain.windows.cells import Ints
from fraudstream.domain.windows.velocity import BUILT_IN, Windows
from fraudstream.domain.windows.window_columns import Column


def window_columns(windows: Windows, values: Sequence[Column]) -> list[Known]:
    """Return the velocity features of each event; a NaN becomes null, and those built in have none."""
    return [
        Known(each.column, column, nan_is_null=place >= len(BUILT_IN))
        for place, (each, column) in enumerate(zip(windows.velocities, values, strict=True))
    ]


def week_columns(
    payments: Sequence[int] | Ints, mean_amount: Sequence[float] | npt.NDArray[np.float64]
) -> list[Known]:
    """Return the statistics of each payment's week."""
    return [Known(NUM_TRANS_LAST_1W, payments), Known(AVG_AMT_LAST_1W, mean_amount)]


def with_amount(frame: pl.DataFrame, decimals: int = HUNDREDTHS) -> pl.DataFrame:
    """Add the amount, from the exact minor units; `decimals` are the currency's."""
    return frame.hstack([AMOUNT.series(frame[CENTS.name].to_numpy() / units_of(decimals))])
