"""Finds payments in the archive: by id, card token, filters on any column, and time; newest first.

A worker searches while it decides payments, so everything slow is done in threads and the event loop only waits.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import polars as pl

from fraudstream.adapters.archive.filters import Filter, FilterError
from fraudstream.adapters.archive.lake import ROW, Lake, LakeFile, Stream
from fraudstream.adapters.archive.objects import NoSuchObject
from fraudstream.domain.card_numbers import masked
from fraudstream.domain.features.schema import SOURCE_NUMBER
from fraudstream.domain.names import did_you_mean
from fraudstream.domain.times import DAY_MS, HOUR_MS

PLACE = ("source_topic", "source_partition", "source_offset", "source_number")
"""A payment's source; archives of records with one event each have no number. A killed worker decides some payments twice, with equal decisions; one is shown."""

LOOKS = 3
"""A compaction may replace a file between listing and reading: then the day is listed again."""

AHEAD_MAX_MS = HOUR_MS
"""No event time is further ahead of its decision than this; workers refuse payments ten minutes ahead of their record.
So older files need not be read once enough newer payments are found."""


POSITION = re.compile(r"([0-9]{1,16})-([0-9]{1,9})-([0-9]{1,18})(?:\.([0-9]{1,6}))?-([a-zA-Z0-9._-]{1,249})")
"""A position as text: event time, partition, offset (and number in its record) and topic."""


class Position(NamedTuple):
    """A payment's place in the answer: newest first; payments with the same time in the order of their source."""

    event_time: int
    topic: str
    partition: int
    offset: int
    number: int = 0

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Position":
        """Return the position of an archived payment."""
        topic, partition, offset, number = (row[name] for name in PLACE)
        return cls(row["event_time"], topic, partition, offset, number or 0)

    @classmethod
    def written(cls, text: str) -> "Position | None":
        """Read a position as `text` writes it; None if it is none."""
        found = POSITION.fullmatch(text)
        return found and cls(int(found[1]), found[5], int(found[2]), int(found[3]), int(found[4] or 0))

    @property
    def text(self) -> str:
        """The position as an address has it."""
        number = f".{self.number}" if self.number else ""
        return f"{self.event_time}-{self.partition}-{self.offset}{number}-{self.topic}"

    def behind(self) -> pl.Expr:
        """Return an expression that is true for payments after this one."""
        time, place = (
            pl.col("event_time"),
            dict(zip(PLACE, self[1:], strict=True)),
        )
        later: pl.Expr = pl.lit(False)
        for name, value in reversed(place.items()):
            column = pl.col(name).fill_null(0) if name == SOURCE_NUMBER.name else pl.col(name)
            later = (column > pl.lit(value)) | ((column == pl.lit(value)) & later)
        return (time < self.event_time) | ((time == self.event_time) & later)


@dataclass(frozen=True, slots=True)
class ArchiveQuery:
    """What to look for; everything given must match. Times are epoch ms, `until_ms` is not included.

    `before`: only payments that come after this one in the order of the answer.
    """

    transaction_id: str | None = None
    card: str | None = None
    filters: tuple[Filter, ...] = ()
    since_ms: int | None = None
    until_ms: int | None = None
    limit: int = 100
    before: Position | None = None
    cards: tuple[str, ...] = ()
    """Tokens of one card under several keys: any of them matches."""

    def days(self, files: list[LakeFile]) -> list[date]:
        """Return those days of the files that may hold matching payments, newest first."""
        ends = [self.until_ms, None if self.before is None else self.before.event_time + 1]
        until_ms = min((end for end in ends if end is not None), default=None)
        newest_first = sorted({file.day for file in files}, reverse=True)
        starts_ms = {
            day: datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000 for day in newest_first
        }
        return [
            day
            for day, start_ms in starts_ms.items()
            if (until_ms is None or start_ms < until_ms)
            and (self.since_ms is None or start_ms + DAY_MS > self.since_ms)
        ]

    def condition(self, schema: Mapping[str, pl.DataType]) -> pl.Expr:
        """Return an expression that is true for matching rows; raises FilterError if a filter does not fit."""
        holds = [pl.lit(True)]
        if self.transaction_id is not None:
            holds.append(pl.col("transaction_id") == self.transaction_id)
        if self.card is not None:
            holds.append(pl.col("card") == self.card)
        if self.cards:
            holds.append(pl.col("card").is_in(self.cards))
        if self.since_ms is not None:
            holds.append(pl.col("event_time") >= self.since_ms)
        if self.until_ms is not None:
            holds.append(pl.col("event_time") < self.until_ms)
        if self.before is not None:
            holds.append(self.before.behind())
        # a file without the column holds nothing that matches
        holds += [
            each.condition(schema[each.name]) if each.name in schema else pl.lit(False)
            for each in self.filters
        ]
        return pl.all_horizontal(holds)


FEW_ROWS = 8
"""So many rows of a file are read one by one, each in a few milliseconds; more by reading all row groups that hold some."""

ORDER = ("event_time", *PLACE)
"""Columns that the order of an answer comes from."""


