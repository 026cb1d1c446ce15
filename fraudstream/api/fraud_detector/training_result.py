"""What came of a training, in Fraud Detector's words: thresholds on its scale, and how much each variable matters."""

from collections.abc import Collection, Mapping
from typing import Any

from fraudstream.api.fraud_detector.shapes import Body
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.registry.insight import STEP, false_positive_rate

LEAST_DIGITS = 2
"""Of false-positive rates: programs look for 0.01, 0.02 and so on."""
IMPORTANCE_DIGITS = 6

TAKEOVER = "ACCOUNT_TAKEOVER_INSIGHTS"
METRICS = {"ONLINE_FRAUD_INSIGHTS": "ofi", "TRANSACTION_FRAUD_INSIGHTS": "tfi", TAKEOVER: "ati"}
"""Type of a model -> the member with its metrics."""


def result_of(manifest: Mapping[str, Any], event_type: EventType, made_of: Mapping[str, str]) -> Body:
    """Return `trainingResult` of a version; `made_of`: features that are made of a variable -> its name."""
    curve = manifest["insight_curve"]
    points = [
        {
            "fpr": round(false_positive_rate(number * STEP), LEAST_DIGITS),
            "tpr": tpr,
            "precision": precision,
            "threshold": float(number * STEP),
        }
        for number, (tpr, precision) in enumerate(zip(curve["tpr"], curve["precision"], strict=True))
    ]
    importances: dict[str, float] = {}
    for feature, importance in manifest["contributions"].items():
        variable = made_of.get(feature, feature)
        importances[variable] = importances.get(variable, 0.0) + importance
    types = {each.name: each.type for each in event_type.variables}
    fields = fields_of(event_type)
    odds = [
        {
            "variableName": fields.get(name, name),
            "variableType": "CATEGORICAL" if types.get(name) == "string" else "NUMERIC",
            "variableImportance": round(importance, IMPORTANCE_DIGITS),
        }
        for name, importance in sorted(importances.items(), key=lambda each: (-each[1], each[0]))
    ]
    return {
        "dataValidationMetrics": {"fileLevelMessages": [], "fieldLevelMessages": []},
        "trainingMetrics": {"auc": manifest["metrics"]["auc"], "metricDataPoints": points},
        "variableImportanceMetrics": {"logOddsMetrics": odds},
    }


def fields_of(event_type: EventType) -> dict[str, str]:
    """Return what programs call variables: the fields of events."""
    return {each.name: each.field for each in event_type.variables} | {"amount": event_type.amount}


def newer_result(result: Mapping[str, Any], model_type: str, variables: Collection[str]) -> Body:
    """Return `trainingResultV2`, which has the same figures under the name of the model's type.

    Of a model of account takeovers all importances are those of aggregated variables; of others those that are no variable's.
    """
    odds = result["variableImportanceMetrics"]["logOddsMetrics"]
    single = [each for each in odds if each["variableName"] in variables and model_type != TAKEOVER]
    aggregated = [
        {
            "variableNames": [each["variableName"]],
            "aggregatedVariablesImportance": each["variableImportance"],
        }
        for each in odds
        if each not in single
    ]
    points, auc = result["trainingMetrics"]["metricDataPoints"], result["trainingMetrics"]["auc"]
    metrics = (
        {"metricDataPoints": _takeovers(points), "modelPerformance": {"asi": auc}}
        if model_type == TAKEOVER
        else {"metricDataPoints": points, "modelPerformance": {"auc": auc}}
    )
    return {
        "dataValidationMetrics": result["dataValidationMetrics"],
        "trainingMetricsV2": {METRICS[model_type]: metrics},
        "variableImportanceMetrics": {"logOddsMetrics": single},
        "aggregatedVariablesImportanceMetrics": {"logOddsMetrics": aggregated},
    }


def _takeovers(points: list[Body]) -> list[Body]:
    """Return the points as shares of events that are challenged, and of frauds that are found then.

    At the lowest threshold every event is challenged, so the precision there is the share of frauds among all.
    """
    frauds = points[0]["precision"]
    return [
        {
            "cr": each["fpr"] * (1 - frauds) + each["tpr"] * frauds,
            "adr": each["tpr"],
            "atodr": each["tpr"],
            "threshold": each["threshold"],
        }
        for each in points
    ]
