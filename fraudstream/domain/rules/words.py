"""What somebody who writes a condition may type: columns, functions, lists, and SQL's own words."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.features.schema import SCORED, Type
from fraudstream.domain.rules.rule import TYPE_NAMES

OPERATORS = (
    "AND",
    "OR",
    "NOT",
    "IN",
    "BETWEEN",
    "LIKE",
    "ILIKE",
    "IS NULL",
    "IS NOT NULL",
    "CASE WHEN",
    "CAST",
)

FUNCTIONS: Mapping[str, str] = {
    "ABS": "ABS(amount)",
    "CEIL": "CEIL(amount)",
    "FLOOR": "FLOOR(amount)",
    "ROUND": "ROUND(amount, 1)",
    "SQRT": "SQRT(amount)",
    "POW": "POW(amount, 2)",
    "EXP": "EXP(amount)",
    "LN": "LN(amount)",
    "LOG": "LOG(amount, 10)",
    "SIGN": "SIGN(amount)",
    "MOD": "MOD(amount, 100)",
    "COALESCE": "COALESCE(amount, 0)",
    "GREATEST": "GREATEST(amount, 1)",
    "LEAST": "LEAST(amount, 1)",
    "NULLIF": "NULLIF(amount, 0)",
    "UPPER": "UPPER(model_version)",
    "LOWER": "LOWER(model_version)",
    "LENGTH": "LENGTH(model_version)",
    "SUBSTR": "SUBSTR(model_version, 1, 3)",
    "LEFT": "LEFT(model_version, 3)",
    "RIGHT": "RIGHT(model_version, 3)",
    "TRIM": "TRIM(model_version)",
    "REPLACE": "REPLACE(model_version, 'a', 'b')",
    "CONCAT": "CONCAT(model_version, 'a')",
    "STRPOS": "STRPOS(model_version, 'a')",
    "STARTS_WITH": "STARTS_WITH(model_version, 'a')",
    "ENDS_WITH": "ENDS_WITH(model_version, 'a')",
    "REGEXP_LIKE": "REGEXP_LIKE(model_version, 'a')",
}
"""Functions that people are offered -> a condition's part that uses one; others may be allowed, too."""


class Word(NamedTuple):
    """A word, what is typed for it, and what it is."""

    word: str
    typed: str
    what: str


def words(columns: Mapping[str, Type], lists: Iterable[str] = ()) -> list[Word]:
    """Return all words, those of one kind together."""
    scores = {column.name for column in SCORED}
    found = []
    for name, dtype in columns.items():
        kind = "score" if name in scores else "feature" if name in FEATURES else "variable"
        found.append(Word(name, name, f"{kind}, {TYPE_NAMES.get(dtype, str(dtype))}"))
    found += [Word(name, f"in_list('{name}', ", "list") for name in lists]
    found += [Word(name, f"{name}(", f"function, as in {use}") for name, use in FUNCTIONS.items()]
    return found + [Word(name, f"{name} ", "SQL") for name in OPERATORS]
