"""What was wrong with rejected rows and where: each on a list, and a table of how many are alike."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from fraudstream.domain.card_numbers import (
    CARD_DIGITS_MAX,
    CARD_DIGITS_MIN,
    digits_of,
    holds_part,
    masked,
    parts_of,
    without_parts,
)
from fraudstream.offline.column_names import Names
from fraudstream.offline.columns import NUMBER, TOKEN
from fraudstream.offline.csv_rows import BadRow
from fraudstream.offline.etl.hints import hint
from fraudstream.offline.import_files import LINE
from fraudstream.offline.import_rows import shown
from fraudstream.offline.opening import VALUE_SHOWN_MAX

LISTED = ("file", "line", "column", "reason", "value", "detail", "row")
"""Columns of the list."""


SEPARATORS = re.compile(r"[\s-]")
CARD_NUMBER = re.compile(rf"[0-9]{{{CARD_DIGITS_MIN},{CARD_DIGITS_MAX}}}")
"""What a cell with a card number holds, less its separators."""

VALUES_MAX = 1000
"""Values that a hint is derived from."""


@dataclass(slots=True)
class Kind:
    """Rejected rows of one file with the same column and reason."""

    file: str
    column: str
    reason: str
    rows: int
    first_line: int
    example: str
    """What is wrong with the first."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Notes rejected rows."""

    note: Callable[[Sequence[object]], None]
    kinds: dict[tuple[str, str, str], Kind] = field(default_factory=dict)
    values: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    """Of each kind, the first that are wrong."""

    def add(self, file: str, bad: Iterable[BadRow], rows: Mapping[int, str] | None = None) -> None:
        """Note some rows of a file in order of lines; `rows` has what is in those that could be read."""
        for row in bad:
            cells = (rows or {}).get(row.line, _without_names(row.cells))
            self.note((file, row.line, row.column, row.reason, row.value, row.detail, cells))
            key = (file, row.column, row.reason)
            if key in self.kinds:
                self.kinds[key].rows += 1
            else:
                self.kinds[key] = Kind(*key, 1, row.line, row.detail)
            values = self.values.setdefault(key, [])
            if row.reason.startswith("invalid-") and len(values) < VALUES_MAX:
                values.append(row.value)

    @property
    def table(self) -> list[dict[str, Any]]:
        """The kinds, the most frequent first, each with the option that would read its values, if one is known."""
        ordered = sorted(self.kinds.items(), key=lambda item: -item[1].rows)
        return [{**asdict(kind), "hint": hint(self.values[key])} for key, kind in ordered]


def shown_rows(rows: pl.DataFrame, lines: Sequence[int], names: Names) -> dict[int, str]:
    """Return some rows as JSON, without card numbers or parts of the row's own."""
    found = rows.filter(pl.col(LINE).is_in(lines))
    return {row.pop(LINE): _shown(row, names) for row in found.iter_rows(named=True)}


def _without_names(cells: Sequence[str]) -> str:
    """Return cells as a JSON list, without card numbers or parts of any that is among them; nothing for no cells."""
    if not cells:
        return ""
    short = [cell if len(cell) <= VALUE_SHOWN_MAX else masked(cell)[:VALUE_SHOWN_MAX] for cell in cells]
    text = masked(json.dumps(short, ensure_ascii=False)).encode("utf-8", "replace").decode()
    numbers = [cell for given in cells if CARD_NUMBER.fullmatch(cell := SEPARATORS.sub("", given))]
    return without_parts(text, parts_of(numbers))


def _shown(row: Mapping[str, object], names: Names) -> str:
    """Return a row as JSON, searched for card numbers as a whole: cell by cell takes five times as long."""
    cells = {theirs: _cell(ours, row[theirs]) for ours, theirs in names.items()}
    text = masked(json.dumps(cells, ensure_ascii=False))
    own = digits_of(str(row.get(names.get(NUMBER, names.get(TOKEN, "")), "")))
    return without_parts(text, parts_of([own])) if holds_part(digits_of(text), own) else text


def _cell(ours: str, value: object) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if ours not in (NUMBER, TOKEN) and len(text) <= VALUE_SHOWN_MAX else shown(ours, value)
