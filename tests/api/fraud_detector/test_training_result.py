"""What is said of a training, for every type of model."""

from typing import Any

import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.api.fraud_detector.training_result import newer_result, result_of

SPARKOV = event_type_named("sparkov")
MANIFEST: dict[str, Any] = {
    "metrics": {"auc": 0.9},
    "insight_curve": {"tpr": [1.0, 0.5], "precision": [0.1, 0.4]},
    "contributions": {
        "amount": 0.1,
        "merchant_length": 0.2,
        "merchant_frequency": 0.3,
        "num_trans_last_10m": 0.4,
    },
}
MADE_OF = {"merchant_length": "merchant", "merchant_frequency": "merchant"}
RESULT = result_of(MANIFEST, SPARKOV, MADE_OF)


def test_importances_are_those_of_variables_as_programs_call_them() -> None:
    """Several features of one variable count together; a feature that is no variable keeps its name."""
    odds = RESULT["variableImportanceMetrics"]["logOddsMetrics"]

    assert [("merchant", 0.5), ("num_trans_last_10m", 0.4), ("amt", 0.1)] == [
        (each["variableName"], each["variableImportance"]) for each in odds
    ]


@pytest.mark.parametrize(
    ("kind", "member"), [("ONLINE_FRAUD_INSIGHTS", "ofi"), ("TRANSACTION_FRAUD_INSIGHTS", "tfi")]
)
def test_the_newer_result_has_the_same_figures_under_the_type(kind: str, member: str) -> None:
    """Features that are no variables of the model are aggregated ones."""
    newer = newer_result(RESULT, kind, ["merchant", "amt"])

    metrics = {
        "metricDataPoints": RESULT["trainingMetrics"]["metricDataPoints"],
        "modelPerformance": {"auc": 0.9},
    }
    assert {member: metrics} == newer["trainingMetricsV2"]
    assert ["merchant", "amt"] == [
        each["variableName"] for each in newer["variableImportanceMetrics"]["logOddsMetrics"]
    ]
    assert [{"variableNames": ["num_trans_last_10m"], "aggregatedVariablesImportance": 0.4}] == newer[
        "aggregatedVariablesImportanceMetrics"
    ]["logOddsMetrics"]


def test_a_model_of_account_takeovers_has_shares_of_challenged_events() -> None:
    """At the lowest threshold all events are; above it, those legitimate ones and frauds that are."""
    newer = newer_result(RESULT, "ACCOUNT_TAKEOVER_INSIGHTS", ["merchant", "amt"])
    first, second = newer["trainingMetricsV2"]["ati"]["metricDataPoints"]
    fpr = RESULT["trainingMetrics"]["metricDataPoints"][1]["fpr"]

    assert (1.0, 1.0) == (first["cr"], first["adr"])
    assert (pytest.approx(0.9 * fpr + 0.1 * 0.5), 0.5, 5.0) == (
        second["cr"],
        second["atodr"],
        second["threshold"],
    )
    assert [] == newer["variableImportanceMetrics"]["logOddsMetrics"]
    assert 3 == len(newer["aggregatedVariablesImportanceMetrics"]["logOddsMetrics"])
