"""Asks the archive what a reviewer wants to know, within a time limit, and says what the answer lacks."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from fraudstream.adapters.archive.lake import LakeFile
from fraudstream.domain.errors import FraudstreamError
from fraudstream.domain.times import DAY_MS, date_of
from fraudstream.evidence.questions import Link, Totals, card_payments, decided_until, linked, totals
from fraudstream.evidence.small_files import SmallFiles, files_of
from fraudstream.evidence.unusual import Past

logger = logging.getLogger(__name__)

T = TypeVar("T")
FindFiles = Callable[[date, date], Awaitable[Sequence[Path]]]
"""From the first and the last day to the archive's files of these days, on this machine."""

LIMIT_S = 2.0
"""An answer takes 0.1 s on three million payments; a page waits no longer than this for one."""
HISTORY_DAYS, LINK_DAYS, DAYS_AFTER = 30, 7, 1
"""Days before the payment that is asked about, for its entity and for what is linked, and after it."""
LOOKS = 3
"""A compaction may replace a file between listing and reading: then the files are listed again."""
MERGED_EVERY_S = 60.0
MEMORY = "1GB"
"""What DuckDB may use before it writes to disk."""


class NoAnswer(FraudstreamError):
    """The archive cannot say it now; the sentence says why, for people."""


@dataclass(frozen=True, slots=True)
class History:
    """An entity's payments of the last days, the newest first, and until when decisions are archived; None: there are none."""

    payments: tuple[Past, ...] = ()
    archived_until_ms: int | None = None


NOTHING = Totals(0, 0)


@dataclass(frozen=True, slots=True)
class Links:
    """What other entities' payments share, and all payments of these days to compare with."""

    links: tuple[Link, ...] = ()
    totals: Totals = NOTHING


class Evidence:
    """Answers from the archive's files. `copies`: a directory for copies of small ones."""

    def __init__(self, find_files: FindFiles, copies: Path) -> None:
        self._find_files = find_files
        self._small_files = SmallFiles(copies)
        self._merging: asyncio.Task[None] | None = None
        self._merged_at = -MERGED_EVERY_S

    @cached_property
    def _database(self) -> duckdb.DuckDBPyConnection:
        """Started by the first question; whoever only reads other pages does not wait for it."""
        database = duckdb.connect(config={"memory_limit": MEMORY})
        database.execute("SET parquet_metadata_cache = true")
        return database

    async def history(
        self, entity: str, at_ms: int, names: Sequence[str], partition: int | None = None
    ) -> History:
        """Return an entity's payments of the days around a moment, with those of the columns `names` that the archive has.

        `partition`: where the entity's newest payment came from, if that is known. Raises NoAnswer.
        """
        since_ms, until_ms = at_ms - HISTORY_DAYS * DAY_MS, at_ms + DAYS_AFTER * DAY_MS

        def ask(database: duckdb.DuckDBPyConnection, files: Mapping[LakeFile, Path]) -> History:
            mine = of_partition(files, partition)
            payments = card_payments(database, list(mine.values()), entity, since_ms, until_ms, names)
            newest = max(file.day for file in files)
            last = [path for file, path in files.items() if file.day == newest]
            return History(tuple(payments), decided_until(database, last))

        return await self._asked(since_ms, until_ms, ask) or History()

    async def links(self, entity: str | None, at_ms: int, values: Mapping[str, Any]) -> Links:
        """Return what payments of other entities have in common with these values. Raises NoAnswer."""
        since_ms, until_ms = at_ms - LINK_DAYS * DAY_MS, at_ms + DAYS_AFTER * DAY_MS
        if not values:
            return Links()

        def ask(database: duckdb.DuckDBPyConnection, files: Mapping[LakeFile, Path]) -> Links:
            paths = list(files.values())
            found = linked(database, paths, entity, since_ms, until_ms, values)
            return Links(tuple(found), totals(database, paths, since_ms, until_ms))

        return await self._asked(since_ms, until_ms, ask) or Links()

    async def _asked(
        self,
        since_ms: int,
        until_ms: int,
        ask: Callable[[duckdb.DuckDBPyConnection, Mapping[LakeFile, Path]], T],
    ) -> T | None:
        """Return the answer; None if there are no files."""
        cursor = self._database.cursor()
        try:
            async with asyncio.timeout(LIMIT_S):
                for _ in range(LOOKS):
                    files = await self._files(since_ms, until_ms)
                    try:
                        return await asyncio.to_thread(ask, cursor, files) if files else None
                    except duckdb.IOException as error:
                        gone = error
                raise NoAnswer("the archive's files are being replaced; ask again") from gone
        except TimeoutError as error:
            raise NoAnswer(f"the archive did not answer within {LIMIT_S:.0f} seconds; ask again") from error
        except NoAnswer:
            raise
        except FraudstreamError as error:
            logger.warning("the archive cannot be read: %s", error)
            raise NoAnswer("the archive cannot be read now; the console's log says why") from error
        except duckdb.Error as error:
            logger.warning("the archive cannot be asked: %s", error)
            raise NoAnswer("the archive cannot answer this; the console's log says why") from error
        finally:
            # the thread goes on after a time-out, and is told to stop
            cursor.interrupt()

    async def _files(self, since_ms: int, until_ms: int) -> dict[LakeFile, Path]:
        found = files_of(await self._find_files(date_of(since_ms), date_of(until_ms)))
        now_s = asyncio.get_running_loop().time()
        if now_s - self._merged_at >= MERGED_EVERY_S and (self._merging is None or self._merging.done()):
            self._merged_at = now_s
            self._merging = asyncio.create_task(self._merge(found))
        return await asyncio.to_thread(self._small_files.together, found)

    async def _merge(self, files: Mapping[LakeFile, Path]) -> None:
        try:
            await asyncio.to_thread(self._small_files.merge, files)
        except OSError as error:
            # a compaction has just replaced some of them, or the disk is full: answers take longer, and are right
            logger.info("small files of the archive were not merged: %s", error)


def of_partition(files: Mapping[LakeFile, Path], partition: int | None) -> Mapping[LakeFile, Path]:
    """Return the files that may hold an entity of a partition: on days with as many partitions as on the newest day, that one's."""
    if partition is None or not files:
        return files
    last: dict[date, int] = {}
    for file in files:
        last[file.day] = max(last.get(file.day, 0), file.stream.partition)
    now = last[max(last)]
    return {
        file: path
        for file, path in files.items()
        if last[file.day] != now or file.stream.partition == partition
    }
