"""Decides whether a new model becomes the active one: unless told, never if it is worse or no better than chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
from polars.exceptions import ColumnNotFoundError

from fraudstream.adapters.models.files import load_model
from fraudstream.adapters.models.registry import Registry
from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.catalogue import check_features
from fraudstream.offline.evaluate import evaluate
from fraudstream.offline.model_input import predicted

Wish = Literal["if-better", "always", "never"]
"""The value of `train --activate`."""

TOLERANCE = 0.02
"""How much lower the average precision may be than the active model's: with 600 frauds to test with, as in two weeks of
10,000 cards, chance alone moves it by that much (its standard error is about sqrt(p(1 - p) / 600))."""

FRAUDS_ENOUGH = 500
"""Frauds to learn from. At one fraud in 400 payments, models with fewer decided 0 to 99 % of the acceptance stories right,
depending on the seed; models with 500 to 700 decided 88 % or more, with 1,200 96 % or more."""


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """How a new model compares with the active one on the same test payments. `why` is a clause with figures."""

    good: bool
    why: str
    active_version: str | None = None
    """None if no model was active, or none that can be loaded."""
    active_metrics: Mapping[str, float] | None = None


def judge(
    metrics: Mapping[str, float],
    threshold: float,
    learnt: pl.DataFrame,
    tested: pl.DataFrame,
    models: Registry,
) -> ModelComparison:
    """Compare a new model's figures with chance and with the active model's on the same payments.

    The active model may have learnt from some of them, to its advantage: in doubt it stays.
    """
    version, active, reason = None, None, "no model was active before"
    if models.log().active is not None:
        try:
            model = load_model(models)
            check_features(model.version, model.features, [*tested.columns, *model.inputs.names])
            scores = predicted(tested, model.features, model.probabilities, model.inputs)
            version, active = model.version, evaluate(tested["is_fraud"].to_numpy(), scores, model.threshold)
        except ColumnNotFoundError as error:
            reason = f"the active model needs features that these events do not have ({error})"
        except SetupError as error:
            reason = f"the active model cannot be loaded ({error})"
    if not better_than_chance(metrics):
        why = (
            f"at the threshold {threshold}, {metrics['precision']:.1%} of its alerts are fraud, and so are "
            f"{metrics['fraud_per_1000'] / 1000:.1%} of all payments: it is no better than chance"
        )
        return ModelComparison(False, why, version, active)
    frauds = int(learnt["is_fraud"].sum())
    if frauds < FRAUDS_ENOUGH:
        why = (
            f"it learnt from {frauds:,} frauds, and a model that learnt from fewer than {FRAUDS_ENOUGH:,} often misses an attack's "
            "second payment: use a longer history, or one of more cards"
        )
        return ModelComparison(False, why, version, active)
    if active is None:
        return ModelComparison(True, f"{reason} and this one is better than chance")
    why = (
        f"its average precision is {metrics['average_precision']:.4f}, that of the active {version} is "
        f"{active['average_precision']:.4f} on the same payments (it may be lower by {TOLERANCE})"
    )
    return ModelComparison(
        metrics["average_precision"] >= active["average_precision"] - TOLERANCE, why, version, active
    )


def better_than_chance(metrics: Mapping[str, float]) -> bool:
    """Tell whether alerts at the threshold are fraud more often than payments are.

    >>> better_than_chance({"precision": 0.0, "fraud_per_1000": 2.5})
    False
    """
    return metrics["precision"] > metrics["fraud_per_1000"] / 1000


def decided(wish: Wish, comparison: ModelComparison) -> dict[str, Any]:
    """Return the decision for the manifest: `activated`, `why` and the active model's figures."""
    activated = wish == "always" or (wish == "if-better" and comparison.good)
    told = {"always": "as requested: ", "never": "as requested: ", "if-better": ""}[wish]
    return {
        "wish": wish,
        "activated": activated,
        "better": comparison.good,
        "why": told + comparison.why,
        "active_version": comparison.active_version,
        "active_metrics": comparison.active_metrics,
    }
