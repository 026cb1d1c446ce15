"""How unusual a payment is, whatever its label: the score of an isolation forest, from 0 to 1000.

The forest itself is an adapter's, which sums the lengths of a payment's paths through its trees.
"""

import math
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fraudstream.domain.table import Floats, Table

EULER_GAMMA = 0.5772156649015329
ROWS = 1025
"""Of a table of scores: straight lines between so many rows are within 0.001 of the curve."""
SCORE_MAX = 1000.0


class Anomaly(Protocol):
    """An anomaly model, of the same features as the classifier beside it."""

    def scores(self, rows: npt.NDArray[np.float32]) -> Floats:
        """Return the score of each row, to a tenth."""
        ...


def score_table(trees: int, sample: int) -> Table:
    """Return the score for the summed lengths of a payment's paths: 1000 * 2 ** (-mean / c), falling, so of their negative.

    `sample` payments were seen by each tree, and c is the mean length of a path among so many (Liu, Ting and Zhou 2008).
    """
    usual = trees * mean_path(sample)
    lengths = np.linspace(0, 2 * usual, ROWS)[::-1]
    return Table(-lengths, SCORE_MAX * 2 ** (-lengths / usual))


def mean_path(sample: int) -> float:
    """Return the mean length of a path that ends in a payment of its own, among so many.

    >>> [round(mean_path(sample), 3) for sample in (1, 2, 256)]
    [0.0, 1.0, 10.245]
    """
    if sample <= 2:
        return float(max(sample - 1, 0))
    return 2 * (math.log(sample - 1.0) + EULER_GAMMA) - 2 * (sample - 1.0) / sample


def scored_by(table: Table, lengths: npt.NDArray[np.float32]) -> Floats:
    """Return the scores for summed lengths, to a tenth, which is as much as an analyst can use."""
    return np.rint(table.at(-lengths.astype(np.float64)) * 10) / 10
