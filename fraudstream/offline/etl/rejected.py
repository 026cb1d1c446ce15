"""What was wrong with rejected rows and where: each on a list, and a table of how many are alike."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from fraudstream.domain.card_numbers import digits_of, parts_of, without_parts
from fraudstream.offline.column_names import Names
from fraudstream.offline.columns import NUMBER, TOKEN
from fraudstream.offline.csv_rows import BadRow
from fraudstream.offline.import_files import LINE
from fraudstream.offline.import_rows import shown

LISTED = ("file", "line", "column", "reason", "value", "detail", "row")
"""Columns of the list."""


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

    def add(self, path: Path, bad: Iterable[BadRow], rows: Mapping[int, str] | None = None) -> None:
        """Note some rows of a file in order of lines; `rows` has what is in those that could be read."""
        for row in bad:
            cells = (rows or {}).get(row.line, "")
            self.note((path, row.line, row.column, row.reason, row.value, row.detail, cells))
            key = (str(path), row.column, row.reason)
            if key in self.kinds:
                self.kinds[key].rows += 1
            else:
                self.kinds[key] = Kind(*key, 1, row.line, row.detail)

    @property
    def table(self) -> list[dict[str, Any]]:
        """The kinds, the most frequent first."""
        return [asdict(kind) for kind in sorted(self.kinds.values(), key=lambda kind: -kind.rows)]


def shown_rows(rows: pl.DataFrame, lines: Sequence[int], names: Names) -> dict[int, str]:
    """Return some rows as JSON, without card numbers or parts of the row's own."""
    found = rows.filter(pl.col(LINE).is_in(lines))
    return {
        row.pop(LINE): json.dumps(_shown(row, names), ensure_ascii=False)
        for row in found.iter_rows(named=True)
    }


def _shown(row: Mapping[str, object], names: Names) -> dict[str, str | None]:
    own = digits_of(str(row.get(names.get(NUMBER, names.get(TOKEN, "")), "")))
    parts = parts_of([own])
    cells = {
        theirs: shown(ours, row[theirs]) if row[theirs] is not None else None
        for ours, theirs in names.items()
    }
    return {theirs: cell and without_parts(cell, parts) for theirs, cell in cells.items()}
