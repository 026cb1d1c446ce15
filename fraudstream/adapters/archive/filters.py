"""Filters on the archive's columns as people write them: `amount>100`, `outcome=block`, `merchant~corner`."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Literal

import polars as pl

from fraudstream.domain.errors import SetupError

COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    ">=": ge,
    "<=": le,
    "!=": ne,
    "=": eq,
    ">": gt,
    "<": lt,
}
PART = "~"
"""The text, or a text of the list, contains the value; upper and lower case are the same."""

WRITTEN = re.compile(rf"\s*([^\s<>=!~]+)\s*({'|'.join([*COMPARISONS, PART])})\s*(\S.*?)\s*", re.DOTALL)
Kind = Literal["number", "boolean", "text"]
"""What a column holds; a list holds texts."""

HOW = "write a filter as NAME=VALUE; besides = there are != < <= > >= and ~ (contains)"


class FilterError(SetupError):
    """A filter that cannot be applied; the sentence names columns and never contains a value."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What the column `name` of a row must be."""

    name: str
    operator: str
    value: str

    @classmethod
    def written(cls, text: str) -> "Filter":
        """Read a filter; raises FilterError.

        >>> Filter.written("amount >= 100"), Filter.written("zip_code=10115")
        (Filter(name='amount', operator='>=', value='100'), Filter(name='zip_code', operator='=', value='10115'))
        """
        found = WRITTEN.fullmatch(text)
        if not found:
            raise FilterError(HOW)
        return cls(found[1], found[2], found[3])

    def condition(self, dtype: pl.DataType) -> pl.Expr:
        """Return an expression that is true for matching rows, given the column's type; raises FilterError."""
        column, compare = pl.col(self.name), COMPARISONS.get(self.operator)
        kind: Kind = "number" if dtype.is_numeric() else "boolean" if dtype == pl.Boolean else "text"
        value = self.value_of(kind)
        if isinstance(dtype, pl.List):
            if compare is None:
                return _contains(column.list.join("\n"), value)
            held = column.list.contains(value)
            return ~held if self.operator == "!=" else held
        return _contains(column, value) if compare is None else compare(column, value)

    def value_of(self, kind: Kind) -> Any:
        """Return what a column that holds numbers, booleans or texts is compared with; raises FilterError if it cannot be.

        A part of a text is in lower case.
        """
        if kind == "number":
            if self.operator == PART:
                raise FilterError(f"{self.name} is a number; {PART} is for texts only")
            return self._number()
        if self.operator not in ("=", "!=", PART):
            raise FilterError(f"{self.name} is not a number: use =, != or {PART}")
        if kind == "boolean":
            if self.operator == PART or self.value.lower() not in ("true", "false"):
                raise FilterError(f"{self.name} is true or false: use = or !=")
            return self.value.lower() == "true"
        return self.value.lower() if self.operator == PART else self.value

    def _number(self) -> float:
        try:
            number = float(self.value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise FilterError(f"{self.name} is a number: compare it with a number")
        return number


def _contains(texts: pl.Expr, part: str) -> pl.Expr:
    return texts.str.to_lowercase().str.contains(part, literal=True)
