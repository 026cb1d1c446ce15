"""What came of a training, in Fraud Detector's words: thresholds on its scale, and how much each variable matters."""

from collections.abc import Mapping
from typing import Any

from fraudstream.api.fraud_detector.shapes import Body
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.registry.insight import STEP, false_positive_rate

LEAST_DIGITS = 2
"""Of false-positive rates: programs look for 0.01, 0.02 and so on."""


def result_of(manifest: Mapping[str, Any], event_type: EventType) -> Body:
    """Return `trainingResult` of a version."""
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
    types = {each.name: each.type for each in event_type.variables}
    matters = sorted(manifest["contributions"].items(), key=lambda each: (-each[1], each[0]))
    odds = [
        {
            "variableName": name,
            "variableType": "CATEGORICAL" if types.get(name) == "string" else "NUMERIC",
            "variableImportance": importance,
        }
        for name, importance in matters
    ]
    return {
        "dataValidationMetrics": {"fileLevelMessages": [], "fieldLevelMessages": []},
        "trainingMetrics": {"auc": manifest["metrics"]["auc"], "metricDataPoints": points},
        "variableImportanceMetrics": {"logOddsMetrics": odds},
    }
