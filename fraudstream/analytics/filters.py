"""Filters as people write them (`amount>100`, `rules=likely-fraud`) as SQL; they mean what they mean in the search of the archive."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fraudstream.adapters.archive.filters import COMPARISONS, PART, Filter, FilterError
from fraudstream.adapters.archive.sql import quoted
from fraudstream.domain.card_numbers import masked
from fraudstream.domain.names import did_you_mean

NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "UTINYINT", "USMALLINT")
SQL_OPERATORS = {"!=": "<>"}


def condition(filters: Sequence[Filter], columns: Mapping[str, str]) -> tuple[str, list[Any]]:
    """Return a condition that all filters make, and the values of its parameters; raises FilterError.

    `columns`: name -> DuckDB's type.
    """
    parts, values = [], []
    for each in filters:
        if each.name not in columns:
            near = did_you_mean(each.name, columns)
            raise FilterError(f"there is no column {masked(each.name)} in the archive of these days{near}")
        sql, value = _one(each, columns[each.name])
        parts.append(sql)
        values.append(value)
    return " AND ".join(parts) or "true", values


def _one(each: Filter, kind: str) -> tuple[str, Any]:
    column, operator = quoted(each.name), SQL_OPERATORS.get(each.operator, each.operator)
    if kind in NUMBERS or kind.startswith("DECIMAL"):
        if each.operator not in COMPARISONS:
            raise FilterError(f"{each.name} is a number; {PART} is for texts only")
        return f"{column} {operator} ?", _number(each)
    if each.operator not in ("=", "!=", PART):
        raise FilterError(f"{each.name} is not a number: use =, != or {PART}")
    if kind == "BOOLEAN":
        if each.operator == PART or each.value.lower() not in ("true", "false"):
            raise FilterError(f"{each.name} is true or false: use = or !=")
        return f"{column} {operator} ?", each.value.lower() == "true"
    if kind.endswith("[]"):
        if each.operator == PART:
            return f"contains(lower(array_to_string({column}, chr(10))), ?)", each.value.lower()
        held = f"CASE WHEN {column} IS NOT NULL THEN list_contains({column}, ?) END"
        return (f"NOT ({held})" if each.operator == "!=" else held), each.value
    if each.operator == PART:
        return f"contains(lower(CAST({column} AS VARCHAR)), ?)", each.value.lower()
    return f"CAST({column} AS VARCHAR) {operator} ?", each.value


def _number(each: Filter) -> float:
    try:
        number = float(each.value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FilterError(f"{each.name} is a number: compare it with a number")
    return number
