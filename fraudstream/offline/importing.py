"""Imports other people's payments as a history: whole or not at all, every row in it or listed as bad, in batches."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from fraudstream.adapters.files import literal
from fraudstream.domain.errors import SetupError
from fraudstream.domain.times import DAY_MS
from fraudstream.offline.bad_row_list import listing
from fraudstream.offline.column_names import Columns, Names, columns_of
from fraudstream.offline.columns import LABEL, NUMBER, TIME
from fraudstream.offline.csv_rows import BadRow
from fraudstream.offline.import_files import Source, source_of
from fraudstream.offline.import_rows import Judge
from fraudstream.offline.whole_directory import holds_something, replacing

FACTS = "imported.json"
"""The file beside the days that describes what was imported."""

PLACE = "place"
"""The row's number among all, which orders payments of the same millisecond."""

LISTED = ("line", "reason", "detail", "column", "value")
"""What the list of bad rows says of each; no cells, which may hold card numbers."""

BAD_LISTED_MAX = 10_000
"""Reading a file stops at more bad rows than this (and than are allowed): the columns are probably mapped wrongly."""

EPOCH = date(1970, 1, 1)
INT64_DIGITS_MAX = 18


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import and how to read it."""

    files: Sequence[Path]
    names: Names
    """Ours -> theirs, as told."""
    judge: Judge
    encoding: str
    delimiter: str
    bad_rows_max: int
    bad_rows_file: Path


@dataclass(slots=True)
class Imported:
    """What was imported."""

    payments: int = 0
    fraud: int = 0
    labelled: int = 0
    bad: int = 0
    first_date: str = ""
    last_date: str = ""
    """Days in UTC."""
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    """File -> ours -> theirs."""


@dataclass(frozen=True, slots=True)
class ImportListener:
    """Callbacks while it runs; the default does nothing."""

    columns: Callable[[Path, Columns], None] = lambda path, columns: None
    bad: Callable[[Path, BadRow], None] = lambda path, row: None
    read: Callable[[int], None] = lambda size: None
    """Bytes read since the last time."""


def import_history(
    request: ImportRequest, directory: Path, *, force: bool = False, listener: ImportListener | None = None
) -> Imported:
    """Write files of payments as a history, rows in order of time.

    Raises SetupError if the directory holds anything, unless `force`, which then replaces the whole directory; if a file
    cannot be read; or if more rows are bad than are allowed. Then nothing is written but the list of bad rows.
    """
    if holds_something(directory) and not force:
        raise SetupError(
            f"{directory} already holds payments; choose another directory with --to, or replace all of it with --force"
        )
    with replacing(directory) as draft:
        staging = draft / "staging"
        staging.mkdir()
        done = _read(request, listener or ImportListener(), _Staged(staging))
        _write_days(staging, draft, done, tuple(request.judge.stored))
        shutil.rmtree(staging)
        (draft / FACTS).write_text(json.dumps(asdict(done), indent=2) + "\n")
    return done


def check(request: ImportRequest, listener: ImportListener | None = None) -> Imported:
    """Read and check everything as `import_history` does, but write only the list of bad rows."""
    return _read(request, listener or ImportListener(), None)


class _Staged:
    """Payments in the order they are read, before they are cut into days."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._parts = self._rows = 0

    def add(self, payments: pl.DataFrame) -> None:
        """Write some payments, with their numbers among all."""
        placed = payments.with_row_index(PLACE, self._rows).with_columns(pl.col(PLACE).cast(pl.Int64))
        placed.write_parquet(self._directory / f"{self._parts:08}.parquet", compression="lz4")
        self._parts += 1
        self._rows += payments.height


