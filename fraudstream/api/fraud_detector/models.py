"""Models: names under which the score of the model that decides is answered. What that model is, releases say.

A model made here has one version, 1.0, which is ACTIVE: it is trained and put to work with fraudstream's own commands.
"""

from collections.abc import Mapping
from typing import Any

from fraudstream.adapters.database.resources import Resource, Resources
from fraudstream.api.fraud_detector.definitions import DETECTOR_VERSION, EVENT_TYPE, MODEL, VARIABLE
from fraudstream.api.fraud_detector.errors import absent, conflict, invalid
from fraudstream.api.fraud_detector.shapes import Body, Operation, arn, page

SCORE_END = "_insightscore"
"""What the variable with a model's score is called after the name of the model."""
VERSION = "1.0"
STATUS = "ACTIVE"


def is_version(number: str) -> bool:
    """Tell whether a number is that of the one version; 1.00 is."""
    return float(number) == float(VERSION)


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
    if "modelId" not in asked:
        wanted = asked.get("modelType")
        every = [each for each in resources.all(MODEL) if wanted in (None, each.document["modelType"])]
        return page("models", every, asked)
    model = resources.get(MODEL, asked["modelId"])
    if model is None or asked.get("modelType") not in (None, model.document["modelType"]):
        raise absent(f"model {asked['modelId']} does not exist.")
    return page("models", [model], asked | {"nextToken": None})


def remove(resources: Resources, asked: Body) -> Body:
    """Remove a model that no detector version uses, with the variable of its score."""
    for version in resources.all(DETECTOR_VERSION):
        if any(asked["modelId"] == each["modelId"] for each in version.document["modelVersions"]):
            raise conflict(
                f"model {asked['modelId']} cannot be deleted: version {version.version} of detector {version.name} uses it."
            )
    resources.delete(MODEL, asked["modelId"])
    resources.delete(VARIABLE, asked["modelId"] + SCORE_END)
    return {}


def version_found(resources: Resources, asked: Body) -> Body:
    """Return the one version of a model."""
    model = named(resources, asked)
    if not is_version(asked["modelVersionNumber"]):
        raise absent(f"model {model.name} has the version {VERSION} only.")
    return _version(model)


def versions(resources: Resources, asked: Body) -> Body:
    """Return the versions of one model, or of all."""
    if "modelVersionNumber" in asked and not is_version(asked["modelVersionNumber"]):
        raise absent(f"models have the version {VERSION} only.")
    models = found(resources, asked)
    each = [_version(model) for name in models["models"] if (model := resources.get(MODEL, name["modelId"]))]
    return {"modelVersionDetails": each} | {name: models[name] for name in ("nextToken",) if name in models}


def _version(model: Resource) -> Body:
    return {
        "modelId": model.name,
        "modelType": model.document["modelType"],
        "modelVersionNumber": VERSION,
        "status": STATUS,
        "arn": f"{arn(model)}/{VERSION}",
    }


OPERATIONS: Mapping[str, Operation] = {
    "CreateModel": create,
    "UpdateModel": update,
    "GetModels": found,
    "DeleteModel": remove,
    "GetModelVersion": version_found,
    "DescribeModelVersions": versions,
}
