"""The weekly store on disk, for aggregates that outgrow memory: one SQLite file per midnight, shared by all workers.

A file is written as a draft and renamed when complete, so a reader never sees half a midnight, and all processes of a
machine share one page cache. By default the newest two are kept.
"""

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from fraudstream.adapters.weekly.files import CHECK_EVERY_S
from fraudstream.domain.errors import SetupError, WeeklyUnavailable
from fraudstream.domain.times import DAY_MS, moment_ms
from fraudstream.domain.weekly import MIDNIGHTS_KEPT, OnlineStore, Week, WeeklyAnswer, day_of
from fraudstream.domain.weekly_aggregates import NOTHING_DECLARED, WeeklyAggregates

SCHEMA = """
CREATE TABLE IF NOT EXISTS week (card TEXT PRIMARY KEY, payments INTEGER NOT NULL, mean_amount REAL NOT NULL{declared}) WITHOUT ROWID
"""
DECLARED = ", declared TEXT NOT NULL"
"""The parts of what the event type declares; only there if it declares something."""
LOOKUP = "SELECT * FROM week WHERE card IN (SELECT value FROM json_each(?))"
INSERT = "INSERT OR REPLACE INTO week VALUES (?, ?, ?{declared})"


class WeeklyDisk(OnlineStore):
    """Reads in a thread: a page that is not in memory must not stop the worker."""

    def __init__(
        self,
        directory: Path,
        check_every_s: float = CHECK_EVERY_S,
        kept: int = MIDNIGHTS_KEPT,
        weekly: WeeklyAggregates = NOTHING_DECLARED,
    ) -> None:
        """Files of another declaration than `weekly` have other names, and are as good as none."""
        self._directory = directory
        self._weekly = weekly
        self._schema = SCHEMA.format(declared=DECLARED if weekly.each else "")
        self._ending = f"{f'-{weekly.layout}' if weekly.layout else ''}.sqlite"
        self._kept = kept
        self._check_every_s = check_every_s
        self._checked_at = -float("inf")
        self._seen = -1
        self._open: dict[int, sqlite3.Connection] = {}
        self._lock = asyncio.Lock()

    async def connect(self) -> None:
        """Raise SetupError without a directory: it has to be created and filled first."""
        await self.describe()

    async def close(self) -> None:
        """Close all files."""
        async with self._lock:
            for connection in self._open.values():
                connection.close()
            self._open.clear()

    async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Return the weeks as of this midnight, or of one day before it if that is the newest."""
        async with self._lock:
            return await asyncio.to_thread(self._read, list(entities), midnight_ms)

    async def create(self) -> bool:
        """Make the directory."""
        there = self._directory.is_dir()
        self._directory.mkdir(parents=True, exist_ok=True)
        return not there

    async def describe(self) -> dict[str, Any]:
        """Return the directory and its size; raises SetupError if there is none."""
        self._require()
        size = sum(path.stat().st_size for path in self._files().values())
        return {"kind": "disk", "name": str(self._directory), "status": "Created", "bytes": size}

    async def nights(self, midnights_ms: Sequence[int]) -> dict[int, int]:
        """Return which of these midnights are there, and with how many entities each."""
        self._require()
        files = self._files()
        return {midnight: self._cards(files[midnight]) for midnight in midnights_ms if midnight in files}

    async def newest(self, midnight_ms: int) -> int | None:
        """Return the newest midnight that has a file, however old."""
        files = await asyncio.to_thread(self._files)
        return max((at for at in files if at <= midnight_ms), default=None)

    async def load(self, as_of_ms: int, weeks: Sequence[tuple[str, Week]]) -> None:
        """Write these entities into the draft of a midnight."""
        await asyncio.to_thread(self._write, as_of_ms, weeks)

    async def publish(self, as_of_ms: int, entities: int) -> None:
        """Rename the draft to its final name; raises SetupError unless it holds `entities` entities."""
        draft, place = self._draft(as_of_ms), self._place(as_of_ms)
        found = self._cards(draft)
        if found != entities:
            draft.unlink(missing_ok=True)
            raise SetupError(
                f"{draft} held {found} entities, not {entities}; load it again from the beginning"
            )
        draft.replace(place)
        for midnight in sorted(self._files())[: -self._kept]:
            if midnight != as_of_ms:
                self._place(midnight).unlink()

    def _read(self, entities: list[str], midnight_ms: int) -> WeeklyAnswer:
        try:
            self._look_for_news()
            night = next((at for at in (midnight_ms, midnight_ms - DAY_MS) if at in self._open), None)
            if night is None:
                return WeeklyAnswer()
            rows = self._open[night].execute(LOOKUP, (json.dumps(entities),))
            return WeeklyAnswer({row[0]: self._week(*row[1:]) for row in rows}, night)
        except (sqlite3.Error, OSError, ValueError) as error:
            raise WeeklyUnavailable(
                f"the weekly store in {self._directory} cannot be read: {error}"
            ) from error

    def _look_for_news(self) -> None:
        """Open what is new and close what is gone, if the directory has changed since the last look."""
        now = time.monotonic()
        if now - self._checked_at < self._check_every_s:
            return
        self._checked_at = now
        seen = self._directory.stat().st_mtime_ns
        if seen != self._seen:
            for connection in self._open.values():
                connection.close()
            self._open = {midnight: _reader(path) for midnight, path in self._files().items()}
            self._seen = seen

    def _write(self, as_of_ms: int, weeks: Sequence[tuple[str, Week]]) -> None:
        self._require()
        try:
            with self._writer(self._draft(as_of_ms)) as connection:
                connection.executemany(
                    INSERT.format(declared=", ?" if self._weekly.each else ""),
                    ((entity, *week[:2], *self._declared(week)) for entity, week in weeks),
                )
        except sqlite3.Error as error:
            raise WeeklyUnavailable(f"{self._draft(as_of_ms)} cannot be written: {error}") from error

    def _require(self) -> None:
        """Raise SetupError if the directory does not exist."""
        if not self._directory.is_dir():
            raise SetupError(
                f"there is no weekly store in {self._directory}; create it with: fraudstream store create"
            )

    def _week(self, payments: int, mean_amount: float, declared: str | None = None) -> Week:
        return Week(payments, mean_amount, self._weekly.read(declared) if declared else ())

    def _declared(self, week: Week) -> tuple[str, ...]:
        return (self._weekly.written(week.declared),) if self._weekly.each else ()

    def _draft(self, as_of_ms: int) -> Path:
        return self._directory / f".{day_of(as_of_ms)}{self._ending.removesuffix('.sqlite')}.draft"

    def _place(self, as_of_ms: int) -> Path:
        return self._directory / f"{day_of(as_of_ms)}{self._ending}"

    @contextlib.contextmanager
    def _writer(self, path: Path) -> Iterator[sqlite3.Connection]:
        """Yield a draft open for one transaction."""
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(self._schema)
            yield connection

    def _cards(self, path: Path) -> int:
        with self._writer(path) as connection:
            return int(connection.execute("SELECT count(*) FROM week").fetchone()[0])

    def _files(self) -> dict[int, Path]:
        """Return the files by midnight."""
        return {
            moment_ms(path.name.removesuffix(self._ending)): path
            for path in self._directory.glob(f"????-??-??{self._ending}")
        }


def _reader(path: Path) -> sqlite3.Connection:
    """Open a finished file, which nobody will ever write to."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, check_same_thread=False)
