"""Filters as people write them (`amount>100`, `rules=likely-fraud`) as SQL; they mean what they mean in the search of the archive."""

from collections.abc import Mapping, Sequence
from typing import Any

from fraudstream.adapters.archive.filters import PART, Filter, FilterError, Kind
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


def _one(each: Filter, type_: str) -> tuple[str, Any]:
    column, operator = quoted(each.name), SQL_OPERATORS.get(each.operator, each.operator)
    is_number = type_ in NUMBERS or type_.startswith("DECIMAL")
    kind: Kind = "number" if is_number else "boolean" if type_ == "BOOLEAN" else "text"
    value = each.value_of(kind)
    if type_.endswith("[]"):
        if each.operator == PART:
            return f"contains(lower(array_to_string({column}, chr(10))), ?)", value
        held = f"CASE WHEN {column} IS NOT NULL THEN list_contains({column}, ?) END"
        return (f"NOT ({held})" if each.operator == "!=" else held), value
    if kind != "text":
        return f"{column} {operator} ?", value
    if each.operator == PART:
        return f"contains(lower(CAST({column} AS VARCHAR)), ?)", value
    return f"CAST({column} AS VARCHAR) {operator} ?", value
