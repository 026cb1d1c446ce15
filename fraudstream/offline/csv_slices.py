"""Cuts a CSV file into slices of rows, and reads one of them alone: another process need not read what is before it."""

from collections.abc import Callable, Iterator
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from fraudstream.offline.csv_rows import Row, csv_rows, header_of, open_csv

T = TypeVar("T")


class CsvPlace(NamedTuple):
    """Where rows are in a file."""

    height: int
    """How many; empty lines are none."""
    position: int
    """For `seek`: it knows the encoding's state, too."""
    lines_before: int


def slices_of(
    text: TextIOWrapper,
    path: Path,
    encoding: str,
    delimiter: str,
    size: int,
    read: Callable[[Iterator[Row]], T],
) -> Iterator[tuple[CsvPlace, T]]:
    """Yield what `read` makes of the rows behind the header, so many at a time, and where they are.

    `read` gets rows one by one, also damaged ones, and has to take all of them: to hold so many as objects costs half as much
    time again. Raises SetupError as `csv_rows` and `header_of` do.
    """
    rows = _rows(text, path, encoding, delimiter)
    header_of(rows, path)
    while True:
        position, some = text.tell(), _Some(rows, size)
        made = read(iter(some))
        if not some.height:
            return
        yield CsvPlace(some.height, position, some.lines_before), made


class _Some:
    """The next rows of a file, so many."""

    def __init__(self, rows: Iterator[Row], size: int) -> None:
        self._rows, self._size = rows, size
        self.height, self.lines_before = 0, -1

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            if self.lines_before < 0:
                self.lines_before = row.line - 1
            if _is_there(row):
                self.height += 1
                yield row
            if self.height == self._size:
                return


def rows_at(
    place: CsvPlace, path: Path, encoding: str, delimiter: str, read: Callable[[Iterator[Row]], T]
) -> T:
    """Return what `read` makes of the rows of a slice."""
    with open_csv(path, encoding) as text:
        text.seek(place.position)
        rows = _rows(text, path, encoding, delimiter, place.lines_before)
        return read(islice((row for row in rows if _is_there(row)), place.height))


def _rows(
    text: TextIOWrapper, path: Path, encoding: str, delimiter: str, lines_before: int = 0
) -> Iterator[Row]:
    """Yield rows line by line: iterating over a file would keep it from telling where it is."""
    return csv_rows(iter(text.readline, ""), path, encoding, delimiter, lines_before)


def _is_there(row: Row) -> bool:
    return bool(row.cells or row.fault)
