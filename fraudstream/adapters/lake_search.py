"""Finding payments in the archive: by id, card token, any field, and time; newest first."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import polars as pl

from fraudstream.adapters.lake import Lake, LakeFile
from fraudstream.adapters.objects import NoSuchObject
from fraudstream.domain.errors import SetupError

FOUND_MAX = 1000
PLACE = ("source_topic", "source_partition", "source_offset")
"""A worker that was killed decides some payments again, with equal decisions; one is shown."""

LOOKS = 3
"""A compaction may replace a file between listing and reading: then the day is listed again."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for; everything given must hold. Times are epoch ms, `until_ms` is not included."""

    transaction_id: str | None = None
    card: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    since_ms: int | None = None
    until_ms: int | None = None
    limit: int = 100

    def day_may_hold(self, file: LakeFile) -> bool:
        """Tell whether a file's day is within the time asked for."""
        starts_ms = datetime(file.day.year, file.day.month, file.day.day, tzinfo=UTC).timestamp() * 1000
        too_new = self.until_ms is not None and starts_ms >= self.until_ms
        return not too_new and (self.since_ms is None or starts_ms + 86_400_000 > self.since_ms)

    def conditions(self, schema: Mapping[str, pl.DataType]) -> pl.Expr:
        """Return what a row must fulfil; raises SetupError for a value that is no number where numbers are."""
        holds = [pl.lit(True)]
        if self.transaction_id is not None:
            holds.append(pl.col("transaction_id") == self.transaction_id)
        if self.card is not None:
            holds.append(pl.col("card") == self.card)
        if self.since_ms is not None:
            holds.append(pl.col("event_time") >= self.since_ms)
        if self.until_ms is not None:
            holds.append(pl.col("event_time") < self.until_ms)
        holds += [_equal(name, schema.get(name), value) for name, value in self.fields.items()]
        return pl.all_horizontal(holds)


async def find(lake: Lake, wanted: Wanted) -> list[dict[str, Any]]:
    """Return the payments that fit, newest first, at most `limit`; reads only the days that may hold some."""
    days: dict[str, None] = {}
    for file in reversed(await lake.files()):
        if wanted.day_may_hold(file):
            days[f"date={file.day}/"] = None
    found: list[dict[str, Any]] = []
    for prefix in days:
        if len(found) >= wanted.limit:
            break
        found += await _of_day(lake, prefix, wanted)
    return found[: wanted.limit]


async def _of_day(lake: Lake, prefix: str, wanted: Wanted) -> list[dict[str, Any]]:
    """Return the payments of a day, newest first."""
    for look in range(LOOKS):
        try:
            parts = [await _of_file(lake, file, wanted) for file in await lake.files(prefix)]
        except NoSuchObject:
            if look == LOOKS - 1:
                raise
            continue
        fitting = [part for part in parts if not part.is_empty()]
        if not fitting:
            break
        rows = pl.concat(fitting, how="diagonal").unique(subset=PLACE, keep="first", maintain_order=True)
        return rows.sort("event_time", descending=True, maintain_order=True).head(wanted.limit).to_dicts()
    return []


async def _of_file(lake: Lake, file: LakeFile, wanted: Wanted) -> pl.DataFrame:
    rows = await lake.read(file)
    return await asyncio.to_thread(lambda: rows.filter(wanted.conditions(rows.schema)))


def _equal(name: str, dtype: pl.DataType | None, value: str) -> pl.Expr:
    """Return whether a column, of which a file may have none, has a value given as text; lists hold it."""
    if dtype is None:
        return pl.lit(False)
    if isinstance(dtype, pl.List):
        return pl.col(name).list.contains(value)
    if dtype == pl.Boolean:
        return pl.col(name) == (value.lower() == "true")
    if not dtype.is_numeric():
        return pl.col(name) == value
    try:
        return pl.col(name) == float(value)
    except ValueError:
        raise SetupError(f"{name} is a number, and {value!r} is none") from None
