"""Rules of a detector as a ruleset of the stream, so that a release decides by them.

Outcomes have free names here; an explicit table says which of ours each is.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from fraudstream.adapters.database.resources import Resources
from fraudstream.api.fraud_detector.definitions import EVENT_TYPE, VARIABLE
from fraudstream.api.fraud_detector.errors import invalid
from fraudstream.api.fraud_detector.models import SCORE_END
from fraudstream.api.fraud_detector.rules import TYPES, variable_types
from fraudstream.domain.detectorpl.condition import sql
from fraudstream.domain.detectorpl.parser import parsed
from fraudstream.domain.detectorpl.tokens import NotACondition
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import AMOUNT, INSIGHT_SCORE, TRANSACTION_ID
from fraudstream.domain.names import did_you_mean
from fraudstream.domain.rules import Rule, Ruleset
from fraudstream.domain.rules.outcomes import Outcome, strictest

Table = Mapping[str, Outcome]
"""A program's outcome -> ours."""


def table_of(text: str) -> Table:
    """Read FRAUDSTREAM_API_FRAUD_DETECTOR_OUTCOMES; raises SetupError.

    >>> table_of("high_risk=block, low_risk=approve")
    {'high_risk': 'block', 'low_risk': 'approve'}
    """
    outcomes: tuple[Outcome, ...] = get_args(Outcome)
    table: dict[str, Outcome] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, _, ours = (word.strip() for word in part.partition("="))
        if ours not in outcomes or not name:
            raise SetupError(
                f"FRAUDSTREAM_API_FRAUD_DETECTOR_OUTCOMES: {part!r} does not say which of {', '.join(outcomes)} an outcome is: "
                f"write e.g. high_risk=block{did_you_mean(ours, outcomes)}"
            )
        table[name] = outcomes[outcomes.index(ours)]
    return table


def ruleset_of(
    resources: Resources,
    event_type_name: str,
    rules: Sequence[Mapping[str, Any]],
    table: Table,
    event_type: EventType,
    *,
    first_matched: bool,
) -> Ruleset:
    """Return the ruleset that rules of events of a type are, in their order; raises ServiceError that says what does not fit."""
    types = variable_types(resources, event_type_name)
    columns = _columns(resources, event_type_name, event_type)
    made = []
    for rule in rules:
        if lacking := [name for name in rule["outcomes"] if name not in table]:
            raise invalid(
                f"outcome {lacking[0]} of rule {rule['ruleId']} is not in FRAUDSTREAM_API_FRAUD_DETECTOR_OUTCOMES, so the stream "
                "cannot decide by it."
            )
        outcome = strictest(table[name] for name in rule["outcomes"])
        try:
            tree = parsed(rule["expression"], {name: types[name] for name in columns if name in types})
            made.append(
                Rule(rule["ruleId"], sql(tree, columns), outcome, reason=rule.get("description", ""))  # type: ignore[arg-type]
            )
        except NotACondition as error:
            raise invalid(f"rule {rule['ruleId']} cannot be one of the stream: {error}") from error
    try:
        return Ruleset(made, "first_match" if first_matched else "strictest")
    except SetupError as error:
        raise invalid(f"the rules cannot be those of the stream: {error}") from error


def _columns(resources: Resources, event_type_name: str, event_type: EventType) -> dict[str, str]:
    """Return the variables that a decision has -> SQL of the type that conditions know, with their defaults."""
    declared = resources.get(EVENT_TYPE, event_type_name)
    ours = {each.field: each.name for each in event_type.variables} | {event_type.amount: AMOUNT.name}
    if event_type.id is not None:
        ours[event_type.id] = TRANSACTION_ID.name
    columns: dict[str, str] = {}
    for name in () if declared is None else declared.document["eventVariables"]:
        variable = resources.get(VARIABLE, name)
        if variable is not None and name in ours:
            columns[f"@{name}"] = ours[name]
            columns[name] = _typed(
                ours[name], variable.document["dataType"], variable.document["defaultValue"]
            )
    score = f'CAST("{INSIGHT_SCORE.name}" AS DOUBLE)'
    scores = [name for name in variable_types(resources, event_type_name) if name.endswith(SCORE_END)]
    return columns | dict.fromkeys(scores, score)


def _typed(column: str, data_type: str, default: str) -> str:
    kind = TYPES[data_type]
    if kind == "truth":
        return f'COALESCE("{column}", {"TRUE" if default.strip().lower() == "true" else "FALSE"})'
    if kind == "number":
        try:
            number = repr(float(default))
        except ValueError:
            return f'CAST("{column}" AS DOUBLE)'
        return f'COALESCE(CAST("{column}" AS DOUBLE), {number})'
    quoted = default.replace("'", "''")
    return f"COALESCE(CAST(\"{column}\" AS VARCHAR), '{quoted}')"
