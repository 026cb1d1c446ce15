"""Makes events of the rows of a slice, as imports and the worker's parser read them."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from fraudstream.domain.events.parser import Parser
from fraudstream.notebook.reading import Read, read
from fraudstream.offline.column_names import Names, columns_of
from fraudstream.offline.columns import LABEL, NUMBER, TOKEN
from fraudstream.offline.etl.columns import SCENARIO
from fraudstream.offline.import_files import LINE
from fraudstream.offline.import_rows import Judge
from fraudstream.predict.slices import Slice

TRUTH = (LABEL, SCENARIO)
"""Columns that a prediction does not read: what events turned out to be."""


@dataclass(frozen=True)
class Rows:
    """What the columns of files mean."""

    judge: Judge
    parser: Parser
    names: Names
    """Ours -> theirs."""
    path: Path
    """The first file, for messages."""

    @classmethod
    def of(cls, columns: Collection[str], told: Names, judge: Judge, parser: Parser, path: Path) -> "Rows":
        """Find out which columns are ours; raises SetupError that says which to name if that is not clear."""
        found = columns_of(list(columns), told, path, judge.event_type)
        names = {ours: theirs for ours, theirs in found.names.items() if ours not in TRUTH}
        return cls(judge, parser, names, path)

    def events(self, part: Slice) -> Read:
        """Return the payments of a slice; a row that is none is refused, with the reason."""
        rows = part.rows.select(
            pl.int_range(pl.len(), dtype=pl.Int64).alias(LINE), *(_cleaned(part.rows, self.names.values()))
        )
        if part.bad:
            rows = rows.filter(~pl.col(LINE).is_in(list(part.bad)))
        judged, bad = self.judge.judged(rows, self.names, self.path)
        refused = part.bad | {row.line: f"{row.reason}: {row.detail}" for row in bad}
        absent = [name for name in (NUMBER, TOKEN) if name in judged.columns and name not in self.names]
        found = read(judged.drop(absent), self.parser, "history", part.first_row)
        places = [place for place in range(part.rows.height) if place not in refused]
        refused |= {places[row]: why for row, why in found.refused.items()}
        return Read(found.payments, [places[row] for row in found.rows], refused)


def _cleaned(rows: pl.DataFrame, names: Collection[str]) -> list[pl.Expr]:
    """Return columns without blanks around text; text that is nothing else is null."""
    text = [name for name in dict.fromkeys(names) if rows.schema[name] == pl.String]
    stripped = {name: pl.col(name).str.strip_chars() for name in text}
    cleaned = [pl.when(each != "").then(each).alias(name) for name, each in stripped.items()]
    return [*cleaned, *(pl.col(name) for name in dict.fromkeys(names) if name not in stripped)]
