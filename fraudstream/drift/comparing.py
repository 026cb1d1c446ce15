"""Compares two distributions: how far they are apart, whether chance explains it, and whether the sample could have told.

The population stability index (PSI) says how far: below 0.1 is called stable, from 0.2 on a shift, by convention of credit scoring. With
millions of payments a test finds any difference, and with few none, so drift needs both: a PSI of 0.2 and a chi-square test that
excludes chance. A sample from which the test would find a shift of that size in fewer than nine of ten cases cannot say that there is none.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import chi2, ncx2

SHIFT = 0.2
ALPHA = 0.01
"""Chance of a false alarm, over all comparisons of a run."""
POWER = 0.9

NONE = 0.5
"""Is added to each bin, so that an empty one has a logarithm."""

FEW = 5.0
"""Expected payments of a bin in the smaller sample, below which the chi-square distribution does not hold."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison. `drifted` is None if the sample is too small to tell."""

    name: str
    psi: float
    p_value: float
    now: int
    before: int
    needed: int
    """How many payments there must be now to find a shift; 0 if no number is enough, because there is too little to compare with."""
    drifted: bool | None
    outside: float | None = None
    """Share below the smallest or above the largest number that was there before; None of what is no number."""

    def told(self) -> dict[str, Any]:
        """Return it for a report."""
        return {
            "name": self.name,
            "psi": round(self.psi, 4),
            "p_value": self.p_value,
            "payments": self.now,
            "payments_before": self.before,
            "payments_needed": self.needed or None,
            "outside": self.outside,
            "drifted": self.drifted,
        }


def compared(
    name: str, before: Counts, now: Counts, comparisons: int, outside: float | None = None
) -> Compared:
    """Compare counts in the same bins; `comparisons`: how many are made in all, which makes each of them stricter."""
    one, other = _pooled(before, now)
    alpha, freedom = ALPHA / max(1, comparisons), max(1, len(one) - 1)
    psi, p_value = _psi(one, other), _p_value(one, other)
    needed = _needed(float(one.sum()), freedom, alpha)
    total = int(other.sum())
    drifted: bool | None = bool(psi >= SHIFT and p_value < alpha)
    if not drifted and (needed == 0 or total < needed):
        drifted = None
    return Compared(name, psi, p_value, total, int(one.sum()), needed, drifted, outside)


def _pooled(before: Counts, now: Counts) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return both with as many bins as a chi-square test allows: those with too few are one, with the next smallest if need be."""
    both = np.array([before, now], np.float64)
    both = both[:, both.sum(axis=0) > 0]
    both = both[:, np.argsort(both.sum(axis=0), kind="stable")]
    share = both.sum(axis=1).min() / max(1.0, both.sum())
    expected = both.sum(axis=0).cumsum() * share
    few = int(np.searchsorted(expected, FEW)) + 1  # the first so many together have enough
    one = both[:, :few].sum(axis=1, keepdims=True)
    pooled = np.hstack([one, both[:, few:]])
    return pooled[0], pooled[1]


def _psi(before: npt.NDArray[np.float64], now: npt.NDArray[np.float64]) -> float:
    """Return the population stability index."""
    expected = (before + NONE) / (before + NONE).sum()
    found = (now + NONE) / (now + NONE).sum()
    return float(((found - expected) * np.log(found / expected)).sum()) if now.sum() and before.sum() else 0.0


def _p_value(before: npt.NDArray[np.float64], now: npt.NDArray[np.float64]) -> float:
    """Return the chance that two samples of one distribution differ as much (chi-square test of homogeneity)."""
    rows = np.array([before, now])
    total = rows.sum()
    if rows.shape[1] < 2 or not rows.sum(axis=1).all():
        return 1.0
    expected = rows.sum(axis=1, keepdims=True) * rows.sum(axis=0, keepdims=True) / total
    return float(chi2.sf(((rows - expected) ** 2 / expected).sum(), rows.shape[1] - 1))


def _needed(before: float, freedom: int, alpha: float) -> int:
    """Return how many payments the test needs to find a shift of this size in nine of ten cases; 0 if no number is enough.

    For small shifts the PSI is the chi-square distance, so the test's noncentrality is PSI * n * m / (n + m).
    """
    limit = chi2.isf(alpha, freedom)
    noncentrality = brentq(lambda each: ncx2.sf(limit, freedom, each) - POWER, 1e-3, 1e4)
    effective = noncentrality / SHIFT
    return 0 if before <= effective else math.ceil(effective * before / (before - effective))
