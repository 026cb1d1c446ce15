"""Labelled payments that a model has not learnt from, with its scores, and how many are alerted at each threshold.

A slider on the page moves the threshold. It therefore has to know, for every group of payments that is shown, the counts
at every threshold it can stand on: `Alerted` counts them for all groups and thresholds at once.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.offline.ranking import Bools, Floats, Ints

EVEN_STEPS = 100
"""Thresholds in even steps of probability, 0.01 to 0.99."""

ALERT_RATES = np.geomspace(1e-5, 0.5, 60)
"""Shares of payments to alert; the thresholds that do are among those of the slider, since most scores lie near 0."""


@dataclass(frozen=True)
class Judged:
    """Payments in rows: `frame` has event_time (ms), amount and what else is known, `scores` the model's probabilities."""

    frame: pl.DataFrame
    scores: Floats
    threshold: float
    """The version's own."""
    entities: Ints | None = None
    """A number per payment that is the same for payments of one entity; None if events have none."""
    fraud: Bools = field(init=False)

    def __post_init__(self) -> None:
        """Raise SetupError if there is nothing to compare."""
        fraud = self.frame["is_fraud"].to_numpy().astype(bool)
        if not fraud.any() or fraud.all():
            raise SetupError(
                f"all {len(fraud):,} payments to test with are {'fraud' if fraud.any() else 'legitimate'}, so nothing can be "
                "compared; use a longer history"
            )
        object.__setattr__(self, "fraud", fraud)

    @property
    def amounts(self) -> Floats:
        """The amounts, in the currency's main unit."""
        return self.frame["amount"].to_numpy().astype(np.float64)

    @property
    def times_ms(self) -> Ints:
        """The event times."""
        return self.frame["event_time"].to_numpy().astype(np.int64)

    @cached_property
    def thresholds(self) -> Floats:
        """The thresholds that the slider can stand on, ascending; the version's own is one of them."""
        by_rate = np.quantile(self.scores, 1 - ALERT_RATES, method="lower")
        even = np.arange(1, EVEN_STEPS) / EVEN_STEPS
        return np.unique(np.concatenate([[0.0, self.threshold], even, by_rate]))

    @cached_property
    def _steps(self) -> Ints:
        """How many of the thresholds each score is above."""
        return np.searchsorted(self.thresholds, self.scores, side="left").astype(np.int64)

    def alerted(
        self, groups: npt.NDArray[Any], count: int, of: Bools, weights: Floats | None = None
    ) -> Floats:
        """Return, per group and threshold, how many of the payments `of` have a score above it (or their summed weights).

        `groups`: the group of each payment, 0 to `count` - 1; negative for none. Shape: (count, thresholds).
        """
        steps = len(self.thresholds)
        chosen = of & (groups >= 0)
        cells = groups[chosen] * (steps + 1) + self._steps[chosen]
        given = None if weights is None else weights[chosen]
        table = np.bincount(cells, given, minlength=count * (steps + 1)).reshape(count, steps + 1)
        above = table[:, ::-1].cumsum(axis=1)[:, ::-1]
        return above[:, 1:].astype(np.float64)
