"""Reads files in slices of rows, every row in its place: one that cannot be read is there, too, with what is wrong with it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

import polars as pl

from fraudstream.domain.errors import InvalidTransaction, SetupError
from fraudstream.offline.csv_rows import Row, csv_rows, delimiter_of, header_of, open_csv
from fraudstream.offline.csv_slices import CsvPlace, rows_at, slices_of
from fraudstream.offline.import_files import kind_of_file
from fraudstream.offline.opening import PaymentFile

SLICE_ROWS = 50_000


class Slice(NamedTuple):
    """Some rows of a file."""

    number: int
    """Among the slices of all files, from 0."""
    first_row: int
    """Its first row among those of all files, from 0."""
    rows: pl.DataFrame
    """As they are in the file; of a CSV file text, null where a cell is empty."""
    bad: dict[int, str]
    """Row of the slice -> why it cannot be read."""


class ParquetPlace(NamedTuple):
    """Where a slice is in a Parquet file."""

    height: int
    start: int
    """Its first row."""


Place: TypeAlias = CsvPlace | ParquetPlace


class Placed(NamedTuple):
    """A slice that any process can read alone."""

    number: int
    first_row: int
    path: Path
    place: Place


@dataclass(frozen=True)
class Files:
    """Files with the same columns, read one after the other."""

    paths: Sequence[Path]
    encoding: str = "utf-8"
    delimiter: str | None = None
    """None: found in each file's first line."""
    slice_rows: int = SLICE_ROWS
    schema: pl.Schema = field(init=False)
    """Of all of them."""

    def __post_init__(self) -> None:
        """Read the columns; raises SetupError for a file of another kind or with other columns."""
        schemas = {path: self._schema_of(path) for path in self.paths}
        (first, schema), *others = schemas.items()
        for path, other in others:
            if schema != other:
                differing = sorted(dict(set(schema.items()) ^ set(other.items())))
                raise SetupError(
                    f"{path} has not the columns of {first}: {', '.join(differing)}; predict it by itself"
                )
        object.__setattr__(self, "schema", schema)

    @property
    def total(self) -> int | None:
        """How many rows there are; None if that is not known before they are read."""
        if any(_is_csv(path) for path in self.paths):
            return None
        return sum(self._height(path) for path in self.paths)

    def slices(self, skipped: int = 0) -> Iterator[Slice]:
        """Yield the slices in order, without the first so many."""
        number = first_row = 0
        for path in self.paths:
            for each in self._slices_of(path):
                if number >= skipped:
                    yield Slice(number, first_row, each.rows(), each.bad())
                number, first_row = number + 1, first_row + each.place.height

    def places(self, path: Path) -> list[Place]:
        """Return where the slices of a file are; a CSV file is read to its end."""
        return [each.place for each in self._slices_of(path)]

    def placed(self, places: Sequence[Sequence[Place]]) -> list[Placed]:
        """Return the slices of all files in order, from the places in each."""
        made: list[Placed] = []
        first_row = 0
        for path, of_file in zip(self.paths, places, strict=True):
            for place in of_file:
                made.append(Placed(len(made), first_row, path, place))
                first_row += place.height
        return made

    def at(self, placed: Placed) -> Slice:
        """Read a slice alone."""
        number, first_row, path, place = placed
        if isinstance(place, CsvPlace):
            found = self._of_text(place, rows_at(place, path, self.encoding, self._delimiter(path), list))
        else:
            found = _of_parquet(PaymentFile(path, ()).scan(), place)
        return Slice(number, first_row, found.rows(), found.bad())

    def _slices_of(self, path: Path) -> "Iterator[_Lazy]":
        return self._csv(path) if _is_csv(path) else self._parquet(path)

    def _csv(self, path: Path) -> "Iterator[_Lazy]":
        with open_csv(path, self.encoding) as text:
            every = slices_of(text, path, self.encoding, self._delimiter(path), self.slice_rows, list)
            for place, rows in every:
                yield self._of_text(place, rows)

    def _of_text(self, at: CsvPlace, rows: Sequence[Row]) -> "_Lazy":
        width = len(self.schema)

        def frame() -> pl.DataFrame:
            cells = (_whole(row, width) for row in rows)
            columns = zip(self.schema, zip(*cells, strict=True), strict=True)
            made = pl.DataFrame([pl.Series(name, values, pl.String) for name, values in columns])
            return made.with_columns(pl.when(pl.all() != "").then(pl.all()))

        def bad() -> dict[int, str]:
            return {
                place: f"{fault.reason}: {row.bad(fault).detail}"
                for place, row in enumerate(rows)
                if (fault := _fault(row, width)) is not None
            }

        return _Lazy(at, frame, bad)

    def _parquet(self, path: Path) -> "Iterator[_Lazy]":
        scan, height = PaymentFile(path, ()).scan(), self._height(path)
        for first in range(0, height, self.slice_rows):
            yield _of_parquet(scan, ParquetPlace(min(self.slice_rows, height - first), first))

    def _height(self, path: Path) -> int:
        return int(PaymentFile(path, ()).scan().select(pl.len()).collect().item())

    def _schema_of(self, path: Path) -> pl.Schema:
        if not _is_csv(path):
            return PaymentFile(path, ()).stored
        with open_csv(path, self.encoding) as text:
            names = header_of(csv_rows(text, path, self.encoding, self._delimiter(path)), path)
        return pl.Schema(dict.fromkeys(names, pl.String()))

    def _delimiter(self, path: Path) -> str:
        return self.delimiter or delimiter_of(path, self.encoding)


class _Lazy(NamedTuple):
    """A slice that is made only if it is wanted."""

    place: Place
    rows: Callable[[], pl.DataFrame]
    bad: Callable[[], dict[int, str]]


def _of_parquet(scan: pl.LazyFrame, place: ParquetPlace) -> _Lazy:
    return _Lazy(place, scan.slice(place.start, place.height).collect, dict)


def _is_csv(path: Path) -> bool:
    kind = kind_of_file(path)
    if kind not in ("CSV", "Parquet"):
        raise SetupError(f"{path} cannot be read: the name of a file must end with .csv, .csv.gz or .parquet")
    return kind == "CSV"


def _fault(row: Row, width: int) -> InvalidTransaction | None:
    try:
        row.check(width)
    except InvalidTransaction as fault:
        return fault
    return None


def _whole(row: Row, width: int) -> Sequence[str]:
    """Return a row's cells; of one with too many the first, of one with too few with empty ones, without what is no text."""
    if row.fault is None and len(row.cells) == width:
        return row.cells
    told = [cell.encode("utf-8", "replace").decode() for cell in row.cells[:width]]
    return told + [""] * (width - len(told))
