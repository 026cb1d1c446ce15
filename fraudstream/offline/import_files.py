"""Reads other people's files in batches: CSV and NDJSON as text, Parquet in its own types. Nothing is repaired."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
import polars as pl

from fraudstream.domain.errors import InvalidTransaction, SetupError
from fraudstream.offline.csv_rows import DELIMITERS, BadRow, Row, bytes_read, csv_rows, header_of, open_csv
from fraudstream.offline.opening import PaymentFile

BATCH_ROWS = 50_000
"""Rows held as Python objects before they become columns."""

LINE = "line of the file"
"""Column of a batch; its name has spaces, so that no file's column has the same."""

READ = {".csv": "CSV", ".csv.gz": "CSV", ".parquet": "Parquet", ".ndjson": "NDJSON", ".jsonl": "NDJSON"}


class Batch(NamedTuple):
    """Some rows of a file."""

    rows: pl.DataFrame
    """The columns asked for, and LINE."""
    bad: list[BadRow]
    """Rows in between that are bad regardless of what the columns mean."""
    read: float
    """Share of the file that has been read, this batch included."""


class Source(Protocol):
    """A file of payments; rows are numbered like an editor's lines, those of Parquet from 1."""

    @property
    def columns(self) -> Sequence[str]:
        """Their names."""
        ...

    def batches(self, wanted: Sequence[str]) -> Iterator[Batch]:
        """Yield these columns of all rows, in order; blank text is null."""
        ...


def kind_of_file(path: Path) -> str | None:
    """Return what is in a file of this name; None: nothing that can be read."""
    return next((kind for ending, kind in READ.items() if path.name.lower().endswith(ending)), None)


def source_of(path: Path, encoding: str, delimiter: str) -> Source:
    """Open a file by the ending of its name; raises SetupError for another."""
    kind = kind_of_file(path)
    if kind is None:
        raise SetupError(f"{path} cannot be imported: the name of a file must end with {', '.join(READ)}")
    if kind == "CSV":
        return CsvSource(path, encoding, delimiter)
    return ParquetSource(path) if kind == "Parquet" else NdjsonSource(path)


@dataclass(frozen=True)
class CsvSource:
    """A CSV file whose first line names the columns."""

    path: Path
    encoding: str
    delimiter: str

    @cached_property
    def columns(self) -> Sequence[str]:
        """Their names, from the first line."""
        with open_csv(self.path, self.encoding) as text:
            names = header_of(csv_rows(text, self.path, self.encoding, self.delimiter), self.path)
        others = [sign for sign in DELIMITERS if len(names) == 1 and sign in names[0]]
        if others:
            raise SetupError(
                f"the first line of {self.path} has one column with {others[0]!r} in its name; use --delimiter {others[0]!r}"
            )
        return names

    def batches(self, wanted: Sequence[str]) -> Iterator[Batch]:
        """Yield these columns of all rows, in order."""
        width, places = len(self.columns), [self.columns.index(name) for name in wanted]
        gathered = _Gathered(wanted)
        size = max(self.path.stat().st_size, 1)
        with open_csv(self.path, self.encoding) as text:
            rows = csv_rows(text, self.path, self.encoding, self.delimiter)
            next(rows)
            for row in rows:
                if row.cells or row.fault:
                    gathered.add(row, width, places)
                if gathered.full:
                    yield gathered.batch(bytes_read(text) / size)
        yield gathered.batch(1.0)


@dataclass(frozen=True)
class NdjsonSource:
    """A JSON object a line."""

    path: Path

    def _lines(self) -> Iterator[tuple[int, bytes, int]]:
        """Yield number and content of the lines that are not blank, and where they end."""
        with self.path.open("rb") as content:
            end = 0
            for number, line in enumerate(content, 1):
                end += len(line)
                text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if text.strip():
                    yield number, text, end

    @cached_property
    def columns(self) -> Sequence[str]:
        """The keys of all objects: a rare one may come late in the file."""
        names: dict[str, None] = {}
        for _, line, _ in self._lines():
            found = _object_in(line)
            if isinstance(found, dict):
                names |= dict.fromkeys(found)
        return list(names)

    def batches(self, wanted: Sequence[str]) -> Iterator[Batch]:
        """Yield these columns of all rows, in order, as text."""
        gathered, size = _Gathered(wanted), max(self.path.stat().st_size, 1)
        places = range(len(wanted))
        for number, line, end in self._lines():
            found = _object_in(line)
            fault = found if isinstance(found, InvalidTransaction) else None
            cells = [] if isinstance(found, InvalidTransaction) else [found.get(name) for name in wanted]
            nested = [
                name for name, cell in zip(wanted, cells, strict=False) if isinstance(cell, dict | list)
            ]
            if nested:
                fault = InvalidTransaction("invalid-field", f"{nested[0]} is an object or a list")
            gathered.add(Row(number, number, [_text(cell) for cell in cells], fault), len(wanted), places)
            if gathered.full:
                yield gathered.batch(end / size)
        yield gathered.batch(1.0)


@dataclass(frozen=True)
class ParquetSource:
    """A Parquet file; its columns keep their types."""

    path: Path

    @property
    def columns(self) -> Sequence[str]:
        """Their names."""
        return PaymentFile(self.path, ()).stored.names()

    def batches(self, wanted: Sequence[str]) -> Iterator[Batch]:
        """Yield these columns of all rows, in order."""
        scan = PaymentFile(self.path, ()).scan().select(wanted).with_row_index(LINE, 1)
        rows = max(int(scan.select(pl.len()).collect().item()), 1)
        for first in range(0, rows, BATCH_ROWS):
            batch = scan.slice(first, BATCH_ROWS).collect()
            blank = [
                pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name)).alias(name)
                for name in wanted
                if batch.schema[name] == pl.String
            ]
            yield Batch(
                batch.with_columns(pl.col(LINE).cast(pl.Int64), *blank), [], (first + batch.height) / rows
            )


class _Gathered:
    """Rows of text that become a batch."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self._schema = {LINE: pl.Int64(), **dict.fromkeys(wanted, pl.String())}
        self._rows: list[tuple[int | str | None, ...]] = []
        self._bad: list[BadRow] = []

    @property
    def full(self) -> bool:
        return len(self._rows) + len(self._bad) >= BATCH_ROWS

    def add(self, row: Row, width: int, places: Sequence[int]) -> None:
        """Add a row's cells at these places, or what is wrong with it."""
        try:
            row.check(width)
        except InvalidTransaction as fault:
            self._bad.append(row.bad(fault))
            return
        self._rows.append((row.line, *(row.cells[place].strip() or None for place in places)))

    def batch(self, read: float) -> Batch:
        """Return what was gathered, and start a new batch."""
        done = Batch(pl.DataFrame(self._rows, self._schema, orient="row"), self._bad, read)
        self._rows, self._bad = [], []
        return done


def _object_in(line: bytes) -> dict[str, object] | InvalidTransaction:
    """Return the object in a line, or what is wrong with it."""
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return InvalidTransaction("not-json", f"the line is not JSON: {error}")
    if isinstance(found, dict):
        return found
    return InvalidTransaction("not-json", "the line is not a JSON object")


def _text(cell: object) -> str:
    """Return a JSON value as the text that a CSV file would have."""
    return "" if cell is None else str(cell)
