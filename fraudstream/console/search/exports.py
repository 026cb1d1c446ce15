"""Payments as CSV or JSON to take away."""

import codecs
from collections.abc import Sequence
from typing import Any

import msgspec

from fraudstream.console.exporting import csv_of


def as_csv(payments: Sequence[dict[str, Any]]) -> bytes:
    """Return payments as CSV, a column for everything that one of them has; it begins so that spreadsheets know it for UTF-8."""
    names = list(dict.fromkeys(name for payment in payments for name in payment))
    rows = [{name: _joined(value) for name, value in payment.items()} for payment in payments]
    return codecs.BOM_UTF8 + csv_of(names, rows)


def as_json(payments: Sequence[dict[str, Any]]) -> bytes:
    """Return payments as one JSON array."""
    return msgspec.json.format(msgspec.json.encode(payments), indent=1)


def _joined(value: Any) -> Any:
    """Return a list as one text; reasons have commas of their own."""
    return "; ".join(map(str, value)) if isinstance(value, list) else value
