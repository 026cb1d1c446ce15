"""The archive as the console asks it: one DuckDB in memory, with the labels loaded once and again whenever there are new ones."""

import asyncio
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

import duckdb

from fraudstream.adapters.archive.filters import FilterError
from fraudstream.analytics.decided import ALWAYS_MS, NEWEST, Decided, Question, read_parquet
from fraudstream.analytics.files import ArchiveFiles, Days, Files
from fraudstream.domain.errors import FraudstreamError
from fraudstream.domain.times import DAY_MS
from fraudstream.offline.label_report import LOOKS

T = TypeVar("T")

MEMORY = "1GB"
"""What DuckDB may use before it spills to a temporary directory."""

DOUBLED = "CREATE TABLE doubled (source_topic VARCHAR, source_partition INTEGER, source_offset BIGINT, source_number INTEGER, decision_offset BIGINT)"
LABELS = (
    "CREATE OR REPLACE TABLE labels AS SELECT transaction_id, is_fraud, known_at, label_offset FROM {files}"
)
NO_LABELS = "CREATE OR REPLACE TABLE labels (transaction_id VARCHAR, is_fraud BOOLEAN, known_at BIGINT, label_offset BIGINT)"
TOO_LARGE = "this asks for more than fits into memory: ask for fewer days"


class TooLarge(FraudstreamError):
    """A question needs more memory than the console may use for it."""


class Archive:
    """Asks the archive at `place`. One question is answered at a time, in a thread."""

    def __init__(self, place: str, copies: Path, units: int) -> None:
        self.place = place
        self._files = ArchiveFiles(place, copies)
        self._units = units
        self._database = duckdb.connect(config={"memory_limit": MEMORY})
        self._database.execute(DOUBLED)
        self._asking = threading.Lock()
        self._labels: tuple[Path, ...] | None = None
        self._looked_at: dict[date, tuple[Path, ...]] = {}
        """The files of each day that were searched for decisions made again."""
        self._columns: dict[tuple[Path, ...], dict[str, str]] = {}

    async def ask(self, question: Question, answer: Callable[[Decided], T]) -> T | None:
        """Return what `answer` makes of the decisions; None if there are no files of that time."""
        days = Days(_day(question.since_ms), _day(question.until_ms - 1))
        for look in range(LOOKS):
            files = await self._files.found(days)
            if not files.decisions:
                return None
            try:
                return await asyncio.to_thread(self._answered, question, files, answer)
            except duckdb.IOException:
                if look == LOOKS - 1:
                    raise
        return None

    async def days(self) -> list[date]:
        """Return the days that have payments, oldest first."""
        return list((await self._files.found(Days())).decisions)

    async def has_labels(self) -> bool:
        """Tell whether anything is known of any payment."""
        return bool((await self._files.found(Days())).labels)

    def _answered(self, question: Question, files: Files, answer: Callable[[Decided], T]) -> T:
        with self._asking:
            self._load_labels(files.labels)
            self._find_doubled(files)
            paths = tuple(files.all_decisions)
            any_doubled = self._database.execute("SELECT count(*) FROM doubled").fetchone()
            decided = Decided(
                self._database,
                paths,
                self._kinds(paths),
                self._units,
                question,
                bool(any_doubled and any_doubled[0]),
            )
            try:
                return answer(decided)
            except duckdb.OutOfMemoryException as error:
                raise TooLarge(TOO_LARGE) from error
            except duckdb.ConversionException as error:
                raise FilterError(f"a filter does not fit its column: {error}") from error

    def _load_labels(self, paths: tuple[Path, ...]) -> None:
        """Load the labels if other files have them than last time."""
        if paths == self._labels:
            return
        self._database.execute(LABELS.format(files=read_parquet(paths)) if paths else NO_LABELS)
        self._database.execute(f"CREATE OR REPLACE TABLE newest_labels AS {NEWEST.format(until=ALWAYS_MS)}")
        self._labels = paths

    def _find_doubled(self, files: Files) -> None:
        """Note which decisions of these days were made again, unless that is known."""
        new = {day: paths for day, paths in files.decisions.items() if self._looked_at.get(day) != paths}
        if not new:
            return
        paths = tuple(path for each in new.values() for path in each)
        number = (
            "source_number" if "source_number" in self._kinds(paths) else "NULL::INTEGER AS source_number"
        )
        place = f"source_topic, source_partition, source_offset, {number}"
        self._database.execute(
            f"""CREATE OR REPLACE TEMP TABLE again AS
SELECT * FROM (SELECT {place} FROM {read_parquet(paths)}) GROUP BY ALL HAVING count(*) > 1"""
        )
        self._database.execute(
            f"""INSERT INTO doubled
SELECT source_topic, source_partition, source_offset, source_number, unnest(list_sort(offsets)[2:]) FROM (
  SELECT source_topic, source_partition, source_offset, source_number, list(decision_offset) AS offsets
  FROM (SELECT {place}, decision_offset FROM {read_parquet(paths)})
  WHERE source_offset IN (SELECT source_offset FROM again) GROUP BY ALL HAVING count(*) > 1)"""
        )
        self._looked_at |= new

    def _kinds(self, paths: tuple[Path, ...]) -> dict[str, str]:
        """Return the columns of files with DuckDB's types."""
        if paths not in self._columns:
            if len(self._columns) > 64:
                self._columns.clear()
            told = self._database.execute(f"DESCRIBE SELECT * FROM {read_parquet(paths)}").fetchall()
            self._columns[paths] = {name: str(kind) for name, kind, *_ in told}
        return self._columns[paths]


def _day(time_ms: int) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + time_ms // DAY_MS)
