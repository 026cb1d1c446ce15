"""Says what an event type declares: as facts for scripts, and as lines for people."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from fraudstream.domain.events.event_type import UNIT_NAMES, EventType, Variable, VariableType
from fraudstream.domain.events.reversals import Reversal
from fraudstream.domain.events.wire import Wire
from fraudstream.domain.features.treatments import NOT_AT_ALL
from fraudstream.domain.rules import Rule
from fraudstream.domain.tokens import EntityKind
from fraudstream.domain.weekly_aggregates import Weekly
from fraudstream.domain.windows.velocity import Velocity, span

ENTITY_KINDS: Mapping[EntityKind, str] = {
    "card-number": "a card number",
    "account-number": "an account number",
    "text": "an id of any form",
}
AMOUNT_FORMS = {"units": "", "minor-units": ", in minor units"}
FORMATS = {
    "json": "JSON",
    "avro": "Avro with a schema registry",
    "protobuf": "Protobuf with a schema registry",
    "json-schema": "JSON with the id of its schema before it",
}
REFUNDS = {
    "decide": "below zero it is a refund, which is decided and does not count as spending",
    "refuse": "below zero the record is a dead letter",
}
UNKNOWN_FIELDS = {
    "keep": "are published among the decision's variables",
    "ignore": "are dropped",
    "refuse": "make the record a dead letter",
}


def facts_of(event_type: EventType) -> dict[str, Any]:
    """Return what is declared, with the defaults filled in, as a JSON object."""
    entity, time, money, label = event_type.entity, event_type.time, event_type.money, event_type.label
    reversal = event_type.reversal
    return {
        "name": event_type.name,
        "format": event_type.wire.format,
        "payload": ".".join(event_type.wire.payload) or None,
        "events": event_type.wire.events,
        "array": ".".join(event_type.wire.array) or None,
        "entity": {"field": entity.field, "kind": entity.kind} if entity else None,
        "id": event_type.id,
        "time": {"fields": list(time.fields), "unit": time.unit, "origin_ms": time.origin_ms},
        "amount": {
            "field": event_type.amount,
            "form": money.form,
            "currency": None if event_type.currency_field else money.currency,
            "currency_field": event_type.currency_field,
            "currencies": list(event_type.currencies),
            "decimals": money.decimals,
            "max": money.amount_max,
            "refunds": money.refunds,
        },
        "label": {"field": label.field, "fraud": list(label.fraud)} if label else None,
        "variables": [
            {"name": each.name, "type": each.type, "field": each.field, "default": each.default}
            for each in event_type.variables
        ],
        "velocity": [
            {
                "name": each.column.name,
                "function": each.function,
                "of": each.of or None,
                "window": span(each.window_ms),
            }
            for each in event_type.velocities
            if each.function != "reversal"
        ],
        "weekly": [
            {"name": each.column.name, "function": each.function, "of": each.of or None, "days": each.days}
            for each in event_type.weekly.each
        ],
        "derived": {each.name: each.sql for each in event_type.derived},
        "reversal": {"of": reversal.of, "variable": reversal.variable, "values": list(reversal.values)}
        if reversal
        else None,
        "unknown_fields": event_type.unknown_fields,
        "features": list(event_type.features),
        "feature_set": event_type.feature_set,
        "treatments": {
            name: asked if isinstance(asked, str) else list(asked)
            for name, asked in event_type.treatments.items()
        },
        "rules_mode": event_type.ruleset.mode,
        "rules": event_type.ruleset.described()["rules"],
        "ruleset_version": event_type.ruleset.version,
    }


def lines_of(event_type: EventType) -> Mapping[str, str]:
    """Return what is declared, a line for each subject."""
    entity, label, rules = event_type.entity, event_type.label, event_type.ruleset.rules
    return {
        **_wire(event_type.wire),
        "entity": f"{entity.field}, {ENTITY_KINDS[entity.kind]}"
        if entity
        else "none, so there are neither windows nor weekly aggregates",
        "id": event_type.id or "none: topic-partition-offset",
        "time": _time(event_type),
        "amount": _amount(event_type),
        "variables": _variables(event_type.variables),
        "label": (f"{label.field}{f', fraud is {listed(label.fraud)}' if label.fraud else ''}")
        if label
        else "none",
        **({"velocity": _labels(event_type.velocities)} if event_type.velocities else {}),
        **({"weekly": _labels(event_type.weekly.each)} if event_type.weekly.each else {}),
        **({"derived": _derived(event_type)} if event_type.derived else {}),
        "features": f"{len(event_type.features)}: {', '.join(event_type.features)}",
        **({"treatments": _treatments(event_type)} if event_type.treatments else {}),
        "rules": "; ".join(map(_rule, rules)) or "none, so every event is approved",
        **({"reversals": _reversals(event_type.reversal)} if event_type.reversal else {}),
        "other fields": UNKNOWN_FIELDS[event_type.unknown_fields],
    }


def line_of_list(event_type: EventType) -> str:
    """Return the line of an event type in a list of them."""
    entity = f"entity {event_type.entity.field}" if event_type.entity else "no entity"
    number = len(event_type.variables)
    return f"{entity}, amount {event_type.amount}, {number} variable{'' if number == 1 else 's'}"


def listed(words: Iterable[str]) -> str:
    """Join words as a sentence does.

    >>> listed(["USD", "JPY", "KWD"]), listed(["USD"])
    ('USD, JPY or KWD', 'USD')
    """
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _rule(rule: Rule) -> str:
    state = "" if rule.state == "active" else f" ({rule.state})"
    return f"{rule.name}: {rule.outcome} if {rule.when}{state}"


def _labels(features: Iterable[Velocity | Weekly]) -> str:
    """Return declared features, and what each is."""
    return "; ".join(f"{each.column.name}: {each.label.lower()}" for each in features)


def _wire(wire: Wire) -> dict[str, str]:
    """Return how events lie in records, nothing if as most do."""
    array = f"an array of events{' in ' + '.'.join(wire.array) if wire.array else ''}"
    several = {"one": "", "array": f", {array}", "lines": ", an event a line"}[wire.events]
    where = f", the event is in {'.'.join(wire.payload)}" if wire.payload else ""
    return {} if wire.is_plain else {"format": f"{FORMATS[wire.format]}{several}{where}"}


def _reversals(reversal: Reversal) -> str:
    """Return which events take others back."""
    if reversal.variable is None:
        return f"events with {reversal.of}, the id of the event they take back"
    return f"events whose {reversal.variable} is {listed(reversal.values)}; {reversal.of} is the id of the event they take back"


def _derived(event_type: EventType) -> str:
    """Return the features that the event type declares as SQL."""
    return "; ".join(f"{each.name} = {each.sql}" for each in event_type.derived)


def _treatments(event_type: EventType) -> str:
    """Return what models learn of variables that are not numbers."""
    return "; ".join(
        f"{name}: {asked if isinstance(asked, str) else ', '.join(asked) or NOT_AT_ALL}"
        for name, asked in event_type.treatments.items()
    )


def _time(event_type: EventType) -> str:
    time = event_type.time
    if not time.fields:
        return "Kafka's timestamp"
    since = (
        f" since {datetime.fromtimestamp(time.origin_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"
        if time.origin_ms
        else ""
    )
    return f"{listed(time.fields)}: numbers are {UNIT_NAMES[time.unit]}{since}, text is ISO 8601; without it Kafka's timestamp"


def _amount(event_type: EventType) -> str:
    money = event_type.money
    currency = money.currency
    if event_type.currency_field:
        currency = f"{listed(event_type.currencies)}, as {event_type.currency_field} says"
    most = f"{money.amount_max:,.{money.decimals}f}"
    return (
        f"{event_type.amount}{AMOUNT_FORMS[money.form]}, {currency}, at most {most}; {REFUNDS[money.refunds]}"
    )


def _variables(variables: Iterable[Variable]) -> str:
    """Return the variables by type."""
    by_type: dict[VariableType, list[str]] = {}
    for variable in variables:
        by_type.setdefault(variable.type, []).append(variable.name)
    return "; ".join(f"{', '.join(names)} ({kind})" for kind, names in by_type.items()) or "none"
