"""SQL over the columns of one event: parsed, checked to look at no other event, and computed alike in any number of rows."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Any, NamedTuple

import polars as pl
from polars.exceptions import PolarsError

from fraudstream.domain.errors import SetupError
from fraudstream.domain.expression_limits import DEPTH_MAX, check_cost, too_deep, too_long
from fraudstream.domain.names import did_you_mean

QUERY = re.compile(r"\bselect\b", re.IGNORECASE)

NODES = frozenset({"Column", "Literal", "BinaryExpr", "Ternary", "Cast", "Function", "Alias"})
"""What an expression on one row is made of, in Polars' words."""
FUNCTIONS = frozenset(
    [
        "Abs",
        "Ceil",
        "Floor",
        "Exp",
        "Log",
        "Log1p",
        "Sql",
        "Pow",
        "Sign",
        "Truncate",
        "Trigonometry",
        "Atan2",
        "Coalesce",
        "MaxHorizontal",
        "MinHorizontal",
        "StringExpr",
        "Boolean",
        "FillNull",
    ]
)
"""Functions of one row."""
OTHER_ROWS = frozenset({"Any", "All", "IsUnique", "IsDuplicated", "IsFirstDistinct", "IsLastDistinct"})
"""Those among `Boolean` that are not."""
MOMENTS = frozenset({"Date", "Datetime", "Duration", "Time", "Strptime"})
COMPARISONS = frozenset({"Eq", "NotEq", "Lt", "LtEq", "Gt", "GtEq", "And", "Or"})
DIVISIONS = ('"Div"', '"IntDiv"', '"Rem"')
WHOLE = frozenset({"LenChars", "LenBytes", "Find"})
"""Functions of text whose numbers have no sign: one less than none is 4,294,967,295."""


def parsed(sql: str, kind: str = "expression") -> pl.Expr:
    """Return an expression; raises SetupError, whose sentence lacks a subject. `kind` is what it should be."""
    if long := too_long(sql):
        raise long
    if QUERY.search(sql):
        raise SetupError(f"is a query: write a SQL {kind} on one event")
    try:
        expression = pl.sql_expr(sql)
    except PolarsError as error:
        raise SetupError(f"is not a SQL {kind}: {str(error).partition(chr(10))[0]}") from error
    nodes = _nodes_of(expression)
    for node, inner in nodes:
        if node == "Function":
            name, *own = _names(inner["function"])
            allowed = name in FUNCTIONS and not OTHER_ROWS.intersection(own) and "Strptime" not in own
        else:
            allowed = node in NODES
        if node == "Literal" and MOMENTS.intersection(_names(inner)):
            raise SetupError("uses SQL's dates or times, but events hold times as numbers: leave it out")
        if not allowed:
            raise SetupError(
                "uses what cannot be computed from one event alone, such as SUM, COUNT, LAG or OVER: use columns of the event; "
                "declare what is computed over an entity's events in [velocity]"
            )
    check_cost(nodes)
    return expression


def without_failures(expression: pl.Expr) -> pl.Expr:
    """Return an expression in which a CAST of what does not fit and a division by zero are missing values, not errors.

    Nothing else changes. Raises SetupError, whose sentence lacks a subject.
    """
    tree = syntax_tree(expression)
    lenient = _lenient(tree)
    if lenient == tree:
        return expression
    try:
        return pl.Expr.deserialize(StringIO(json.dumps(lenient)), format="json")
    except PolarsError as error:
        raise SetupError("has a CAST or a division within too many operators: split it") from error


def check_columns(expression: pl.Expr, known: Mapping[str, Any]) -> list[str]:
    """Return the columns that an expression uses; raises SetupError, whose sentence lacks a subject, if one is unknown."""
    names = list(dict.fromkeys(expression.meta.root_names()))
    for name in names:
        if name not in known:
            raise SetupError(
                f"uses an unknown column, {name}{did_you_mean(name, known)}; there are {', '.join(known)}"
            )
    return names


class Numbers(NamedTuple):
    """An expression in floats, and the constants that it takes as columns."""

    expression: pl.Expr
    constants: Mapping[str, float]


def as_numbers(expression: pl.Expr) -> Numbers:
    """Return an expression that computes in floats: nothing wraps around.

    A CAST of what does not fit and a division by zero give null. Constants become columns: Polars divides a column by a
    constant by multiplying with its inverse, and a CASE that happens to give all rows the same is a constant to it.
    """
    constants: dict[str, float] = {}
    tree = _in_floats(syntax_tree(expression), constants)
    return Numbers(pl.Expr.deserialize(StringIO(json.dumps(tree)), format="json"), constants)


def calculates(expression: pl.Expr) -> bool:
    """Tell whether an expression does more than compare columns."""
    return any(
        node == "Function" or (node == "BinaryExpr" and inner["op"] not in COMPARISONS)
        for node, inner in _nodes(syntax_tree(expression))
    )


