"""Readable test data: a model with known answers, and frames of payments."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.anomaly import Anomaly
from fraudstream.domain.events.amounts import Money
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.variable_inputs import NONE as NO_INPUTS
from fraudstream.domain.registry.insight import InsightScale
from fraudstream.domain.weekly import Week, WeeklyAnswer, WeeklyStore


def paid_in(currency: str, decimals: int, amount_max: float) -> EventType:
    """Return the card payments of another country."""
    return replace(event_type_named("card"), money=Money(currency, decimals, amount_max, "decide"))


YEN, DINARS, UNIDADES = (
    paid_in("JPY", 0, 100_000_000.0),
    paid_in("KWD", 3, 1_000_000.0),
    paid_in("CLF", 4, 200_000.0),
)


class CountingModel:
    """A model that calls the second of two quick payments fraud: probability 0.9 from two payments in a minute on.

    Implements the Model protocol of fraudstream.domain.model; its only feature that counts is the last.
    """

    version = "counting-1"
    features = (
        "amount",
        "amt_ratio1",
        "amt_ratio2",
        "count_ratio",
        "seconds_since_previous",
        "num_trans_last_1m",
    )
    threshold = 0.25
    anomaly: Anomaly | None = None
    inputs = NO_INPUTS
    scale: InsightScale | None = None

    def probabilities(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return 0.9 for rows with a second payment in the minute, else 0.01."""
        return np.where(rows[:, 5] >= 2, 0.9, 0.01).astype(np.float32)

    def contributions(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Attribute the score to the count in the minute alone."""
        shares = np.zeros((len(rows), len(self.features) + 1), dtype=np.float32)
        shares[:, 5] = 1.0
        return shares


def payments_frame(units: int = 100, **columns: list[Any]) -> pl.DataFrame:
    """Return a frame for `Detector.decide`: an ordinary payment a row, with some columns given.

    The ten minutes' mean is given by `cents_last_10m`, the seconds since the previous payment by `ms_since_previous`.
    """
    rows = max((len(column) for column in columns.values()), default=1)
    ordinary: dict[str, Any] = {
        "cents": 2000,
        "num_trans_last_10m": 1,
        "cents_last_10m": 2000,
        "ms_since_previous": -1,
        "num_trans_last_1m": 1,
        "num_trans_last_1w": 25,
        "avg_amt_last_1w": 40.0,
        "merchant": "Corner shop",
    }
    frame = pl.DataFrame({name: columns.get(name, [value] * rows) for name, value in ordinary.items()})
    paid, since_ms = pl.col("num_trans_last_10m").clip(1) * units, pl.col("ms_since_previous")
    return frame.select(
        pl.exclude("cents_last_10m", "ms_since_previous"),
        (pl.col("cents_last_10m") / paid).alias("avg_amt_last_10m"),
        pl.when(since_ms < 0).then(601.0).otherwise(since_ms / 1000).alias("seconds_since_previous"),
    )


class SameWeek(WeeklyStore):
    """A weekly store that knows every card: 25 payments with a mean of 40.00, as of any midnight."""

    async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Answer for all cards."""
        return WeeklyAnswer(dict.fromkeys(entities, Week(25, 40.0)), midnight_ms)

    async def newest(self, midnight_ms: int) -> int | None:
        """Return this midnight: the store has all of them."""
        return midnight_ms
