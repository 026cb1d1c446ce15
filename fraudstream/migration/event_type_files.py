"""Writes an event type of an account as a file of ours, with the rules of its detector."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fraudstream.domain.detectorpl.condition import sql
from fraudstream.domain.detectorpl.parser import parsed
from fraudstream.domain.detectorpl.tokens import NotACondition, tokens
from fraudstream.domain.detectorpl.tree import Type
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.features.schema import AMOUNT, INSIGHT_SCORE, NAMES
from fraudstream.offline.column_names import COMMON
from fraudstream.offline.columns import NUMBER
from fraudstream.offline.infer_text import quoted

Document = Mapping[str, Any]

TYPES: Mapping[str, str] = {
    "STRING": "string",
    "INTEGER": "integer",
    "FLOAT": "float",
    "BOOLEAN": "boolean",
    "DATETIME": "timestamp",
}
CONDITION_TYPES: Mapping[str, Type] = {"INTEGER": "number", "FLOAT": "number", "BOOLEAN": "truth"}
CASTS = {"number": "DOUBLE", "text": "VARCHAR"}
PRICE = "PRICE"
"""The variable type of an amount."""

AMOUNTS = (
    "amount",
    "amt",
    "transaction_amount",
    "transaction_amt",
    "order_price",
    "order_amt",
    "price",
    "total",
)
SCORE_END = "_insightscore"
FIRST_MATCHED = "FIRST_MATCHED"


@dataclass
class Written:
    """A file, and what of the account is not in it."""

    text: str
    left_out: list[str] = field(default_factory=list)


def event_type_file(
    event_type: Document,
    variables: Mapping[str, Document],
    version: Document | None,
    rules: Mapping[tuple[str, str], Document],
    outcomes: Mapping[str, str],
    currency: str,
    frauds: Sequence[str],
) -> Written:
    """Return the file of an event type. `version`: of the detector whose rules are taken over; `outcomes`: which of ours each is;
    `frauds`: the labels that mean fraud."""
    written = Written("")
    own = [variables[name] for name in event_type["eventVariables"] if name in variables]
    amount = _amount(own)
    if amount is None:
        written.left_out.append(
            "no variable is known to be the amount: add one as [amount] field; every event of ours has an amount"
        )
    card = next((each["name"] for each in own if each["name"].lower() in COMMON[NUMBER]), None)
    others = [each for each in own if each["name"] not in (amount, card)]
    lines = [
        f"# Event type {event_type['name']} of an account of Amazon Fraud Detector, as `fraudstream import fraud-detector` read it.",
        f"name = {quoted(event_type['name'])}",
        'id = "EVENT_ID"',
        f"rules_mode = {quoted(_mode(version))}",
        "",
        *_entity(card),
        "",
        "[time]",
        'fields = ["EVENT_TIMESTAMP"]',
        "",
        "[amount]",
        f"field = {quoted(amount or AMOUNT.name)}",
        f"currency = {quoted(currency)}                   # Amazon Fraud Detector knows none: correct it if it is another one",
        "",
        "[label]",
        'field = "EVENT_LABEL"',
        f"fraud = [{', '.join(map(quoted, frauds))}]",
        "",
        "[variables]",
        *(_variable(each, written) for each in others),
    ]
    lines += _rules(version, rules, own, amount, card, outcomes, written)
    written.text = "\n".join(lines) + "\n"
    return written


def _entity(card: str | None) -> list[str]:
    """Return the table of the entity: a card, if there is one, so that its number becomes a token."""
    if card is None:
        return [
            "[entity]                            # the first entity of a request",
            'field = "ENTITY_ID"',
            'kind = "text"',
        ]
    return [
        "[entity]                            # its number becomes a token; any other field with it is refused",
        f"field = {quoted(card)}",
        'kind = "account-number"',
    ]


def _amount(variables: Sequence[Document]) -> str | None:
    """Return the variable that is the amount: by its type, else by its name."""
    numbers = [each for each in variables if each["dataType"] in ("FLOAT", "INTEGER")]
    by_type = [each["name"] for each in numbers if each.get("variableType") == PRICE]
    names = [each["name"] for each in numbers]
    return next(iter([*by_type, *(name for name in AMOUNTS if name in names)]), None)


def _mode(version: Document | None) -> str:
    matched = FIRST_MATCHED if version is None else version.get("ruleExecutionMode", FIRST_MATCHED)
    return "first_match" if matched == FIRST_MATCHED else "strictest"


def _variable(variable: Document, written: Written) -> str:
    """Return the line of a variable; its default is kept if it has the variable's type."""
    kind, name = TYPES[variable["dataType"]], column_of(variable["name"])
    told = [f"type = {quoted(kind)}"]
    default = _default(variable["defaultValue"], kind)
    if default is None:
        written.left_out.append(
            f"variable {variable['name']}: its default {variable['defaultValue']!r} is none of the type {kind}"
        )
    else:
        told.append(f"default = {default}")
    if name != variable["name"]:
        told.append(f"field = {quoted(variable['name'])}")
    return f"{name} = {{ {', '.join(told)} }}"


