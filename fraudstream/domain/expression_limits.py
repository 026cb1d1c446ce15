"""Refuses expressions that could take a worker's time or memory: what they cost is known before the first event."""

from collections.abc import Iterable
from typing import Any

from fraudstream.domain.errors import SetupError
from fraudstream.domain.patterns import weight

LENGTH_MAX = 10_000
"""Characters."""
DEPTH_MAX = 200
"""Of operators within operators: what parses, checks and computes them calls itself as often."""
WEIGHT_MAX = 500
"""Of all regular expressions of one expression, as `patterns.weight` has it. Larger ones take 50 ms to compile, and then milliseconds an event."""
PAD_MAX = 1_000
"""Characters."""
GROWTH_MAX = 1_000
"""How many times as long REPLACE may make a text."""
TEXT_LENGTH = 256
"""Of a variable, at most."""


def too_long(sql: str) -> SetupError | None:
    """Return what is wrong with the length of an expression; the sentence lacks a subject."""
    if len(sql) <= LENGTH_MAX:
        return None
    return SetupError(
        f"has {len(sql):,} characters; at most {LENGTH_MAX:,}: split it, or put the values that it compares with into a list"
    )


def too_deep() -> SetupError:
    """Return what is said of an expression with too many operators within each other."""
    return SetupError(
        f"has more than {DEPTH_MAX} operators within each other: use IN or a list instead of many ORs, or split it"
    )


def check_cost(nodes: Iterable[tuple[str, Any]]) -> None:
    """Raise SetupError, whose sentence lacks a subject, if computing could take too much; `nodes` are of Polars' syntax tree."""
    patterns, growth = 0, 1
    for node, inner in nodes:
        function = inner.get("function") if node == "Function" else None
        if not isinstance(function, dict) or not isinstance(function.get("StringExpr"), dict):
            continue
        ((name, options),) = function["StringExpr"].items()
        if name in ("PadStart", "PadEnd"):
            _check_pad(inner["input"][1])
        if name == "Replace":
            growth *= _growth(inner["input"])
        if isinstance(options, dict) and options.get("literal") is False:
            patterns += _pattern_weight(inner["input"][1])
    if patterns > WEIGHT_MAX:
        raise SetupError(
            f"has a regular expression that can take too long (size {patterns:,}, at most {WEIGHT_MAX:,}): repeat less, "
            r"e.g. {1,20}, and use [0-9A-Za-z_] instead of \w"
        )
    if growth > GROWTH_MAX:
        raise SetupError(
            f"can make a text {growth:,} times as long with REPLACE; at most {GROWTH_MAX:,}: replace by shorter texts"
        )


def _pattern_weight(tree: Any) -> int:
    pattern = _text(tree)
    if pattern is None:
        raise SetupError("takes a regular expression from the event: write it as text in quotes")
    return weight(pattern)


def _growth(inputs: Any) -> int:
    """Return how many times as long a text can become; an empty pattern is found around every character."""
    old, new = _text(inputs[1]), _text(inputs[2])
    length = TEXT_LENGTH if new is None else len(new)
    return max(1, length if old else length + 1)


def _check_pad(tree: Any) -> None:
    length = tree.get("Literal")
    while isinstance(length, dict) and len(length) == 1:
        length = next(iter(length.values()))
    if not isinstance(length, int) or length > PAD_MAX:
        raise SetupError(
            f"pads a text to a length that is not a number up to {PAD_MAX:,}: write such a number"
        )


def _text(tree: Any) -> str | None:
    """Return a constant text."""
    text = tree.get("Literal", {}).get("Scalar", {})
    return text.get("String") if isinstance(text, dict) else None
