"""Measures how good scores are: their ranking (AUC, average precision), and alerts, precision and recall at a threshold."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

from fraudstream.domain.errors import SetupError
from fraudstream.offline.ranking import ALERTS_PER_1000, Ranking

Scores = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.bool_]


def evaluate(fraud: Labels, scores: Scores, threshold: float) -> dict[str, float]:
    """Return all figures for payments with known labels; raises SetupError if all have the same one."""
    if not fraud.any() or fraud.all():
        raise SetupError(
            "the payments to test with are all fraud, or none of them is; "
            "use a longer history: fraudstream generate --days 28"
        )
    alerts = scores > threshold
    caught = int((alerts & fraud).sum())
    return {
        "auc": float(roc_auc_score(fraud, scores)),
        "average_precision": float(average_precision_score(fraud, scores)),
        "recall_at_1_per_1000": recall_at(fraud, scores, ALERTS_PER_1000),
        "recall_at_1_per_1000_at_best": min(1.0, len(fraud) / 1000 * ALERTS_PER_1000 / float(fraud.sum())),
        "alerts_per_1000": 1000 * float(alerts.mean()),
        "precision": caught / max(int(alerts.sum()), 1),
        "recall": caught / int(fraud.sum()),
        "fraud_per_1000": 1000 * float(fraud.mean()),
    }


def recall_at(fraud: Labels, scores: Scores, alerts_per_1000: float) -> float:
    """Return the share of fraud among the highest scores, as many as the budget allows; see `Curve.recall_at_alerts`.

    >>> labels = np.array([True, True] + [False] * 998)
    >>> recall_at(labels, np.array([0.9, 0.8] + [0.1] * 998), 1.0)
    0.5
    >>> recall_at(labels, np.full(1000, 0.5), 1.0)
    0.001
    """
    return Ranking.of(fraud, scores.astype(np.float64)).curve().recall_at_alerts(alerts_per_1000)


def recall_by_scenario(
    fraud: Labels, scores: Scores, threshold: float, scenarios: Sequence[str] | npt.NDArray[Any]
) -> Mapping[str, float]:
    """Return the recall of each kind of fraud at the threshold."""
    kinds = np.asarray(scenarios)
    return {
        str(kind): float((scores[fraud & (kinds == kind)] > threshold).mean())
        for kind in np.unique(kinds[fraud])
    }
