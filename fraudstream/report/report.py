"""All figures of a model version as one object of plain JSON, which the page shows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from fraudstream.offline.ranking import FIGURES, Floats, Ranking, intervals, thinned
from fraudstream.report.calibration import calibration
from fraudstream.report.groups import (
    counted,
    entity_precision,
    everything,
    positions,
    segments,
    weekly_auc,
    weeks,
)
from fraudstream.report.importance import Explained, importance, sample, warnings
from fraudstream.report.judged import Judged
from fraudstream.report.money import Costs, money

BARS = 50
"""Bars of the score distribution."""


def report_of(
    model: Explained,
    names: Sequence[str],
    judged: Judged,
    rows: npt.NDArray[np.float32],
    about: Mapping[str, Any],
    costs: Costs | None = None,
    learnt: float | None = None,
) -> dict[str, Any]:
    """Return the report; `rows`: the model's input for the payments, `about`: what the page says of version and data.

    `learnt`: the average precision on the payments the model has learnt from, if known.
    """
    ranking = Ranking.of(judged.fraud, judged.scores)
    curve = ranking.curve()
    by_week = weeks(judged)
    in_attack = positions(judged)
    chosen = sample(judged.fraud)
    found = importance(model, names, rows[chosen], judged.fraud[chosen])
    certain = intervals(ranking, judged.entities)
    return {
        "about": {**about, "made_at": datetime.now(UTC).isoformat(timespec="seconds")},
        "payments": len(judged.scores),
        "fraud": int(judged.fraud.sum()),
        "threshold": judged.threshold,
        "thresholds": [float(each) for each in judged.thresholds],
        "figures": {
            name: {"value": figure(curve), "low": certain[name][0], "high": certain[name][1]}
            for name, figure in FIGURES.items()
        },
        "resampled_by": "payment" if judged.entities is None else "entity",
        "roc": dict(zip(("x", "y"), thinned(curve.false_positive_rate, curve.recall), strict=True)),
        "precision_recall": dict(zip(("x", "y"), thinned(curve.recall, curve.precision), strict=True)),
        "distribution": _distribution(judged),
        "all": counted(judged, everything(judged))["groups"][0],
        "calibration": calibration(judged.fraud, judged.scores),
        "money": money(judged, costs or Costs()),
        "weeks": counted(judged, by_week) | {"auc": weekly_auc(judged, by_week)},
        "positions": None if in_attack is None else counted(judged, in_attack),
        "entities_a_day": entity_precision(judged),
        "segments": [counted(judged, grouping) for grouping in segments(judged)],
        "importance": found,
        "importance_rows": len(chosen),
        "warnings": warnings(names, rows, judged.fraud, found, learnt, curve.average_precision()),
    }


def _distribution(judged: Judged) -> dict[str, Any]:
    """Return how many legitimate and fraudulent payments have a score in each fiftieth."""
    bins: Floats = np.minimum(judged.scores * BARS, BARS - 1).astype(np.int64)
    count = {
        name: np.bincount(bins[of], minlength=BARS).tolist()
        for name, of in (("legitimate", ~judged.fraud), ("fraud", judged.fraud))
    }
    return {"edges": [at / BARS for at in range(BARS + 1)], **count}