@dataclass
class _Found:
    """What was found so far in the files of a day: where the newest matching payments lie, at most `query.limit`."""

    query: ArchiveQuery
    rows: pl.DataFrame | None = None
    """The columns of ORDER, and which row of which of `files` it is."""
    files: dict[int, pl.LazyFrame] = field(default_factory=dict)
    """Those that hold some of the rows."""
    columns: dict[str, None] = field(default_factory=dict)
    """All that the files have."""
    looked: int = 0
    """In how many files."""

    def add(self, file: pl.LazyFrame) -> bool:
        """Look for matching rows in a file; return whether payments decided before those of the file cannot matter any more.

        Only the columns that the query and the order need are read.
        """
        schema = file.collect_schema()
        self.columns.update(dict.fromkeys(name for name in schema.names() if name != ROW))
        self.looked += 1
        fitting = (
            _with_number(file)
            .filter(self.query.condition(schema))
            .select(*ORDER, ROW, pl.lit(self.looked).alias("file"))
            .collect()
        )
        if not fitting.is_empty():
            together = fitting if self.rows is None else pl.concat([self.rows, fitting])
            together = together.unique(subset=PLACE, keep="first", maintain_order=True)
            self.rows = _newest_first(together).head(self.query.limit)
            holding = {*self.rows["file"]}
            self.files = {
                each: rows for each, rows in (self.files | {self.looked: file}).items() if each in holding
            }
        if self.rows is None or self.rows.height < self.query.limit:
            return False
        decided_ms: int = file.select(pl.col("decided_at").min()).collect().item()
        return decided_ms + AHEAD_MAX_MS < self.rows["event_time"][-1]  # type: ignore[no-any-return]

    def dicts(self) -> list[dict[str, Any]]:
        """Read all columns of the payments that were found, and return them."""
        if self.rows is None:
            return []
        parts = [
            part
            for (file,), rows in self.rows.group_by("file")
            for part in _picked(_with_number(self.files[file]), rows[ROW])
        ]
        together = pl.concat(pl.collect_all(parts), how="diagonal")
        return _newest_first(together).drop(ROW).to_dicts()

    def check_columns(self, day: date) -> None:
        """Raise FilterError if a filter names a column that none of the day's files has."""
        for name in (each.name for each in self.query.filters):
            if self.columns and name not in self.columns:
                near = did_you_mean(name, self.columns)
                raise FilterError(f"there is no column {masked(name)} in the archive of {day}{near}")


def _with_number(file: pl.LazyFrame) -> pl.LazyFrame:
    """Return a file's rows with events' numbers in their records, null where records have one event each."""
    if SOURCE_NUMBER.name in file.collect_schema():
        return file
    return file.with_columns(pl.lit(None, SOURCE_NUMBER.dtype).alias(SOURCE_NUMBER.name))


def _newest_first(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort(ORDER, descending=[True, *[False] * len(PLACE)])


def _picked(file: pl.LazyFrame, numbers: pl.Series) -> list[pl.LazyFrame]:
    """Return some rows of a file: a few one by one, of which only their row groups are read."""
    if len(numbers) > FEW_ROWS:
        return [file.filter(pl.col(ROW).is_in(numbers.implode()))]
    return [file.slice(number, 1) for number in numbers]


async def find(lake: Lake, query: ArchiveQuery) -> list[dict[str, Any]]:
    """Return the payments that match, newest first, at most `limit`; reads only what may hold some.

    Raises FilterError, also if the newest of the days has no column that a filter names.
    """
    found: list[dict[str, Any]] = []
    async with aclosing(find_by_day(lake, query)) as days:
        async for _, rows in days:
            found += rows
            if len(found) >= query.limit:
                break
    return found[: query.limit]


async def find_by_day(
    lake: Lake, query: ArchiveQuery
) -> AsyncGenerator[tuple[date, list[dict[str, Any]]], None]:
    """Yield every day that may hold matching payments, the newest first, with at most `limit` of its newest that match."""
    files = await lake.files()
    days = await asyncio.to_thread(query.days, files)
    for day in days:
        found, rows = await _of_day(lake, day, query)
        if day == days[0]:
            found.check_columns(day)
        yield day, rows


async def _of_day(lake: Lake, day: date, query: ArchiveQuery) -> tuple[_Found, list[dict[str, Any]]]:
    """Return the newest matching payments of a day."""
    for _ in range(LOOKS - 1):
        with suppress(NoSuchObject, FileNotFoundError):
            return await _look(lake, day, query)
    return await _look(lake, day, query)


async def _look(lake: Lake, day: date, query: ArchiveQuery) -> tuple[_Found, list[dict[str, Any]]]:
    """Read each stream's files of a day, the newest first, until the older ones cannot matter."""
    found = _Found(query)
    streams: defaultdict[Stream, list[LakeFile]] = defaultdict(list)
    for file in await lake.files(f"date={day}/"):
        streams[file.stream].append(file)
    for files in streams.values():
        for file in reversed(files):
            if await asyncio.to_thread(found.add, await lake.scan(file)):
                break
    return found, await asyncio.to_thread(found.dicts)
