"""Cuts a CSV file into slices of rows, and reads one of them alone: another process need not read what is before it."""

from collections.abc import Iterator
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from fraudstream.offline.csv_rows import Row, csv_rows, header_of, open_csv


class CsvPlace(NamedTuple):
    """Where rows are in a file."""

    height: int
    """How many; empty lines are none."""
    position: int
    """For `seek`: it knows the encoding's state, too."""
    lines_before: int


class CsvSlice(NamedTuple):
    """Rows of a file, also damaged ones, and where they are."""

    place: CsvPlace
    rows: list[Row]


def slices_of(
    text: TextIOWrapper, path: Path, encoding: str, delimiter: str, size: int
) -> Iterator[CsvSlice]:
    """Yield the rows behind the header, so many at a time; raises SetupError as `csv_rows` and `header_of` do."""
    rows = _rows(text, path, encoding, delimiter)
    header_of(rows, path)
    while True:
        position, gathered, lines_before = text.tell(), list[Row](), None
        for row in rows:
            if lines_before is None:
                lines_before = row.line - 1
            if _is_there(row):
                gathered.append(row)
            if len(gathered) == size:
                break
        if not gathered or lines_before is None:
            return
        yield CsvSlice(CsvPlace(len(gathered), position, lines_before), gathered)


def rows_at(place: CsvPlace, path: Path, encoding: str, delimiter: str) -> list[Row]:
    """Read the rows of a slice."""
    with open_csv(path, encoding) as text:
        text.seek(place.position)
        rows = _rows(text, path, encoding, delimiter, place.lines_before)
        return list(islice((row for row in rows if _is_there(row)), place.height))


def _rows(
    text: TextIOWrapper, path: Path, encoding: str, delimiter: str, lines_before: int = 0
) -> Iterator[Row]:
    """Yield rows line by line: iterating over a file would keep it from telling where it is."""
    return csv_rows(iter(text.readline, ""), path, encoding, delimiter, lines_before)


def _is_there(row: Row) -> bool:
    return bool(row.cells or row.fault)
