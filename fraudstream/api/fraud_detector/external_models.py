"""External models, the endpoints of SageMaker that a program names: kept as they were said, listed and removed, and never invoked.

The score of one reaches rules as a variable of the event that the program sends.
"""

from collections.abc import Mapping
from functools import partial

from fraudstream.adapters.database.resources import Resources
from fraudstream.api.fraud_detector.definitions import EVENT_TYPE, VARIABLE, Kind, found, put, remove
from fraudstream.api.fraud_detector.errors import absent, invalid
from fraudstream.api.fraud_detector.shapes import Body, Operation

EXTERNAL_MODELS = Kind("external-model", "externalModels", (), "", key="modelEndpoint")
TEMPLATES = {"TEXT_CSV": "csvInputTemplate", "APPLICATION_JSON": "jsonInputTemplate"}
OUTPUTS = {"TEXT_CSV": "csvIndexToVariableMap", "APPLICATION_JSONLINES": "jsonKeyToVariableMap"}
"""Format -> the member that goes with it."""


def put_external_model(resources: Resources, asked: Body) -> Body:
    """Make or replace one whose configuration fits together."""
    given, got = asked["inputConfiguration"], asked["outputConfiguration"]
    event_type = given.get("eventTypeName")
    if given["useEventVariables"]:
        _need(given, "eventTypeName", "format")
        _need(given, TEMPLATES[given["format"]])
    if event_type is not None and resources.get(EVENT_TYPE, event_type) is None:
        raise absent(f"event type {event_type} does not exist.")
    _need(got, OUTPUTS[got["format"]])
    names = got[OUTPUTS[got["format"]]].values()
    if lacking := [name for name in names if resources.get(VARIABLE, name) is None]:
        raise invalid(f"variables do not exist: {', '.join(lacking)}")
    return put(EXTERNAL_MODELS, resources, asked)


def _need(configuration: Body, *members: str) -> None:
    lacking = [name for name in members if name not in configuration]
    if lacking:
        raise invalid(f"{', '.join(lacking)} is missing.")


OPERATIONS: Mapping[str, Operation] = {
    "PutExternalModel": put_external_model,
    "GetExternalModels": partial(found, EXTERNAL_MODELS),
    "DeleteExternalModel": partial(remove, EXTERNAL_MODELS),
}
