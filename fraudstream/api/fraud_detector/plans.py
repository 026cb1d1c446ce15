"""What a version of a detector asks of events, as it is defined at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fraudstream.adapters.database.resources import Resource, Resources
from fraudstream.api.fraud_detector import models, rules
from fraudstream.api.fraud_detector.definitions import EVENT_TYPE, VARIABLE
from fraudstream.api.fraud_detector.detectors import FIRST_MATCHED, MODE
from fraudstream.api.fraud_detector.errors import absent, invalid
from fraudstream.api.fraud_detector.events import value
from fraudstream.domain.detectorpl.condition import Condition, Value, holding, on_lists
from fraudstream.domain.detectorpl.tokens import NotACondition
from fraudstream.domain.detectorpl.tree import Type
from fraudstream.domain.registry.versions import Version


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that is asked of an event."""

    id: str
    condition: Condition
    outcomes: Sequence[str]
    version: str = "1"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an event is asked."""

    rules: Sequence[Rule]
    first_matched: bool
    values: Mapping[str, Value]
    """Of the variables of the event type."""
    models: Sequence[tuple[Resource, str]]
    """With the numbers of their versions."""
    types: Mapping[str, Type]
    """Of the variables."""
    contents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What is on the lists that its rules ask."""

    @property
    def score_names(self) -> list[str]:
        """The variables with the scores of its models."""
        return [model.name + models.SCORE_END for model, _ in self.models]

    @property
    def lists(self) -> frozenset[str]:
        """The lists that its rules ask."""
        return frozenset(call.name for rule in self.rules for call in rule.condition.calls)

    def held(self, scores: Mapping[str, Value]) -> list[bool]:
        """Return which rules hold, for an event with these scores."""
        conditions, values = [rule.condition for rule in self.rules], {**self.values, **scores}
        return holding(conditions, values | on_lists(conditions, values, self.contents))

    def told(self, matched: Sequence[Rule]) -> Sequence[Rule]:
        """Return which of the rules that hold are answered: the first, or all."""
        return matched[:1] if self.first_matched else matched


def plan_of(resources: Resources, version: Resource, event_type_name: str, given: Mapping[str, str]) -> Plan:
    """Return what a version of a detector asks; `given`: values of variables, where the default does not count. Raises ServiceError."""
    event_type = resources.get(EVENT_TYPE, event_type_name)
    if event_type is None:
        raise absent(f"event type {event_type_name} does not exist.")
    found = [resources.get(VARIABLE, each) for each in event_type.document["eventVariables"]]
    variables = [each for each in found if each is not None]
    return Plan(
        _rules(resources, version, event_type_name),
        version.document[MODE] == FIRST_MATCHED,
        {each.name: _value(each, given) for each in variables},
        [
            (models.named(resources, each), str(Version.parsed(each["modelVersionNumber"])))
            for each in version.document["modelVersions"]
        ],
        {each.name: rules.TYPES[each.document["dataType"]] for each in variables},
    )


def _rules(resources: Resources, version: Resource, event_type: str) -> list[Rule]:
    types = rules.variable_types(resources, event_type)
    found = [rules.named(resources, each) for each in version.document["rules"]]
    try:
        return [
            Rule(
                each.document["ruleId"],
                rules.condition(each.document["expression"], types),
                each.document["outcomes"],
                each.document["ruleVersion"],
            )
            for each in found
            if each is not None
        ]
    except NotACondition as error:
        raise invalid(f"a rule does not fit the event type {event_type} any more: {error}") from error


def _value(variable: Resource, given: Mapping[str, str]) -> Value:
    text = given.get(variable.name, variable.document["defaultValue"])
    return value(variable.name, variable.document["dataType"], text)
