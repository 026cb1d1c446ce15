"""Models: names under which the score of the model that decides is answered. What that model is, releases say.

A model that was never trained here has one version, 1.0, which is ACTIVE: the one that fraudstream's own commands trained.
"""

from collections.abc import Mapping
from typing import Any

from fraudstream.adapters.database.resources import Resource, Resources
from fraudstream.api.fraud_detector.definitions import (
    DETECTOR_VERSION,
    EVENT_TYPE,
    MODEL,
    MODEL_VERSION,
    VARIABLE,
)
from fraudstream.api.fraud_detector.errors import absent, conflict, invalid
from fraudstream.api.fraud_detector.shapes import Body, Operation, page

SCORE_END = "_insightscore"
"""What the variable with a model's score is called after the name of the model."""
VERSION = "1.0"
"""Of a model that was never trained here."""


def named(resources: Resources, asked: Mapping[str, Any]) -> Resource:
    """Return the model of a request; raises ServiceError."""
    model = resources.get(MODEL, asked["modelId"])
    if model is None or model.document["modelType"] != asked["modelType"]:
        raise absent(f"model {asked['modelId']} of the type {asked['modelType']} does not exist.")
    return model


def create(resources: Resources, asked: Body) -> Body:
    """Make a model and the variable with its score."""
    if resources.get(MODEL, asked["modelId"]) is not None:
        raise invalid(f"model {asked['modelId']} already exists.")
    if resources.get(EVENT_TYPE, asked["eventTypeName"]) is None:
        raise invalid(f"event type {asked['eventTypeName']} does not exist.")
    resources.put(MODEL, asked["modelId"], asked)
    variable = {
        "name": asked["modelId"] + SCORE_END,
        "dataType": "FLOAT",
        "dataSource": "MODEL_SCORE",
        "defaultValue": "0.0",
    }
    resources.put(VARIABLE, variable["name"], variable)
    return {}


def update(resources: Resources, asked: Body) -> Body:
    """Change the description."""
    resources.put(MODEL, asked["modelId"], named(resources, asked).document | asked)
    return {}


def found(resources: Resources, asked: Body) -> Body:
    """Return the model that is named, or a page of all."""
    return page("models", wanted(resources, asked), asked)


def wanted(resources: Resources, asked: Mapping[str, Any]) -> list[Resource]:
    """Return the model that is named, which has to exist, or all, of one type if one is named."""
    kind = asked.get("modelType")
    if "modelId" not in asked:
        return [each for each in resources.all(MODEL) if kind in (None, each.document["modelType"])]
    model = resources.get(MODEL, asked["modelId"])
    if model is None or kind not in (None, model.document["modelType"]):
        raise absent(f"model {asked['modelId']} does not exist.")
    return [model]


def remove(resources: Resources, asked: Body) -> Body:
    """Remove a model that no detector version uses, with the variable of its score."""
    for version in resources.all(DETECTOR_VERSION):
        if any(asked["modelId"] == each["modelId"] for each in version.document["modelVersions"]):
            raise conflict(
                f"model {asked['modelId']} cannot be deleted: version {version.version} of detector {version.name} uses it."
            )
    if resources.all(MODEL_VERSION, asked["modelId"]):
        raise conflict(f"model {asked['modelId']} cannot be deleted: it has versions.")
    resources.delete(MODEL, asked["modelId"])
    resources.delete(VARIABLE, asked["modelId"] + SCORE_END)
    return {}


OPERATIONS: Mapping[str, Operation] = {
    "CreateModel": create,
    "UpdateModel": update,
    "GetModels": found,
    "DeleteModel": remove,
}
