"""How numbers are spread: ten bins of about equal share, what lies outside, and what is missing. Small enough for a manifest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 10

Numbers = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Distribution:
    """Counts between the edges, each with its upper edge; numbers are compared as float32, as models see them."""

    edges: tuple[float, ...]
    low: float
    high: float
    """The smallest and the largest number; both NaN if there is none."""
    counts: tuple[int, ...]
    """One more than there are edges."""
    missing: int

    @classmethod
    def of(cls, values: Numbers) -> "Distribution":
        """Return the distribution of some numbers, NaN where one is missing."""
        return cls.by(edges_of(values), values)

    @classmethod
    def by(cls, edges: tuple[float, ...], values: Numbers) -> "Distribution":
        """Return it with edges that are given."""
        there = values[~np.isnan(values)]
        places = np.searchsorted(np.array(edges, np.float32), there, side="left")
        counts = np.bincount(places, minlength=len(edges) + 1)
        low, high = (float(there.min()), float(there.max())) if len(there) else (np.nan, np.nan)
        return cls(edges, low, high, tuple(counts.tolist()), len(values) - len(there))

    def __add__(self, other: "Distribution") -> "Distribution":
        """Return the distribution of both, which have the same edges."""
        if self.edges != other.edges:
            raise ValueError("distributions with other edges cannot be added")
        return Distribution(
            self.edges,
            float(np.fmin(self.low, other.low)),
            float(np.fmax(self.high, other.high)),
            tuple(one + more for one, more in zip(self.counts, other.counts, strict=True)),
            self.missing + other.missing,
        )

    @property
    def bins(self) -> Counts:
        """Its counts as `counted` has them: nothing is below or above."""
        return np.array([0, *self.counts, 0, self.missing], np.int64)

    def counted(self, values: Numbers) -> Counts:
        """Count other numbers: below the smallest, in each bin, above the largest, missing."""
        there = values[~np.isnan(values)]
        low, high = np.float32(self.low), np.float32(self.high)
        inside = there[(there >= low) & (there <= high)]
        places = np.searchsorted(np.array(self.edges, np.float32), inside, side="left")
        within = np.bincount(places, minlength=len(self.counts))
        below = int((there < low).sum())
        above = len(there) - below - len(inside)
        return np.array([below, *within.tolist(), above, len(values) - len(there)], np.int64)

    def described(self) -> dict[str, Any]:
        """Return it for JSON."""
        there = not np.isnan(self.low)
        return {
            "edges": list(self.edges),
            "low": self.low if there else None,
            "high": self.high if there else None,
            "counts": list(self.counts),
            "missing": self.missing,
        }

    @classmethod
    def of_description(cls, said: Mapping[str, Any]) -> "Distribution":
        """Read what `described` wrote; raises KeyError, TypeError, ValueError."""
        low, high = (np.nan if said[name] is None else float(said[name]) for name in ("low", "high"))
        counts = tuple(map(int, said["counts"]))
        edges = tuple(map(float, said["edges"]))
        if len(counts) != len(edges) + 1:
            raise ValueError("a distribution needs one more count than edges")
        return cls(edges, low, high, counts, int(said["missing"]))


def edges_of(values: Numbers) -> tuple[float, ...]:
    """Return the edges of bins of about equal share; fewer where many numbers are the same."""
    there = values[~np.isnan(values)]
    if not len(there):
        return ()
    shares = np.arange(1, BINS) / BINS
    found = np.unique(np.quantile(there, shares, method="lower").astype(np.float32))
    return tuple(found[found < there.max()].tolist())
