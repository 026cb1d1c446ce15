"""Tables as files: CSV that a spreadsheet opens without running anything, and Parquet."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl
from fastapi import Response

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet takes a text that begins so for a formula (OWASP, "CSV Injection")."""

FORMATS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}

INT64 = 1 << 63


def as_file(name: str, form: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Response:
    """Return rows as a file that a browser saves; `form` is one of FORMATS."""
    content = csv_of(columns, rows) if form == "csv" else parquet_of(columns, rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return Response(content, media_type=FORMATS[form], headers=headers)


def csv_of(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as CSV with a line of names. A text that a spreadsheet would run gets an apostrophe before it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_cell(name) for name in columns])
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return text.getvalue().encode()


def parquet_of(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as Parquet; a column of several types, or of what Parquet has no type for, is text."""
    series = [_series(name, [row.get(name) for row in rows]) for name in columns]
    buffer = io.BytesIO()
    pl.DataFrame(series).write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    """Return a value as CSV has it.

    >>> [_cell(value) for value in ("=cmd()", "-1", -1, None, ["a", "b"], True)]
    ["'=cmd()", "'-1", -1, '', 'a, b', 'true']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    text = value.isoformat() if isinstance(value, (date, datetime)) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _series(name: str, values: list[Any]) -> pl.Series:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and all(abs(value) < INT64 for value in values if isinstance(value, int)):
        return pl.Series(name, values, pl.Float64 if float in kinds else pl.Int64, strict=False)
    if len(kinds) == 1 and kinds <= {bool, str, date, datetime}:
        return pl.Series(name, values)
    if kinds == {list} and all(isinstance(each, str) for value in values for each in value or ()):
        return pl.Series(name, values, pl.List(pl.String))
    return pl.Series(name, [None if value is None else str(value) for value in values], pl.String)
