"""Rules of a detector: versions of a condition in DETECTORPL and the outcomes it asks for."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from fraudstream.adapters.database.resources import Resource, Resources
from fraudstream.api.fraud_detector.definitions import (
    DETECTOR,
    DETECTOR_VERSION,
    EVENT_TYPE,
    MODEL,
    OUTCOME,
    RULE,
    VARIABLE,
)
from fraudstream.api.fraud_detector.errors import absent, conflict, invalid
from fraudstream.api.fraud_detector.models import SCORE_END
from fraudstream.api.fraud_detector.shapes import Body, Operation, page
from fraudstream.domain.detectorpl.condition import Condition
from fraudstream.domain.detectorpl.tokens import NotACondition
from fraudstream.domain.detectorpl.tree import Type

TYPES: Mapping[str, Type] = {
    "STRING": "text",
    "DATETIME": "text",
    "INTEGER": "number",
    "FLOAT": "number",
    "BOOLEAN": "truth",
}
"""Data type of a variable -> what conditions may do with it."""

CONDITIONS_KEPT = 10_000

EXTERNAL = "EXTERNAL_MODEL_SCORE"
VARIABLE_IN = re.compile(r"\$(\w+)", re.ASCII)
NOT_INVOKED = "fraudstream does not invoke external models: send the score as a variable of the event, of its event type."


def variable_types(resources: Resources, event_type: str) -> dict[str, Type]:
    """Return what conditions on events of a type may use: its variables, and the scores of its models."""
    declared = resources.get(EVENT_TYPE, event_type)
    names = [] if declared is None else declared.document["eventVariables"]
    variables = [found for name in names if (found := resources.get(VARIABLE, name))]
    models = [each for each in resources.all(MODEL) if each.document["eventTypeName"] == event_type]
    types = {each.name: TYPES[each.document["dataType"]] for each in variables}
    return types | {each.name + SCORE_END: TYPES["FLOAT"] for each in models}


def condition(text: str, types: Mapping[str, Type]) -> Condition:
    """Return a condition, compiled once; raises NotACondition."""
    return _condition(text, tuple(sorted(types.items())))


@lru_cache(CONDITIONS_KEPT)
def _condition(text: str, types: tuple[tuple[str, Type], ...]) -> Condition:
    return Condition(text, dict(types))


def named(resources: Resources, rule: Mapping[str, Any]) -> Resource | None:
    """Return the version of a rule that a request names."""
    return resources.get(RULE, _name(rule), int(rule["ruleVersion"]))


def create(resources: Resources, asked: Body) -> Body:
    """Make the first version of a rule."""
    detector = resources.get(DETECTOR, asked["detectorId"])
    if detector is None:
        raise invalid(f"detector {asked['detectorId']} does not exist.")
    if resources.all(RULE, _name(asked)):
        raise invalid("Failed to save rule since it already exists.")  # programs compare with this sentence
    return _saved(resources, detector, asked, 1)


def update(resources: Resources, asked: Body) -> Body:
    """Make the next version of a rule, of its newest."""
    rule = asked.pop("rule")
    detector = resources.get(DETECTOR, rule["detectorId"])
    versions = resources.all(RULE, _name(rule))
    if detector is None or not versions:
        raise absent(f"rule {rule['ruleId']} of detector {rule['detectorId']} does not exist.")
    newest = versions[-1].version
    if newest != int(rule["ruleVersion"]):
        # programs read the number at the end of the first sentence
        raise invalid(
            f"The request is to update version {rule['ruleVersion']} of rule {rule['ruleId']}, whereas the most recent version is {newest}."
        )
    ids = {"detectorId": rule["detectorId"], "ruleId": rule["ruleId"]}
    return _saved(resources, detector, asked | ids, newest + 1)


def describe(resources: Resources, asked: Body) -> Body:
    """Change the description of a version."""
    rule = named(resources, asked["rule"])
    if rule is None:
        raise absent(f"rule {asked['rule']['ruleId']} does not have this version.")
    document = rule.document | {"description": asked["description"]}
    resources.put(RULE, rule.name, document, rule.version)
    return {}


def found(resources: Resources, asked: Body) -> Body:
    """Return versions of the rules of a detector; an unknown rule has none."""
    if resources.get(DETECTOR, asked["detectorId"]) is None:
        raise absent(f"detector {asked['detectorId']} does not exist.")
    of = _name(asked) if "ruleId" in asked else asked["detectorId"]
    wanted = asked.get("ruleVersion")
    rules = [each for each in resources.all(RULE, of) if wanted in (None, str(each.version))]
    return page("ruleDetails", rules, asked)


def remove(resources: Resources, asked: Body) -> Body:
    """Remove a version that no detector version uses that is, or was, active."""
    rule = asked["rule"]
    for version in resources.all(DETECTOR_VERSION, rule["detectorId"]):
        if version.document["status"] != "DRAFT" and rule in version.document["rules"]:
            raise conflict(
                f"rule {rule['ruleId']} cannot be deleted: version {version.version} of detector {version.name} uses it."
            )
    resources.delete(RULE, _name(rule), int(rule["ruleVersion"]))
    return {}


def _name(rule: Mapping[str, Any]) -> str:
    return f"{rule['detectorId']}/{rule['ruleId']}"


def _saved(resources: Resources, detector: Resource, rule: Body, version: int) -> Body:
    lacking = [name for name in rule["outcomes"] if resources.get(OUTCOME, name) is None]
    if lacking:
        raise invalid(f"outcomes do not exist: {', '.join(lacking)}")
    try:
        condition(rule["expression"], variable_types(resources, detector.document["eventTypeName"]))
    except NotACondition as error:
        why = NOT_INVOKED if _asks_external(resources, rule["expression"]) else error
        raise invalid(f"The expression of rule {rule['ruleId']} is not valid: {why}") from error
    kept = rule | {"ruleVersion": str(version)}
    resources.put(RULE, _name(rule), kept, version)
    return {"rule": {name: kept[name] for name in ("detectorId", "ruleId", "ruleVersion")}}


def _asks_external(resources: Resources, expression: str) -> bool:
    """Tell whether an expression that is not valid names the score of an external model."""
    found = (resources.get(VARIABLE, name) for name in VARIABLE_IN.findall(expression))
    return any(each is not None and each.document["dataSource"] == EXTERNAL for each in found)


OPERATIONS: Mapping[str, Operation] = {
    "CreateRule": create,
    "UpdateRuleVersion": update,
    "UpdateRuleMetadata": describe,
    "GetRules": found,
    "DeleteRule": remove,
}
