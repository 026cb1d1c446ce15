"""Reads other people's files in batches: CSV and NDJSON as text, Parquet in its own types. Nothing is repaired."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

import msgspec
import polars as pl

from fraudstream.domain.errors import InvalidTransaction, SetupError
from fraudstream.offline.csv_rows import DELIMITERS, BadRow, Row, bytes_read, csv_rows, header_of, open_csv
from fraudstream.offline.csv_slices import CsvPlace, rows_at, slices_of
from fraudstream.offline.opening import PaymentFile

BATCH_ROWS = 50_000
"""Rows held as Python objects before they become columns."""

LINE = "line of the file"
"""Column of a batch; its name has spaces, so that no file's column has the same."""

READ = {".csv": "CSV", ".csv.gz": "CSV", ".parquet": "Parquet", ".ndjson": "NDJSON", ".jsonl": "NDJSON"}


class LinePlace(NamedTuple):
    """Where lines are in a file."""

    height: int
    """How many, without blank ones."""
    position: int
    lines_before: int


class RowPlace(NamedTuple):
    """Where rows are in a Parquet file."""

    height: int
    first: int


class Batch(NamedTuple):
    """Some rows of a file."""

    rows: pl.DataFrame
    """The columns asked for, and LINE."""
    bad: list[BadRow]
    """Rows in between that are bad regardless of what the columns mean."""
    read: float = 0.0
    """Share of the file that has been read, this batch included."""


Place: TypeAlias = CsvPlace | LinePlace | RowPlace
"""Where a batch is in its file."""


class Source(Protocol):
    """A file of payments; rows are numbered like an editor's lines, those of Parquet from 1."""

    @property
    def columns(self) -> Sequence[str]:
        """Their names."""
        ...

    def batches(self, wanted: Sequence[str]) -> Iterator[Batch]:
        """Yield these columns of all rows, in order; blank text is null."""
        ...

    def places(self) -> Iterator[Place]:
        """Yield where each batch is, for a process that reads it alone."""
        ...

    def batch_at(self, place: Place, wanted: Sequence[str]) -> Batch:
        """Read a batch alone; a share of the file it does not tell."""
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
        size, batch, read = max(self.path.stat().st_size, 1), None, self._reader(wanted)
        with open_csv(self.path, self.encoding) as text:
            for _, batch in slices_of(text, self.path, self.encoding, self.delimiter, BATCH_ROWS, read):
                yield batch._replace(read=bytes_read(text) / size)
        if batch is None:
            yield read(iter(()))._replace(read=1.0)

    def places(self) -> Iterator[Place]:
        """Yield where each batch is."""
        count = partial(deque[Row], maxlen=0)
        with open_csv(self.path, self.encoding) as text:
            for place, _ in slices_of(text, self.path, self.encoding, self.delimiter, BATCH_ROWS, count):
                yield place

    def batch_at(self, place: Place, wanted: Sequence[str]) -> Batch:
        """Read a batch alone."""
        assert isinstance(place, CsvPlace)
        return rows_at(place, self.path, self.encoding, self.delimiter, self._reader(wanted))

    def _reader(self, wanted: Sequence[str]) -> Callable[[Iterator[Row]], Batch]:
        """Return what makes a batch of rows."""
        width, places = len(self.columns), [self.columns.index(name) for name in wanted]

        def read(rows: Iterator[Row]) -> Batch:
            gathered = _Gathered(wanted)
            for row in rows:
                gathered.add(row, width, places)
            return gathered.batch()

        return read


@dataclass(frozen=True)
class NdjsonSource:
    """A JSON object a line."""

    path: Path

    def _lines(self, position: int = 0, lines_before: int = 0) -> Iterator[tuple[int, bytes, int]]:
        """Yield number and content of the lines that are not blank, and where they end."""
        with self.path.open("rb") as content:
            content.seek(position)
            end = position
            for number, line in enumerate(content, lines_before + 1):
                end += len(line)
                text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if text.strip():
                    yield number, text, end

    def _some(self) -> Iterator[list[tuple[int, bytes, int]]]:
        """Yield the lines of each batch."""
        lines = self._lines()
        while some := list(islice(lines, BATCH_ROWS)):
            yield some

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
        size, batch = max(self.path.stat().st_size, 1), None
        for some in self._some():
            batch = _objects(some, wanted, some[-1][2] / size)
            yield batch
        if batch is None:
            yield _objects([], wanted, 1.0)

    def places(self) -> Iterator[Place]:
        """Yield where each batch is."""
        position = lines_before = 0
        for some in self._some():
            yield LinePlace(len(some), position, lines_before)
            lines_before, _, position = some[-1]

    def batch_at(self, place: Place, wanted: Sequence[str]) -> Batch:
        """Read a batch alone."""
        assert isinstance(place, LinePlace)
        lines = self._lines(place.position, place.lines_before)
        return _objects(list(islice(lines, place.height)), wanted)


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
        places = list(self.places())
        rows = sum(place.height for place in places)
        for place in places:
            batch = self.batch_at(place, wanted)
            yield batch._replace(read=(place.first + place.height) / max(rows, 1))

    def places(self) -> "Iterator[RowPlace]":
        """Yield where each batch is; a file without rows has one, too, whose columns have types."""
        rows = int(PaymentFile(self.path, ()).scan().select(pl.len()).collect().item())
        for first in range(0, max(rows, 1), BATCH_ROWS):
            yield RowPlace(min(BATCH_ROWS, rows - first), first)

    def batch_at(self, place: Place, wanted: Sequence[str]) -> Batch:
        """Read a batch alone."""
        assert isinstance(place, RowPlace)
        scan = PaymentFile(self.path, ()).scan().select(wanted).with_row_index(LINE, 1)
        batch = scan.slice(place.first, place.height).collect()
        blank = [
            pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name)).alias(name)
            for name in wanted
            if batch.schema[name] == pl.String
        ]
        return Batch(batch.with_columns(pl.col(LINE).cast(pl.Int64), *blank), [])


class _Gathered:
    """Rows of text that become a batch."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self._schema = {LINE: pl.Int64(), **dict.fromkeys(wanted, pl.String())}
        self._rows: list[tuple[int | str | None, ...]] = []
        self._bad: list[BadRow] = []

    def add(self, row: Row, width: int, places: Sequence[int]) -> None:
        """Add a row's cells at these places, or what is wrong with it."""
        try:
            row.check(width)
        except InvalidTransaction as fault:
            self._bad.append(row.bad(fault))
            return
        self._rows.append((row.line, *(row.cells[place].strip() or None for place in places)))

    def batch(self, read: float = 0.0) -> Batch:
        """Return what was gathered."""
        return Batch(pl.DataFrame(self._rows, self._schema, orient="row"), self._bad, read)


def _objects(lines: Sequence[tuple[int, bytes, int]], wanted: Sequence[str], read: float = 0.0) -> Batch:
    """Return the objects in some lines."""
    gathered, places = _Gathered(wanted), range(len(wanted))
    for number, line, _ in lines:
        found = _object_in(line)
        fault = found if isinstance(found, InvalidTransaction) else None
        cells = [] if isinstance(found, InvalidTransaction) else [found.get(name) for name in wanted]
        nested = [name for name, cell in zip(wanted, cells, strict=False) if isinstance(cell, dict | list)]
        if nested:
            fault = InvalidTransaction("invalid-field", f"{nested[0]} is an object or a list")
        gathered.add(Row(number, number, [_text(cell) for cell in cells], fault), len(wanted), places)
    return gathered.batch(read)


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
