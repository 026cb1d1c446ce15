"""Conditions of rules on one event's values, compiled from the syntax tree that Polars made of their SQL.

Polars takes 0.7 ms to start a query, whatever its size; a condition on one event takes a microsecond. Both must say the
same, so what is not surely the same (arithmetic, functions of text, numbers beyond 64 bits) is not compiled, and Polars judges it.
"""

import json
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from io import StringIO
from typing import Any, NamedTuple

import polars as pl

from fraudstream.domain.expressions import syntax_tree
from fraudstream.domain.features.schema import Type

Row = Mapping[str, Any]
Evaluate = Callable[[Row], Any]
"""Returns the value at an event; None is SQL's NULL."""

LITERAL_MAX = 2**31
"""Whole numbers from here on may change the type that Polars computes in."""

KINDS: Mapping[Type, str] = {
    pl.Int32: "whole",
    pl.Int64: "whole",
    pl.Float64: "float",
    pl.String: "text",
    pl.Boolean: "truth",
}

COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtEq": operator.le,
    "Gt": operator.gt,
    "GtEq": operator.ge,
}
IS_IN = {"Sql": {"IsIn": {"nulls_equal": False}}}
NUMBERS = frozenset({"whole", "float", "decimal"})


class NotCompiled(Exception):
    """The condition uses something that only Polars computes."""


class Node(NamedTuple):
    """A part of a condition: what kind of value it has, and how it is computed."""

    kind: str
    evaluate: Evaluate


def compiled(condition: pl.Expr, columns: Mapping[str, Type]) -> Evaluate:
    """Return a function that says whether a condition holds for an event (None: unknown); raises NotCompiled."""
    node = _node(syntax_tree(condition), columns)
    if node.kind != "truth":
        raise NotCompiled(node.kind)
    return node.evaluate


def _node(tree: Any, columns: Mapping[str, Type]) -> Node:
    ((name, content),) = tree.items()
    if name == "Column":
        return Node(_kind(columns.get(content)), operator.itemgetter(content))
    if name == "Literal":
        return _literal(content)
    if name == "BinaryExpr":
        left, right = _node(content["left"], columns), _node(content["right"], columns)
        return _binary(content["op"], left, right)
    if name == "Function" and content["function"] == IS_IN:
        return _one_of(content["input"], columns)
    if name == "Function":
        return _function(content["function"], [_node(each, columns) for each in content["input"]])
    if name == "Cast" and content["dtype"] == {
        "Literal": "Boolean"
    }:  # which Polars writes around NOT's operand
        inner = _node(content["expr"], columns)
        if inner.kind == "truth":
            return inner
    raise NotCompiled(name)


def _kind(dtype: Type | None) -> str:
    if dtype is None or dtype not in KINDS:
        raise NotCompiled(str(dtype))
    return KINDS[dtype]


def _literal(content: Any) -> Node:
    """Return a constant, as Polars reads it."""
    value = _constant({"Literal": content})
    kinds = {bool: "truth", int: "whole", float: "float", str: "text", Decimal: "decimal"}
    kind = kinds.get(type(value))
    if kind is None or (kind == "whole" and abs(value) >= LITERAL_MAX):
        raise NotCompiled(repr(value))
    return Node(kind, lambda _row: value)


def _constant(tree: Any) -> Any:
    return pl.select(pl.Expr.deserialize(StringIO(json.dumps(tree)), format="json")).item()


def _one_of(inputs: Sequence[Any], columns: Mapping[str, Type]) -> Node:
    """Return SQL's IN with a list of texts or whole numbers."""
    tree, among = inputs
    node = _node(tree, columns)
    listed = _constant(among) if "Literal" in among else None
    if not isinstance(listed, pl.Series) or listed.null_count():
        raise NotCompiled("IN with something else than constants")
    kind = KINDS.get(listed.dtype)
    if kind not in ("text", "whole") or kind != node.kind:
        raise NotCompiled(f"{node.kind} IN {kind}")
    values = frozenset(listed.to_list())
    if kind == "whole" and any(abs(value) >= LITERAL_MAX for value in values):
        raise NotCompiled("IN with large numbers")
    return Node("truth", partial(_contained, values, node.evaluate))


def _function(function: Any, inputs: list[Node]) -> Node:
    match function:
        case {"Sql": {"Binary": str(op)}}:
            return _binary(op, *inputs)
        case {"Boolean": "Not"} if inputs[0].kind == "truth":
            return Node("truth", partial(_negated, inputs[0].evaluate))
        case {"Boolean": "IsNull"}:
            return Node("truth", lambda row: inputs[0].evaluate(row) is None)
        case {"Boolean": "IsNotNull"}:
            return Node("truth", lambda row: inputs[0].evaluate(row) is not None)
        case "FillNull" | {"FillNull": _} if inputs[0].kind == inputs[1].kind == "truth":
            return Node("truth", partial(_filled, inputs[0].evaluate, inputs[1].evaluate))
    raise NotCompiled(str(function))


def _binary(op: str, left: Node, right: Node) -> Node:
    kinds = {left.kind, right.kind}
    if op in ("And", "Or") and kinds == {"truth"}:
        return Node("truth", partial(_connected, op == "Or", left.evaluate, right.evaluate))
    compare = COMPARED.get(op)
    if compare is None:
        raise NotCompiled(op)
    if kinds <= NUMBERS and "float" in kinds:
        floats = partial(_compared_floats, compare, left.evaluate, right.evaluate)
        return Node("truth", floats)
    if kinds == {"whole"} or kinds == {"text"} or (kinds == {"truth"} and op in ("Eq", "NotEq")):
        return Node("truth", partial(_compared, compare, left.evaluate, right.evaluate))
    raise NotCompiled(f"{left.kind} {op} {right.kind}")


def _negated(evaluate: Evaluate, row: Row) -> bool | None:
    value = evaluate(row)
    return None if value is None else not value


def _filled(evaluate: Evaluate, otherwise: Evaluate, row: Row) -> bool | None:
    value: bool | None = evaluate(row)
    filled: bool | None = otherwise(row) if value is None else value
    return filled


def _connected(decisive: bool, left: Evaluate, right: Evaluate, row: Row) -> bool | None:
    """Connect by AND (decided by one that is false) or OR (by one that is true); otherwise one unknown makes it unknown."""
    one, other = left(row), right(row)
    if decisive in (one, other):
        return decisive
    return None if one is None or other is None else not decisive


def _contained(values: frozenset[Any], evaluate: Evaluate, row: Row) -> bool | None:
    value = evaluate(row)
    return None if value is None else value in values


def _compared(compare: Callable[[Any, Any], bool], left: Evaluate, right: Evaluate, row: Row) -> bool | None:
    one, other = left(row), right(row)
    return None if one is None or other is None else compare(one, other)


def _compared_floats(
    compare: Callable[[Any, Any], bool], left: Evaluate, right: Evaluate, row: Row
) -> bool | None:
    """Compare as floats. To Polars NaN equals itself and is larger than everything."""
    one, other = left(row), right(row)
    if one is None or other is None:
        return None
    one, other = float(one), float(other)
    if math.isnan(one) or math.isnan(other):
        return compare(math.isnan(one), math.isnan(other))
    return compare(one, other)
