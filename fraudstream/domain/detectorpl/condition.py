"""A condition as SQL, and whether it holds for an event."""

from collections.abc import Container, Iterator, Mapping, Sequence
from decimal import Decimal

import polars as pl
from polars.exceptions import PolarsError

from fraudstream.domain.detectorpl.parser import parsed
from fraudstream.domain.detectorpl.tokens import NotACondition, tokens
from fraudstream.domain.detectorpl.tree import (
    Among,
    Arithmetic,
    Changed,
    Comparison,
    Constant,
    Joined,
    Matching,
    Missing,
    Node,
    Not,
    OnList,
    Type,
    Variable,
)
from fraudstream.domain.errors import SetupError
from fraudstream.domain.expressions import Expressions, without_failures
from fraudstream.domain.expressions import parsed as parsed_sql
from fraudstream.domain.lists.calls import asked

DTYPES: Mapping[Type, type[pl.DataType]] = {"number": pl.Float64, "text": pl.String, "truth": pl.Boolean}
"""How values are computed with: all numbers as floats, so that nothing wraps around."""

OWN: Mapping[str, str] = {}
WHY_LENGTH_MAX = 200
"""Characters of what SQL says of a condition; it may repeat all of it."""

Value = float | str | bool | None
ORDINARY: Mapping[Type, Value] = {"number": 1.0, "text": "1", "truth": True}
"""What a condition is tried on."""


class Condition:
    """A condition on variables of an event; where a value is missing, a comparison with it does not hold."""

    def __init__(self, text: str, variables: Mapping[str, Type]) -> None:
        """Read and compile it; raises NotACondition."""
        tree = parsed(text, variables)
        self.text = text
        self.sql = sql(tree)
        self.variables = {each.name: each.type for each in _variables(tree)}
        try:
            computed, self.calls = asked(self.sql)
            self.variables |= {call.column.name: "truth" for call in self.calls}
            self.expression = without_failures(parsed_sql(computed, "condition")).fill_null(value=False)
            holding([self], {name: ORDINARY[each] for name, each in self.variables.items()})
        except (SetupError, PolarsError) as error:
            why = str(error).partition("\n")[0][:WHY_LENGTH_MAX]
            raise NotACondition(f"the condition {why}") from error


def on_lists(
    conditions: Sequence[Condition], values: Mapping[str, Value], contents: Mapping[str, Container[str]]
) -> dict[str, Value]:
    """Return what conditions ask lists about an event: null where there is no value, or no such list."""
    found: dict[str, Value] = {}
    for call in (call for condition in conditions for call in condition.calls):
        value, content = values.get(call.variable), contents.get(call.name)
        found[call.column.name] = None if value is None or content is None else value in content
    return found


def holding(conditions: Sequence[Condition], values: Mapping[str, Value]) -> list[bool]:
    """Return which conditions hold for an event."""
    if not conditions:
        return []
    types = {name: each for condition in conditions for name, each in condition.variables.items()}
    columns = [pl.Series(name, [values.get(name)], DTYPES[each]) for name, each in types.items()]
    frame = pl.DataFrame([*columns, pl.Series("", [None])])
    named = [condition.expression.alias(str(number)) for number, condition in enumerate(conditions)]
    row = frame.select(named).row(0) if not types else Expressions(named).computed(frame).row(0)
    return [bool(held) for held in row]


def sql(node: Node, columns: Mapping[str, str] = OWN) -> str:
    """Return a part as SQL, in brackets where they may matter; `columns`: variables that are called otherwise in SQL."""
    match node:
        case Constant():
            return _constant(node)
        case Variable():
            return columns.get(node.name, f'"{node.name}"')
        case Arithmetic():
            left = sql(node.left, columns)
            if isinstance(node.left, Arithmetic) and _is_sum(node.left) == _is_sum(node):
                left = left[1:-1]  # SQL, too, begins at the left; long sums are not as many levels
            return f"({left} {node.operator} {sql(node.right, columns)})"
        case Comparison():
            return f"({sql(node.left, columns)} {node.operator} {sql(node.right, columns)})"
        case Missing():
            return f"({sql(node.of, columns)} IS {'NOT ' * node.negated}NULL)"
        case Among():
            values = ", ".join(map(sql, node.values))
            return f"({sql(node.of, columns)} {'NOT ' * node.negated}IN ({values}))"
        case OnList():
            call = f"in_list('{node.list}', {columns.get(f'@{node.of.name}', node.of.name)})"
            return f"(NOT {call})" if node.negated else call
        case Not():
            return f"(NOT {sql(node.of, columns)})"
        case Joined():
            return _joined(node.word.upper(), [sql(part, columns) for part in node.parts])
        case Changed():
            return f"{node.function}({sql(node.of, columns)})"
        case Matching():
            return f"({sql(node.of, columns)} ~ {_quoted(f'^(?:{node.pattern})$')})"


def with_values(text: str, values: Mapping[str, Value]) -> str:
    """Return a condition as it is written, with the values of an event in place of variables; raises NotACondition.

    >>> with_values('$amt > 5 and $zip == "a"', {"amt": 7.5})
    '7.5 > 5 and null == "a"'
    """
    parts, last = list[str](), 0
    for token in tokens(text):
        if token.kind == "variable":
            begin = token.place - 2  # the dollar sign
            parts += [text[last:begin], _written(values.get(token.text))]
            last = token.place - 1 + len(token.text)
    return "".join([*parts, text[last:]])


def _written(value: Value) -> str:
    """Return a value as the language writes it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float():
            return repr(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _is_sum(node: Arithmetic) -> bool:
    return node.operator in ("+", "-")


def _joined(word: str, parts: Sequence[str]) -> str:
    """Join conditions by halves, so that many are not as many levels."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({_joined(word, parts[:half])} {word} {_joined(word, parts[half:])})"


def _constant(node: Constant) -> str:
    match node.value:
        case bool():
            return str(node.value).upper()
        case str():
            return _quoted(node.value)
        case float():
            digits = format(Decimal(repr(node.value)), "f")
            return digits if "." in digits else f"{digits}.0"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _variables(node: Node) -> Iterator[Variable]:
    match node:
        case Variable():
            yield node
        case Arithmetic() | Comparison():
            yield from _variables(node.left)
            yield from _variables(node.right)
        case Missing() | Among() | OnList() | Not() | Changed() | Matching():
            yield from _variables(node.of)
        case Joined():
            for part in node.parts:
                yield from _variables(part)
