"""Conditions as plain tuples: made by Hypothesis, written as DETECTORPL, and evaluated value by value."""

import math
import re
from typing import Any

from hypothesis import strategies as st

VARIABLES = {"score": "number", "amt": "number", "zip": "text", "shop": "text", "known": "truth"}
NUMBERS = st.sampled_from([0.0, 1.0, 2.5, 10.5, 900.0, 905.0, 0.125])
TEXTS = st.text(alphabet="aB1 '\"\\%$é", max_size=4)
PATTERNS = st.sampled_from(["a.*", "[0-9]+", "B|a", r"\d", "", "a?1*"])

VALUES = st.fixed_dictionaries(
    {
        "score": st.none() | NUMBERS,
        "amt": st.none() | NUMBERS,
        "zip": st.none() | TEXTS,
        "shop": st.none() | TEXTS,
        "known": st.none() | st.booleans(),
    }
)
"""An event; None is what is missing."""


def _named(wanted: str) -> st.SearchStrategy[Any]:
    names = [name for name, each in VARIABLES.items() if each == wanted]
    return st.tuples(st.just("var"), st.sampled_from(names))


_constant = {
    "number": st.tuples(st.just("const"), NUMBERS | NUMBERS.map(lambda value: -value)),
    "text": st.tuples(st.just("const"), TEXTS),
    "truth": st.tuples(st.just("const"), st.booleans()),
}
_number = st.recursive(
    _named("number") | _constant["number"],
    lambda inner: st.tuples(st.sampled_from(["+", "-", "*", "/", "%"]), inner, inner),
    max_leaves=4,
)
_text = (
    _named("text")
    | _constant["text"]
    | st.tuples(st.sampled_from(["uppercase", "lowercase"]), _named("text"))
)
_simple = (
    st.tuples(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), _number, _number)
    | st.tuples(st.sampled_from(["==", "!=", "<", ">="]), _text, _text)
    | st.tuples(st.sampled_from(["==", "!="]), _named("truth"), _named("truth") | _constant["truth"])
    | st.tuples(st.sampled_from(["null", "not null"]), _number | _text)
    | st.tuples(
        st.sampled_from(["in", "not in"]), _number, st.lists(_constant["number"], min_size=1, max_size=3)
    )
    | st.tuples(st.sampled_from(["in", "not in"]), _text, st.lists(_constant["text"], min_size=1, max_size=3))
    | st.tuples(st.just("regex"), PATTERNS, _named("text"))
    | _named("truth")
    | _constant["truth"]
)
CONDITIONS = st.recursive(
    _simple,
    lambda inner: st.tuples(st.just("!"), inner) | st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    max_leaves=6,
)


def written(node: Any) -> str:
    """Return a condition as DETECTORPL."""
    match node:
        case ("var", name):
            return f"${name}"
        case ("const", bool(value)):
            return str(value).lower()
        case ("const", str(value)):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case ("const", value):
            return str(value)
        case ("uppercase" | "lowercase" as name, of):
            return f"{name}({written(of)})"
        case ("null", of):
            return f"({written(of)} == null)"
        case ("not null", of):
            return f"({written(of)} != null)"
        case ("in" | "not in" as word, of, values):
            return f"({written(of)} {word} [{', '.join(map(written, values))}])"
        case ("regex", pattern, of):
            return f'regex_match("{pattern}", {written(of)})'
        case ("!", of):
            return f"!({written(of)})"
        case (operator, left, right):
            return f"({written(left)} {operator} {written(right)})"
    raise AssertionError(node)


def evaluated(node: Any, event: dict[str, Any]) -> Any:
    """Return the value, None if it is not known, as SQL has it."""
    match node:
        case ("var", name):
            return event[name]
        case ("const", value):
            return value
        case ("null" | "not null" as word, of):
            return (evaluated(of, event) is None) == (word == "null")
        case ("and" | "or" as word, left, right):
            sides = {evaluated(left, event), evaluated(right, event)}
            decides = word == "or"
            return decides if decides in sides else None if None in sides else not decides
        case ("in" | "not in" as word, of, values):
            value = evaluated(of, event)
            among = value in [evaluated(each, event) for each in values]
            return None if value is None else among == (word == "in")
        case ("regex", pattern, of):
            value = evaluated(of, event)
            return None if value is None else re.fullmatch(pattern, value, re.DOTALL) is not None
        case (operator, *operands):
            values = [evaluated(each, event) for each in operands]
            return None if None in values else _applied(operator, *values)
    raise AssertionError(node)


def _applied(operator: str, left: Any, right: Any = None) -> Any:
    match operator:
        case "!":
            return not left
        case "uppercase":
            return left.upper()
        case "lowercase":
            return left.lower()
        case "==":
            return left == right
        case "!=":
            return left != right
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case ">=":
            return left >= right
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right if right else None
        case "%":
            return math.fmod(left, right) if right else None
    raise AssertionError(operator)
