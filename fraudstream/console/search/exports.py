"""Payments as CSV or JSON to take away."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import msgspec

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With these a spreadsheet begins a formula; a text that does gets an apostrophe, which is not shown there."""


def as_csv(payments: Sequence[dict[str, Any]]) -> bytes:
    """Return payments as CSV, a column for everything that one of them has."""
    names = list(dict.fromkeys(name for payment in payments for name in payment))
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(map(cell, names))
    writer.writerows([cell(payment.get(name)) for name in names] for payment in payments)
    return buffer.getvalue().encode("utf-8-sig")


def as_json(payments: Sequence[dict[str, Any]]) -> bytes:
    """Return payments as one JSON array."""
    return msgspec.json.format(msgspec.json.encode(payments), indent=1)


def cell(value: Any) -> Any:
    """Return what a cell holds: a number as it is, a text so that no spreadsheet takes it for a formula.

    >>> cell(-1.5), cell("=1+1"), cell(["a", "b"]), cell(None)
    (-1.5, "'=1+1", 'a; b', '')
    """
    if value is None:
        return ""
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
