"""Converts times in files to epoch ms: timestamps, ISO 8601, epoch numbers of any unit, or text in a given pattern."""

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import get_args
from zoneinfo import ZoneInfo

import polars as pl

from fraudstream.domain.events.event_type import TimeUnit
from fraudstream.domain.times import moment_ms

FIRST_S, END_S = 946_684_800, 4_102_444_800
"""2000 and 2100 in epoch seconds. A number's size tells its unit: read as milliseconds, these lie in early 1970."""

UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)


@dataclass(frozen=True, slots=True)
class Times:
    """How a file's times are written; what is given here takes precedence over what the values suggest."""

    unit: TimeUnit | None = None
    """Of numbers; None: recognised by their size."""
    zone: str = "UTC"
    """Of times without a zone. Of an hour that it has twice, the first is taken; one that it skips cannot be read."""
    pattern: str | None = None
    """Of text, in strptime's notation; None: ISO 8601 or a number."""

    def convert(self, column: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
        """Return epoch ms, null for what cannot be read; None for a type without a time of day."""
        if isinstance(dtype, pl.Datetime):
            return (column if dtype.time_zone else self._placed(column)).dt.epoch("ms")
        if isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Binary):
            return self._read(column.cast(pl.String, strict=False).str.strip_chars())
        if not dtype.is_numeric():
            return None
        return self._number(column.cast(pl.Float64) if isinstance(dtype, pl.Decimal) else column)

    def _placed(self, column: pl.Expr) -> pl.Expr:
        """Return times without a zone as moments in `zone`."""
        return column.dt.replace_time_zone(self.zone, ambiguous="earliest", non_existent="null")

    def _read(self, text: pl.Expr) -> pl.Expr:
        if self.pattern is not None:
            zoned = "%z" in self.pattern
            read = text.str.to_datetime(
                self.pattern, time_unit="ms", time_zone="UTC" if zoned else None, strict=False
            )
            return (read if zoned else self._placed(read)).dt.epoch("ms")
        number = text.cast(pl.Float64, strict=False)
        zone = UTC if self.zone == "UTC" else ZoneInfo(self.zone)
        words = pl.when(number.is_null()).then(text)
        return pl.coalesce(
            self._number(number),
            words.map_elements(lambda word: _iso_ms(word, zone), return_dtype=pl.Int64),
        )

    def _number(self, column: pl.Expr) -> pl.Expr:
        whole = column.cast(pl.Int64, strict=False)
        if self.unit is None:
            return _by_size(column, whole)
        return {
            "s": (column * 1000).round().cast(pl.Int64, strict=False),
            "ms": whole,
            "us": whole // 1000,
            "ns": whole // 1_000_000,
        }[self.unit]


def _by_size(column: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """Return epoch seconds, µs and ns as ms, recognised by their size; all others are ms."""
    return (
        pl.when(column.is_between(FIRST_S, END_S))
        .then((column * 1000).round().cast(pl.Int64, strict=False))
        .when(column.is_between(FIRST_S * 10**6, END_S * 10**6))
        .then(whole // 1000)
        .when(column.is_between(FIRST_S * 10**9, END_S * 10**9))
        .then(whole // 1_000_000)
        .otherwise(whole)
    )


def _iso_ms(text: str, zone: tzinfo) -> int | None:
    try:
        return moment_ms(text, zone)
    except (ValueError, OverflowError):
        return None