def _read(request: ImportRequest, listener: ImportListener, staged: _Staged | None) -> Imported:
    """Check every row; raises SetupError if too many are bad, or none is left."""
    sources = [source_of(path, request.encoding, request.delimiter) for path in request.files]
    found = [
        columns_of(source.columns, request.names, path, request.judge.event_type)
        for path, source in zip(request.files, sources, strict=True)
    ]
    done = Imported()
    with listing(request.bad_rows_file, ("file", *LISTED)) as note:
        for path, source, columns in zip(request.files, sources, found, strict=True):
            listener.columns(path, columns)
            done.columns[str(path)] = dict(columns.names)
            for payments, bad in _judged(request.judge, source, columns.names, path, listener.read):
                for row in bad:
                    note((path, *(getattr(row, name) for name in LISTED)))
                    listener.bad(path, row)
                done.bad += len(bad)
                if done.bad > request.bad_rows_max and done.bad > BAD_LISTED_MAX:
                    break
                _count(done, payments)
                if staged and not payments.is_empty():
                    staged.add(payments)
    if done.bad > request.bad_rows_max:
        listed = f"nothing was imported; {request.bad_rows_file} lists them with line and reason"
        if done.bad > BAD_LISTED_MAX:
            raise SetupError(
                f"more than {BAD_LISTED_MAX:,} rows are not payments and {listed}: are the columns right?"
            )
        raise SetupError(
            f"{done.bad:,} rows are not payments and {listed}: correct them, or leave them out with --bad-rows-max {done.bad}"
        )
    if not done.payments:
        raise SetupError(f"there are no payments in {', '.join(map(str, request.files))}")
    return done


def _judged(
    judge: Judge, source: Source, names: Names, path: Path, on_read: Callable[[int], None]
) -> Iterator[tuple[pl.DataFrame, list[BadRow]]]:
    """Yield the payments of a file and its bad rows in order of lines, some at a time."""
    size, told = path.stat().st_size, 0
    for batch in source.batches(tuple(dict.fromkeys(names.values()))):
        payments, bad = judge.judged(batch.rows, names, path)
        yield payments, sorted([*batch.bad, *bad])
        on_read(round(batch.read * size) - told)
        told = round(batch.read * size)


def _count(done: Imported, payments: pl.DataFrame) -> None:
    if payments.is_empty():
        return
    days = payments.select(_day().min().alias("first"), _day().max().alias("last")).row(0)
    first, last = (str(EPOCH + timedelta(days=day)) for day in days)
    done.first_date, done.last_date = min(done.first_date or first, first), max(done.last_date, last)
    done.payments += payments.height
    done.labelled += int(payments[LABEL].is_not_null().sum())
    done.fraud += int(payments[LABEL].sum())


def _write_days(staging: Path, draft: Path, done: Imported, stored: Sequence[str]) -> None:
    """Sort everything by time, on disk where memory is short, and cut it into days."""
    import duckdb

    ordered = staging / "ordered.parquet"
    parts = [literal(path) for path in sorted(staging.glob("*.parquet"))]
    with duckdb.connect() as database:
        database.execute("SET temp_directory = ?", [str(staging / "spilt")])
        database.from_parquet(parts).order(f"{TIME}, {PLACE}").write_parquet(str(ordered))
    payments = pl.scan_parquet(ordered, glob=False)
    days = payments.group_by(_day().alias("day")).agg(pl.len()).sort("day").collect().rows()
    columns = _columns(payments, done, stored)
    first = 0
    for number, rows in days:
        folder = draft / f"date={EPOCH + timedelta(days=number)}"
        folder.mkdir()
        payments.slice(first, rows).select(columns).sink_parquet(
            folder / "payments.parquet", compression="zstd", compression_level=1
        )
        first += rows


def _day() -> pl.Expr:
    """Return the day (UTC) as days since 1970."""
    return pl.col(TIME) // DAY_MS


def _columns(payments: pl.LazyFrame, done: Imported, stored: Sequence[str]) -> list[pl.Expr]:
    """Return the columns that some file has; card numbers as whole numbers, which engines read unchanged, if all fit."""
    known = {ours for names in done.columns.values() for ours in names}
    number = pl.col(NUMBER)
    whole = (number.str.len_bytes() <= INT64_DIGITS_MAX) & number.str.contains("^[1-9][0-9]*$")
    as_number = NUMBER in known and payments.select(whole.all()).collect().item()
    return [
        number.cast(pl.Int64) if name == NUMBER and as_number else pl.col(name)
        for name in stored
        if name in known
    ]
