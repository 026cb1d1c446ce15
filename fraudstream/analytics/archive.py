"""The archive as the console asks it: one DuckDB in memory, with the labels loaded once and again whenever there are new ones."""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from fraudstream.adapters.archive.sql import read_parquet
from fraudstream.analytics.decided import Decided, Question
from fraudstream.analytics.files import ArchiveFiles, Days, Files
from fraudstream.analytics.newest_labels import ALWAYS_MS, ID, NEWEST
from fraudstream.domain.errors import FraudstreamError
from fraudstream.offline.label_report import LOOKS

T = TypeVar("T")

MEMORY, SPILLED = "1GB", "4GB"
"""What DuckDB may use, and what it may put into a temporary directory beside that."""

DOUBLED = "CREATE TABLE doubled (source_topic VARCHAR, source_partition INTEGER, source_offset BIGINT, source_number INTEGER, decision_offset BIGINT)"
LABELS = (
    "CREATE TABLE labels (transaction_id VARCHAR, is_fraud BOOLEAN, known_at BIGINT, label_offset BIGINT)"
)
NEWEST_LABELS = "CREATE TABLE newest_labels (id UBIGINT, is_fraud BOOLEAN, known_at BIGINT)"
LIMIT_S = 60.0
"""How long a question may take."""
TOO_LARGE = (
    "this asks for more than fits into memory: ask for fewer days, or group by something with fewer values"
)
TOO_LONG = f"this takes longer than {LIMIT_S:.0f} s: ask for fewer days"

ANSWERS = 64
"""How many answers are kept until files of their days, or labels, change."""


class TooMuch(FraudstreamError):
    """A question needs more memory or time than the console may use for it."""


class Archive:
    """Asks the archive at `place`. One question is answered at a time, in a thread."""

    def __init__(self, place: str, directory: Path, units: int) -> None:
        """`directory`: for copies of a bucket's files, and for what does not fit into memory; `units`: minor units of the amounts."""
        self.place = place
        self.files = ArchiveFiles(place, directory / "copies")
        self._units = units
        self._directory = directory
        self._thread = ThreadPoolExecutor(1, "analytics")
        self._labels: tuple[Path, ...] = ()
        self._looked_at: dict[date, tuple[Path, ...]] = {}
        """The files of each day that were searched for decisions made again."""
        self._columns: dict[tuple[Path, ...], dict[str, str]] = {}
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()

    @cached_property
    def _database(self) -> duckdb.DuckDBPyConnection:
        """Started by the first question, in the thread that answers; the pages of other rooms do not wait for it."""
        spilled = {"temp_directory": str(self._directory / "spilled"), "max_temp_directory_size": SPILLED}
        database = duckdb.connect(config={"memory_limit": MEMORY, **spilled})
        for table in (DOUBLED, LABELS, NEWEST_LABELS):
            database.execute(table)
        return database

    async def ask(self, question: Question, answer: Callable[[Decided], T], key: Hashable = None) -> T | None:
        """Return what `answer` makes of the decisions; None if there are no files of that time.

        With a `key` that names what is answered, the answer is kept. Raises TooMuch, FilterError.
        """
        days = Days.between(question.since_ms, question.until_ms)
        for look in range(LOOKS):
            files = await self.files.found(days)
            if not files.decisions:
                return None
            kept = None if key is None else (key, question, tuple(files.all_decisions), files.labels)
            if kept in self._answers:
                self._answers.move_to_end(kept)
                found: T = self._answers[kept]
                return found
            try:
                loop = asyncio.get_running_loop()
                found = await loop.run_in_executor(self._thread, self._answered, question, files, answer)
            except duckdb.IOException:
                if look == LOOKS - 1:
                    raise
                continue
            if kept is not None:
                self._answers[kept] = found
                if len(self._answers) > ANSWERS:
                    self._answers.popitem(last=False)
            return found
        return None

    def _answered(self, question: Question, files: Files, answer: Callable[[Decided], T]) -> T:
        limit = threading.Timer(LIMIT_S, self._database.interrupt)
        limit.start()
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._load_labels(files.labels)
            self._find_doubled(files)
            paths = tuple(files.all_decisions)
            doubled = self._database.execute("SELECT count(*) FROM doubled").fetchall()
            asked = Decided(
                self._database, paths, self._kinds(paths), self._units, question, doubled != [(0,)]
            )
            return answer(asked)
        except duckdb.OutOfMemoryException as error:
            raise TooMuch(TOO_LARGE) from error
        except duckdb.InterruptException as error:
            raise TooMuch(TOO_LONG) from error
        finally:
            limit.cancel()

    def _load_labels(self, paths: tuple[Path, ...]) -> None:
        """Load the labels of new files; all again if one that was loaded is gone, as after a compaction."""
        if paths == self._labels:
            return
        loaded = {*self._labels}
        again = not loaded <= {*paths}
        new = [path for path in paths if again or path not in loaded]
        columns = "transaction_id, is_fraud, known_at, label_offset"
        self._database.execute("BEGIN")
        try:
            if again:
                self._database.execute("DELETE FROM labels")
                self._database.execute("DELETE FROM newest_labels")
            if new:
                self._database.execute(f"INSERT INTO labels SELECT {columns} FROM {read_parquet(new)}")
            if again or not self._labels:
                self._database.execute(f"INSERT INTO newest_labels {NEWEST.format(until=ALWAYS_MS)}")
            elif new:
                self._database.execute(
                    f"CREATE OR REPLACE TEMP TABLE touched AS SELECT DISTINCT {ID} AS id FROM {read_parquet(new)}"
                )
                self._database.execute("DELETE FROM newest_labels WHERE id IN (SELECT id FROM touched)")
                only = f"{ALWAYS_MS} AND {ID} IN (SELECT id FROM touched)"
                self._database.execute(f"INSERT INTO newest_labels {NEWEST.format(until=only)}")
            self._database.execute("COMMIT")
        except duckdb.Error:
            self._database.execute("ROLLBACK")
            raise
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
  WHERE source_offset IN (SELECT source_offset FROM again) GROUP BY ALL HAVING count(*) > 1)
EXCEPT SELECT * FROM doubled"""
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
