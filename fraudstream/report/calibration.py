"""Whether a probability is one: of the payments with a score of 0.3, three in ten should be fraud."""

from typing import Any

import numpy as np

from fraudstream.offline.ranking import Bools, Floats

EDGES = np.array([0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
"""Finer near 0, where nearly all payments are."""

Z_95 = 1.959964
"""Standard normal quantile of 97.5 %."""


def calibration(fraud: Bools, scores: Floats) -> dict[str, Any]:
    """Return the bins that have payments, the Brier score and the mean distance between score and share of fraud."""
    bins = np.clip(np.searchsorted(EDGES, scores, side="right") - 1, 0, len(EDGES) - 2)
    counts = np.bincount(bins, minlength=len(EDGES) - 1)
    frauds = np.bincount(bins, fraud, minlength=len(EDGES) - 1)
    sums = np.bincount(bins, scores, minlength=len(EDGES) - 1)
    rows = []
    for at in np.flatnonzero(counts):
        low, high = wilson(frauds[at], counts[at])
        rows.append(
            {
                "payments": int(counts[at]),
                "score": float(sums[at] / counts[at]),
                "fraud": float(frauds[at] / counts[at]),
                "low": low,
                "high": high,
            }
        )
    return {
        "bins": rows,
        "brier": float(((scores - fraud) ** 2).mean()),
        "mean_distance": float(np.abs(sums - frauds).sum() / len(scores)),
    }


def wilson(hits: float, count: float) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927); it is right for few payments and shares near 0, too.

    >>> [round(end, 4) for end in wilson(0, 10)], [round(end, 4) for end in wilson(5, 10)]
    ([0.0, 0.2775], [0.2366, 0.7634])
    """
    share, z2 = hits / count, Z_95**2
    middle = share + z2 / (2 * count)
    reach = Z_95 * np.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    low, high = (middle - reach) / (1 + z2 / count), (middle + reach) / (1 + z2 / count)
    return float(max(low, 0.0)), float(min(high, 1.0))
