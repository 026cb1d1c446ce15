"""What a manifest says of a model on payments that it has not seen."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from fraudstream.domain.registry.insight import InsightScale
from fraudstream.offline.evaluate import evaluate, recall_by_scenario
from fraudstream.offline.ranges import score_range
from fraudstream.offline.training.curve import contributions, insight_curve
from fraudstream.offline.training.fitting import Fitted


def figures(
    model: Fitted, payments: pl.DataFrame, names: tuple[str, ...], threshold: float
) -> dict[str, Any]:
    """Return the figures on payments the model has not seen, the recall per kind of fraud where it is known, and the insight scale."""
    fraud = payments["is_fraud"].to_numpy()
    scores = model.probabilities(payments, names)
    by_scenario: Mapping[str, float] = {}
    if "scenario" in payments.columns:
        by_scenario = recall_by_scenario(fraud, scores, threshold, payments["scenario"].to_numpy())
    scale = InsightScale.measured(fraud, scores)
    return {
        "metrics": evaluate(fraud, scores, threshold),
        "recall_by_scenario": by_scenario,
        "insight_scale": scale.described(),
        "insight_curve": insight_curve(fraud, scores, scale),
        "contributions": contributions(model, payments, names),
        "score_range": score_range(scores),
    }
