"""How well scores rank payments: ROC and precision-recall curves, their areas, and how certain these are.

scikit-learn computes the same areas (a test holds them equal to 1e-12); here they are computed of counts per distinct score,
so that a bootstrap of hundreds of rounds over a million payments takes seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ROUNDS = 200
PERCENTILES = (2.5, 97.5)
FALSE_POSITIVE_RATE = 0.01
ALERTS_PER_1000 = 1.0
"""What analysts can look at."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Fraud and legitimate payments with one of the highest scores, by distinct score, descending; both start at 0."""

    caught: Floats
    wrong: Floats

    @property
    def recall(self) -> Floats:
        """Share of fraud that is caught (true-positive rate)."""
        found: Floats = self.caught / self.caught[-1]
        return found

    @property
    def false_positive_rate(self) -> Floats:
        """Share of legitimate payments that are alerted."""
        found: Floats = self.wrong / self.wrong[-1]
        return found

    @property
    def precision(self) -> Floats:
        """Share of alerts that are fraud; 1 where there are none yet."""
        alerts = self.caught + self.wrong
        return np.divide(self.caught, alerts, out=np.ones_like(alerts), where=alerts > 0)

    def auc(self) -> float:
        """Area under the ROC curve: the chance that a fraud has a higher score than a legitimate payment."""
        return float(np.trapezoid(self.recall, self.false_positive_rate))

    def average_precision(self) -> float:
        """Precision at each step of recall, weighted with the step."""
        return float((np.diff(self.recall) * self.precision[1:]).sum())

    def recall_at_false_positive_rate(self, rate: float = FALSE_POSITIVE_RATE) -> float:
        """Return the recall when this share of legitimate payments is alerted; ties count with the share that fits."""
        return float(np.interp(rate, self.false_positive_rate, self.recall))

    def recall_at_alerts(self, per_1000: float = ALERTS_PER_1000) -> float:
        """Return the recall when this many of 1,000 payments are alerted, whole ones, at least one.

        Payments that tie at the last place count with the share of them that still fits, as if drawn by lot.
        """
        alerts = self.caught + self.wrong
        budget = max(int(alerts[-1] * per_1000 / 1000), 1)
        return float(np.interp(budget, alerts, self.recall))


FIGURES: dict[str, Callable[[Curve], float]] = {
    "auc": Curve.auc,
    "average_precision": Curve.average_precision,
    "recall_at_1pct_fpr": Curve.recall_at_false_positive_rate,
    "recall_at_1_per_1000": Curve.recall_at_alerts,
}
"""Names of the figures of a ranking, as in the JSON."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Payments in order of their score, the highest first."""

    order: Ints
    """Rows in this order."""
    starts: Ints
    """Where in this order each distinct score begins."""
    fraud: Bools
    """In this order."""

    @classmethod
    def of(cls, fraud: Bools, scores: Floats) -> "Ranking":
        """Sort payments by score."""
        order = np.argsort(-scores, kind="stable").astype(np.int64)
        ranked = scores[order]
        starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]])).astype(np.int64)
        return cls(order, starts, fraud[order])

    def curve(self, weights: Floats | None = None) -> Curve:
        """Return the curve of payments, each counted as often as `weights` says (by row; None: once)."""
        each = np.ones(len(self.order)) if weights is None else weights[self.order]
        caught = np.add.reduceat(np.where(self.fraud, each, 0.0), self.starts)
        wrong = np.add.reduceat(np.where(self.fraud, 0.0, each), self.starts)
        return Curve(np.concatenate([[0.0], caught.cumsum()]), np.concatenate([[0.0], wrong.cumsum()]))


def intervals(
    ranking: Ranking, entities: Ints | None, rounds: int = ROUNDS, seed: int = 1
) -> dict[str, tuple[float, float]]:
    """Return, per figure, where 95 of 100 repetitions of the test would put it (bootstrap).

    Entities are drawn, each with all its payments, since the payments of one attack are not independent of each other. Events
    without an entity are drawn one by one. Each is drawn as often as a Poisson variable of mean 1 says, the limit of drawing
    with replacement for many (Hanley and MacGibbon 2006).
    """
    generator = np.random.default_rng(seed)
    rows = len(ranking.order)
    numbers = None if entities is None else np.unique(entities, return_inverse=True)[1]
    drawn: dict[str, list[float]] = {name: [] for name in FIGURES}
    for _ in range(rounds):
        weights = generator.poisson(1.0, rows if numbers is None else int(numbers.max()) + 1).astype(float)
        curve = ranking.curve(weights if numbers is None else weights[numbers])
        if curve.caught[-1] and curve.wrong[-1]:
            for name, figure in FIGURES.items():
                drawn[name].append(figure(curve))
    return {name: _between(values) for name, values in drawn.items()}


def _between(values: list[float]) -> tuple[float, float]:
    low, high = np.percentile(values, PERCENTILES) if values else (np.nan, np.nan)
    return float(low), float(high)


def thinned(x: Floats, y: Floats, points: int = 400) -> tuple[list[float], list[float]]:
    """Return at most about this many points of a curve: its ends, and where it moves by as much as a pixel.

    >>> thinned(np.array([0.0, 0.5, 0.500001, 1.0]), np.array([0.0, 1.0, 1.0, 1.0]), 10)
    ([0.0, 0.5, 1.0], [0.0, 1.0, 1.0])
    """
    cells = np.round(np.stack([x, y]) * points).astype(np.int64)
    moved = np.concatenate([[True], (np.diff(cells, axis=1) != 0).any(axis=0)])
    moved[-1] = True
    kept = np.flatnonzero(moved)
    if len(kept) > 2 and (cells[:, kept[-1]] == cells[:, kept[-2]]).all():
        kept = np.delete(kept, -2)
    return [round(float(v), 6) for v in x[kept]], [round(float(v), 6) for v in y[kept]]
