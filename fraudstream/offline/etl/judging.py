"""Turns raw rows into events, batch after batch: in this process, or wherever an engine does it."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from fraudstream.offline.column_names import Names
from fraudstream.offline.columns import LABEL
from fraudstream.offline.csv_rows import BadRow
from fraudstream.offline.etl.rejected import shown_rows
from fraudstream.offline.import_files import LINE, Batch, Source
from fraudstream.offline.import_rows import Judge

FILE = "number of the file"
"""Column of staged events beside ours and LINE."""


class Raw(NamedTuple):
    """A raw file, and what its columns are."""

    number: int
    path: Path
    source: Source
    names: Names
    """Ours -> theirs."""

    @property
    def wanted(self) -> Sequence[str]:
        """The file's columns that are read, each once."""
        return tuple(dict.fromkeys(self.names.values()))


class Judged(NamedTuple):
    """Some rows of a file: the events among them, and what is wrong with the others."""

    file: int
    rows: int
    events: pl.DataFrame
    bad: list[BadRow]
    shown: dict[int, str]
    """Line -> what is in a bad row that could be read."""


OnRead = Callable[[int], None]
"""Takes the bytes read since the last time."""

Engine = Callable[[Judge, Sequence[Raw], OnRead], Generator[Judged]]
"""Judges all rows of files, in order."""


def in_this_process(judge: Judge, files: Sequence[Raw], on_read: OnRead) -> Generator[Judged]:
    """Judge one batch after the other."""
    for raw in files:
        size, told = raw.path.stat().st_size, 0
        for batch in raw.source.batches(raw.wanted):
            yield judged(judge, raw, batch)
            on_read(round(batch.read * size) - told)
            told = round(batch.read * size)


def judged(judge: Judge, raw: Raw, batch: Batch) -> Judged:
    """Return the events of a batch; raises SetupError for a column whose stored type does not fit."""
    events, bad = judge.judged(batch.rows, raw.names, raw.path)
    lines = [row.line for row in bad]
    events = events.with_columns(
        batch.rows[LINE].filter(~batch.rows[LINE].is_in(lines)), pl.lit(raw.number).alias(FILE)
    )
    unlabelled = events.filter(pl.col(LABEL).is_null())[LINE].to_list()
    theirs = raw.names[LABEL]
    bad += [BadRow(line, "no-label", f"{theirs} is empty", theirs) for line in unlabelled]
    shown = shown_rows(batch.rows, [*lines, *unlabelled], raw.names) if bad else {}
    rows = batch.rows.height + len(batch.bad)
    labelled = events.filter(pl.col(LABEL).is_not_null())
    return Judged(raw.number, rows, labelled, sorted([*batch.bad, *bad]), shown)