def _default(text: str, kind: str) -> str | None:
    try:
        match kind:
            case "integer":
                return str(int(text))
            case "float":
                return repr(float(text)) if "n" not in text.lower() else None
            case "boolean":
                return text.strip().lower() if text.strip().lower() in ("true", "false") else None
            case "timestamp":
                return None
    except ValueError:
        return None
    return quoted(text)


def _rules(
    version: Document | None,
    rules: Mapping[tuple[str, str], Document],
    variables: Sequence[Document],
    amount: str | None,
    card: str | None,
    outcomes: Mapping[str, str],
    written: Written,
) -> list[str]:
    lines: list[str] = []
    for named in () if version is None else version["rules"]:
        rule = rules.get((named["ruleId"], named["ruleVersion"]))
        if rule is None:
            written.left_out.append(f"rule {named['ruleId']} of version {named['ruleVersion']} was not read")
            continue
        try:
            when = condition(rule["expression"], [each for each in variables if each["name"] != card], amount)
        except NotACondition as error:
            written.left_out.append(f"rule {rule['ruleId']}: {error}; it says: {rule['expression']}")
            continue
        ours = [outcomes.get(name, name) for name in rule["outcomes"]]
        known = [each for each in ("block", "review", "approve") if each in ours]
        lines += ["", "[[rules]]", f"name = {quoted(rule['ruleId'])}", f"when = {quoted(when)}"]
        lines.append(f"outcome = {quoted(known[0] if known else 'review')}")
        if not known or len(known) < len(set(ours)):
            lines.append('state = "draft"')
            written.left_out.append(
                f"rule {rule['ruleId']} is a draft: say what its outcome is with --outcome {rule['outcomes'][0]}=block, =review or =approve"
            )
        if rule.get("description"):
            lines.append(f"reason = {quoted(rule['description'])}")
    return lines


def condition(expression: str, variables: Sequence[Document], amount: str | None) -> str:
    """Return a condition in DETECTORPL as SQL over the columns of a decision; raises NotACondition."""
    types: dict[str, Type] = {
        each["name"]: CONDITION_TYPES.get(each["dataType"], "text") for each in variables
    }
    columns = {}
    for name, kind in types.items():
        column = AMOUNT.name if name == amount else column_of(name)
        columns[name] = f'CAST("{column}" AS {CASTS[kind]})' if kind in CASTS else f'"{column}"'
    for token in tokens(expression):
        if token.kind == "variable" and token.text.endswith(SCORE_END):
            types[token.text], columns[token.text] = "number", f'CAST("{INSIGHT_SCORE.name}" AS DOUBLE)'
    return sql(parsed(expression, types), columns)


def column_of(name: str) -> str:
    """Return what a variable is called with us: some names are columns of every decision."""
    return f"own_{name}" if name in NAMES or name in FEATURES else name
