"""Counts per bucket, filled from whole numpy arrays."""

from bisect import bisect_left
from typing import Final

import numpy as np
import numpy.typing as npt

FEW: Final = 32
"""Up to so many values are added faster one by one."""


class Histogram:
    """Counts per bucket; values are added one by one or as a whole array."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = np.zeros(len(bounds) + 1, dtype=np.int64)
        self.total = 0.0
        self._edges = np.asarray(bounds)

    def add(self, value: float) -> None:
        """Count one value; a value equal to a bound is in that bound's bucket (Prometheus' `le`)."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add_many(self, values: npt.NDArray[np.floating]) -> None:
        """Count a whole array: few values one by one, many in two passes of numpy."""
        if len(values) <= FEW:
            for value in values.tolist():
                self.add(value)
            return
        self.counts += np.bincount(np.searchsorted(self._edges, values), minlength=self.counts.size)
        self.total += float(values.sum())

    def cumulative(self) -> list[tuple[str, float]]:
        """Return Prometheus' buckets: (upper bound, how many values are at most that)."""
        bounds = [repr(bound) for bound in self.bounds] + ["+Inf"]
        return list(zip(bounds, self.counts.cumsum().astype(float).tolist(), strict=True))
