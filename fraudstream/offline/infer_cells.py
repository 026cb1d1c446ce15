"""A column of a CSV file, and what its values can be read as."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import PER_SECOND, VariableType
from fraudstream.domain.times import moment_ms
from fraudstream.offline.written_times import END_S, FIRST_S

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})").fullmatch
"""Without a zero before it: 01067 is a zip code."""
DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch


@dataclass(frozen=True, eq=False)
class Cells:
    """A column of the first rows; `values` are those that are not blank. What they are is looked at once."""

    name: str
    values: Sequence[str]

    @property
    def words(self) -> list[str]:
        """The words of its name, in lower case."""
        return [word.lower() for word in WORD.findall(self.name)]

    @cached_property
    def type(self) -> VariableType:
        """What all values can be read as; a column without any is text."""
        if not self.values:
            return "string"
        if all(value.lower() in ("true", "false") for value in self.values):
            return "boolean"
        if all(map(INTEGER, self.values)):
            return "integer"
        if all(map(DECIMAL, self.values)):
            return "float"
        return "timestamp" if all(moment(value) is not None for value in self.values) else "string"

    @property
    def is_number(self) -> bool:
        """Whether it holds whole or decimal numbers."""
        return self.type in ("integer", "float")

    @cached_property
    def distinct(self) -> list[str]:
        """Its different values, in order."""
        return sorted(set(self.values))

    @cached_property
    def unit(self) -> str | None:
        """The unit in which its numbers are moments between 2000 and 2100, None if they are not."""
        numbers = [float(value) for value in self.values]
        for unit, per_second in PER_SECOND.items():
            if numbers and all(FIRST_S <= number / per_second < END_S for number in numbers):
                return unit
        return None

    @cached_property
    def counts_rows(self) -> bool:
        """Whether each value is one more than that of the row before."""
        return (
            self.type == "integer"
            and len(self.values) > 1
            and all(int(after) - int(before) == 1 for before, after in pairwise(self.values))
        )


def moment(value: str) -> int | None:
    """Return a text in ISO 8601 as epoch ms; None for other text, and for numbers, which may be anything."""
    if "-" not in value[1:]:
        return None
    try:
        return moment_ms(value)
    except (ValueError, OverflowError):
        return None


def check_names(header: Iterable[str], path: Path) -> None:
    """Raise SetupError if a first line is a row: its cells, a card number perhaps, would be shown as names."""
    if any(DECIMAL(name) or moment(name) is not None for name in header):
        raise SetupError(
            f"the first line of {path} holds numbers or times; add a line before it that names the columns"
        )
