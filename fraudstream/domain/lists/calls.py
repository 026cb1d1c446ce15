"""`in_list('name', variable)` in the SQL of rules: a column of its own, which is looked up before the rules are computed."""

import re
from typing import NamedTuple

import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.schema import CARD, NUM_TRANS_LAST_10M, Column, Type
from fraudstream.domain.names import NAME_PATTERN, did_you_mean

SCANNED = re.compile(
    rf"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/"""
    rf"""|\bin_list\s*\(\s*'(?P<list>{NAME_PATTERN})'\s*,\s*(?P<variable>[A-Za-z_]\w*)\s*\)|(?P<other>\bin_list\b)""",
    re.IGNORECASE | re.DOTALL,
)
"""Texts, names in quotes and comments are passed over."""

MISUSED = "uses in_list otherwise than so: in_list('name of a list', variable)"


class Call(NamedTuple):
    """Whether the value of a variable is on a list."""

    name: str
    variable: str

    @property
    def column(self) -> Column:
        """The column that holds the answers; null where there is no value, or no such list."""
        return Column(f"in_list('{self.name}', {self.variable})", pl.Boolean, "detector")

    def check(self, columns: dict[str, Type]) -> None:
        """Raise SetupError, whose sentence lacks a subject, unless the variable has values that lists can hold."""
        known = [name for name, dtype in columns.items() if dtype in (pl.String, pl.Int64)]
        if NUM_TRANS_LAST_10M.name in columns:
            known.append(CARD.name)
        if self.variable not in known:
            raise SetupError(
                f"looks in list {self.name} for {self.variable}, which is no text or whole number of an event"
                f"{did_you_mean(self.variable, known)}; there are {', '.join(known)}"
            )


class Asked(NamedTuple):
    """SQL in which columns stand for calls."""

    sql: str
    calls: tuple[Call, ...]


def asked(sql: str) -> Asked:
    """Return SQL with a column for each call, and the calls; raises SetupError, whose sentence lacks a subject.

    >>> asked("amount > 5 AND in_list('deny', merchant)").sql
    'amount > 5 AND "in_list(\\'deny\\', merchant)"'
    """
    calls: list[Call] = []

    def replaced(found: re.Match[str]) -> str:
        if found["other"]:
            raise SetupError(MISUSED)
        if not found["list"]:
            return found[0]
        calls.append(Call(found["list"], found["variable"]))
        return f'"{calls[-1].column.name}"'

    rewritten = SCANNED.sub(replaced, sql)
    return Asked(rewritten, tuple(dict.fromkeys(calls)))