class Expressions:
    """Computes expressions of any number of events; each event's values are the same whoever comes with it.

    Polars alone would not: it divides many rows by a constant by multiplying with its inverse, which is off in the last bit
    for one number in eight, but not a single row, nor chunks of single rows. So a single row is computed as two, and chunks
    are put together.
    """

    def __init__(self, expressions: Sequence[pl.Expr]) -> None:
        self._expressions = expressions
        calculating = any(map(calculates, expressions))
        roots = (name for each in expressions for name in each.meta.root_names())
        self._takes = tuple(dict.fromkeys(roots)) if calculating else ()
        """Nothing if columns are only compared, which depends on nothing else."""

    def computed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the values."""
        if not self._takes:
            return frame.select(self._expressions)
        columns = map(frame.get_column, self._takes)
        if frame.height != 1:
            return pl.DataFrame([column.rechunk() for column in columns]).select(self._expressions)
        twice = pl.DataFrame([column.new_from_index(0, 2) for column in columns])
        return twice.select(self._expressions).head(1)


def syntax_tree(expression: pl.Expr) -> Any:
    """Return what Polars made of an expression."""
    return json.loads(expression.meta.serialize(format="json"))


def _nodes_of(expression: pl.Expr) -> list[tuple[str, Any]]:
    """Return name and content of every node; raises SetupError, whose sentence lacks a subject, if there are too many levels."""
    try:
        tree = syntax_tree(expression)
    except RecursionError:
        raise too_deep() from None
    level, depth = [tree], 0
    while level:
        depth += 1
        level = [
            below for each in level if isinstance(each, dict) for below in _below(*next(iter(each.items())))
        ]
        if depth > DEPTH_MAX:
            raise too_deep()
    return list(_nodes(tree))


def _nodes(tree: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and content of every node of an expression."""
    if isinstance(tree, str):
        yield tree, {}
        return
    ((name, inner),) = tree.items()
    yield name, inner
    for below in _below(name, inner):
        yield from _nodes(below)


def _below(name: str, inner: Any) -> list[Any]:
    """Return the expressions within a node; of one that is not allowed none."""
    if name == "BinaryExpr":
        return [inner["left"], inner["right"]]
    if name == "Ternary":
        return [inner["predicate"], inner["truthy"], inner["falsy"]]
    if name == "Cast":
        return [inner["expr"]]
    if name == "Function":
        return list(inner["input"])
    return [inner[0]] if name == "Alias" else []


def _names(content: Any) -> list[str]:
    """Return the names in a function or a literal, from the outside in."""
    names = []
    while isinstance(content, dict) and content:
        name, content = next(iter(content.items()))
        names.append(name)
    return [*names, content] if isinstance(content, str) else names


def _in_floats(tree: Any, constants: dict[str, float]) -> Any:
    """Return a part of an expression as `as_numbers` says; constants are added to those given."""
    if isinstance(tree, list):
        return [_in_floats(part, constants) for part in tree]
    if not isinstance(tree, dict):
        return tree
    if "Literal" in tree:
        return _as_column(tree, constants)
    function = tree.get("Function")
    if function and "StringExpr" in function["function"]:  # which takes whole numbers, and computes none
        texts = [part if "Literal" in part else _in_floats(part, constants) for part in function["input"]]
        whole: dict[str, Any] = {"Function": function | {"input": texts}}
        return _as_float(whole) if WHOLE.intersection(_names(function["function"])) else whole
    if cast := tree.get("Cast"):
        inner = _in_floats(cast["expr"], constants)
        whole = {"Cast": {"expr": inner, "dtype": cast["dtype"], "options": "NonStrict"}}
        return _as_float(whole) if "Int" in _names(cast["dtype"])[-1] else whole
    tree = {name: _in_floats(part, constants) for name, part in tree.items()}
    if function and any(name in json.dumps(function["function"]) for name in DIVISIONS):
        tree["Function"]["input"][1] = _unless_zero(tree["Function"]["input"][1])
    return tree


def _as_column(literal: Any, constants: dict[str, float]) -> Any:
    """Return the column of a number's constant; other constants stay as they are."""
    value = literal["Literal"]
    while isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return literal
    name = f"={value!r}"
    constants[name] = float(value)
    return {"Column": name}


def _lenient(tree: Any) -> Any:
    """Return a part of an expression as `without_failures` says."""
    if isinstance(tree, list):
        return [_lenient(part) for part in tree]
    if not isinstance(tree, dict) or "Literal" in tree:
        return tree
    tree = {name: _lenient(part) for name, part in tree.items()}
    if "Cast" in tree and _names(tree["Cast"]["dtype"])[-1:] != ["Boolean"]:
        tree["Cast"]["options"] = "NonStrict"
    function = tree.get("Function")
    if function and any(name in json.dumps(function["function"]) for name in DIVISIONS):
        divisor = function["input"][1]
        if "Literal" not in divisor or not any(map(bool, _numbers(divisor))):
            function["input"][1] = _unless_zero(divisor)
    return tree


def _numbers(literal: Any) -> list[int | float]:
    """Return a constant's number."""
    value = literal["Literal"]
    while isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    return [value[0]] if isinstance(value, list) else [value] if isinstance(value, int | float) else []


def _as_float(tree: Any) -> Any:
    return {"Cast": {"expr": tree, "dtype": {"Literal": "Float64"}, "options": "NonStrict"}}


def _unless_zero(divisor: Any) -> Any:
    is_zero = {"BinaryExpr": {"left": divisor, "op": "Eq", "right": {"Literal": {"Dyn": {"Int": 0}}}}}
    nothing = {"Literal": {"Scalar": {"Null": "Null"}}}
    return {"Ternary": {"predicate": is_zero, "truthy": nothing, "falsy": divisor}}
