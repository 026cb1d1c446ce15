"""Labels, entity types, outcomes, variables and event types: put, read page by page, and removed when nothing uses them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fraudstream.adapters.database.resources import Resources
from fraudstream.api.fraud_detector.errors import absent, conflict, invalid
from fraudstream.api.fraud_detector.shapes import Body, Operation, page, shown

EVENT_TYPE = "event-type"
VARIABLE = "variable"
OUTCOME = "outcome"
RULE = "rule"
DETECTOR = "detector"
DETECTOR_VERSION = "detector-version"
MODEL = "model"
MODEL_VERSION = "model-version"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of definition: what pages of it are called, and who may use it."""

    kind: str
    members: str
    used_by: tuple[str, ...]
    used_in: str
    """Member of the users' documents: a list of names, or one name."""
    key: str = "name"


LABELS = Kind("label", "labels", (EVENT_TYPE,), "labels")
ENTITY_TYPES = Kind("entity-type", "entityTypes", (EVENT_TYPE,), "entityTypes")
OUTCOMES = Kind(OUTCOME, "outcomes", (RULE,), "outcomes")
VARIABLES = Kind(VARIABLE, "variables", (EVENT_TYPE,), "eventVariables")
EVENT_TYPES = Kind(EVENT_TYPE, "eventTypes", (DETECTOR, MODEL), "eventTypeName")

VARIABLE_NAME = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)
"""What rules can name with a dollar sign; the service itself says nothing of it."""

NEEDS = (VARIABLES, LABELS, ENTITY_TYPES)
"""What an event type is made of."""


def put(kind: Kind, resources: Resources, asked: Body) -> Body:
    """Make one, or replace it; tags stay unless new ones are given."""
    before = resources.get(kind.kind, asked[kind.key])
    kept = {"tags": before.document["tags"]} if before is not None and "tags" in before.document else {}
    resources.put(kind.kind, asked[kind.key], kept | asked)
    return {}


def put_event_type(resources: Resources, asked: Body) -> Body:
    """Make or replace an event type of what exists."""
    for kind in NEEDS:
        lacking = [name for name in asked.get(kind.used_in, ()) if resources.get(kind.kind, name) is None]
        if lacking:
            raise absent(f"{kind.members} do not exist: {', '.join(lacking)}")
    return put(EVENT_TYPES, resources, {"eventIngestion": "DISABLED", "labels": []} | asked)


def found(kind: Kind, resources: Resources, asked: Body) -> Body:
    """Return the one that is named, or a page of all."""
    name = asked.get(kind.key)
    if name is None:
        return page(kind.members, resources.all(kind.kind), asked)
    one = resources.get(kind.kind, name)
    if one is None:
        raise absent(f"{kind.kind} {name} does not exist.")
    return {kind.members: [shown(one)]}


def remove(kind: Kind, resources: Resources, asked: Body) -> Body:
    """Remove one that nothing uses; one that is not there is no error."""
    name = asked[kind.key]
    for user in (each for users in kind.used_by for each in resources.all(users)):
        used = user.document.get(kind.used_in, ())
        if name == used or (isinstance(used, list) and name in used):
            raise conflict(f"{kind.kind} {name} cannot be deleted: {user.kind} {user.name} uses it.")
    resources.delete(kind.kind, name)
    return {}


def create_variable(resources: Resources, asked: Body) -> Body:
    """Make a variable that is not there yet."""
    if why := _why_not(resources, asked):
        raise invalid(why)
    return put(VARIABLES, resources, asked)


def update_variable(resources: Resources, asked: Body) -> Body:
    """Change default, description or type of a variable."""
    before = resources.get(VARIABLE, asked["name"])
    if before is None:
        raise absent(f"variable {asked['name']} does not exist.")
    resources.put(VARIABLE, asked["name"], before.document | asked)
    return {}


def create_variables(resources: Resources, asked: Body) -> Body:
    """Make several variables; those that cannot be made are named among the errors."""
    errors = []
    for entry in asked["variableEntries"]:
        if why := _why_not(resources, entry):
            errors.append(_error(entry.get("name", ""), why))
        else:
            resources.put(VARIABLE, entry["name"], entry | {"tags": asked.get("tags", [])})
    return {"errors": errors}


def variables_named(resources: Resources, asked: Body) -> Body:
    """Return several variables; those that do not exist are named among the errors."""
    all_found = {name: resources.get(VARIABLE, name) for name in asked["names"]}
    return {
        "variables": [shown(each) for each in all_found.values() if each is not None],
        "errors": [
            _error(name, f"variable {name} does not exist.")
            for name, each in all_found.items()
            if each is None
        ],
    }


def _why_not(resources: Resources, variable: Body) -> str:
    """Return why a variable cannot be made; empty if it can."""
    lacking = [name for name in ("name", "dataType", "dataSource", "defaultValue") if name not in variable]
    if lacking:
        return f"{', '.join(lacking)} is missing."
    if not VARIABLE_NAME.fullmatch(variable["name"]):
        return "the name of a variable has letters, digits and underscores, at most 64, and no digit first."
    if resources.get(VARIABLE, variable["name"]) is not None:
        return f"variable {variable['name']} already exists."
    return ""


def _error(name: str, message: str) -> Mapping[str, Any]:
    return {"name": name, "code": 400, "message": message}


def _of(kind: Kind, singular: str, plural: str) -> dict[str, Operation]:
    """Return the three operations of a kind."""
    return {
        f"Put{singular}": partial(put, kind),
        f"Get{plural}": partial(found, kind),
        f"Delete{singular}": partial(remove, kind),
    }


OPERATIONS: Mapping[str, Operation] = {
    **_of(LABELS, "Label", "Labels"),
    **_of(ENTITY_TYPES, "EntityType", "EntityTypes"),
    **_of(OUTCOMES, "Outcome", "Outcomes"),
    "PutEventType": put_event_type,
    "GetEventTypes": partial(found, EVENT_TYPES),
    "DeleteEventType": partial(remove, EVENT_TYPES),
    "CreateVariable": create_variable,
    "UpdateVariable": update_variable,
    "GetVariables": partial(found, VARIABLES),
    "DeleteVariable": partial(remove, VARIABLES),
    "BatchCreateVariable": create_variables,
    "BatchGetVariable": variables_named,
}
