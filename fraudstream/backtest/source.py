"""Where past payments lie, a history or an archive, and how they are cut into slices of time that fit into memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.offline.aggregate import LATE_DAYS
from fraudstream.offline.history import OFFSET, dates_of

ROWS_AT_ONCE = 1_500_000
"""Payments of a slice and of the days that it looks back to, unless a single day has more."""


ALWAYS_MS = (-(1 << 62), 1 << 62)
"""Before and after all event times."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Payments with an event time in [start_ms, end_ms), and the files of all days that say what was known at each."""

    start_ms: int
    end_ms: int
    files: tuple[Path, ...]
    rows: int
    """How many payments lie in the days of the slice itself, as the files say."""


@dataclass(frozen=True)
class Source:
    """A directory with a folder a day."""

    directory: Path
    event_type: EventType
    rows_at_once: int = ROWS_AT_ONCE

    @cached_property
    def days(self) -> Sequence[date]:
        """The days that have files, oldest first; raises SetupError if there are none."""
        return dates_of(self.directory)

    @cached_property
    def files(self) -> Mapping[date, tuple[Path, ...]]:
        """The files of each day, in order of arrival."""
        return {day: tuple(sorted((self.directory / f"date={day}").glob("*.parquet"))) for day in self.days}

    @cached_property
    def rows(self) -> Mapping[date, int]:
        """How many payments each day has."""
        return {day: sum(_rows(path) for path in files) for day, files in self.files.items()}

    @cached_property
    def is_archive(self) -> bool:
        """Whether the payments were decided by workers; raises SetupError if that is so of some files only."""
        decided = {OFFSET in pl.read_parquet_schema(path) for files in self.files.values() for path in files}
        if len(decided) > 1:
            raise SetupError(
                f"{self.directory} holds payments of a history and decisions of an archive; a backtest needs one or the other"
            )
        return decided.pop()

    @property
    def look_back(self) -> timedelta:
        """How far back from the first payment of a slice the days are read: all windows and weeks lie in them."""
        if self.event_type.entity is None:
            return timedelta(0)
        longest = max(self.event_type.weekly.look_back_ms, self.event_type.windows.layout.bucket_ms)
        return timedelta(days=-(-longest // DAY_MS))

    def slices(self, since_ms: int | None, until_ms: int | None) -> list[Slice]:
        """Cut the time from `since_ms` to before `until_ms` into slices of whole days; raises SetupError if no day lies in it."""
        wanted = [
            day
            for day in self.days
            if (since_ms is None or midnight_ms(day) + DAY_MS > since_ms)
            and (until_ms is None or midnight_ms(day) < until_ms)
        ]
        if not wanted:
            raise SetupError(
                f"{self.directory} has no payments of that time; it has those of {self.days[0]} to {self.days[-1]}"
            )
        firsts = [wanted[0]]
        for day in wanted:
            if self._read(firsts[-1], day) > self.rows_at_once and day != firsts[-1]:
                firsts.append(day)
        starts = [ALWAYS_MS[0] if since_ms is None else since_ms, *map(midnight_ms, firsts[1:])]
        ends = [*starts[1:], ALWAYS_MS[1] if until_ms is None else until_ms]
        lasts = [*(wanted[wanted.index(first) - 1] for first in firsts[1:]), wanted[-1]]
        return [
            Slice(
                start_ms,
                end_ms,
                self._files(first, last),
                sum(self.rows[day] for day in wanted if first <= day <= last),
            )
            for start_ms, end_ms, first, last in zip(starts, ends, firsts, lasts, strict=True)
        ]

    def _files(self, first: date, last: date) -> tuple[Path, ...]:
        return tuple(path for day in self._days(first, last) for path in self.files[day])

    def _days(self, first: date, last: date) -> list[date]:
        """Return the days that are read to decide the payments of `first` to `last`."""
        return [day for day in self.days if first - self.look_back <= day <= last + LATE_DAYS]

    def _read(self, first: date, last: date) -> int:
        return sum(self.rows[day] for day in self._days(first, last))


def _rows(path: Path) -> int:
    return int(pl.scan_parquet(path, glob=False, hive_partitioning=False).select(pl.len()).collect().item())
