"""Runs queries, each in a process of its own, and kills it at the time limit."""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fraudstream.analytics.decided import Question
from fraudstream.analytics.files import Files
from fraudstream.domain.errors import FraudstreamError

logger = logging.getLogger(__name__)

ROWS_MAX = 50_000
BYTES_MAX = 20_000_000
"""Of a result as JSON."""
AT_ONCE = 2
CHILD = "fraudstream.console.query.child"
KEPT = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV")
"""Variables of the environment that the process has: none of ours, and no credentials."""


class QueryFailed(FraudstreamError):
    """A query has no result; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a query has found. `cut`: there would have been more."""

    columns: Sequence[tuple[str, str]]
    """Name and type."""
    rows: Sequence[Sequence[Any]]
    cut: bool
    took_ms: int

    @property
    def dicts(self) -> list[dict[str, Any]]:
        """The rows by name."""
        names = [name for name, _ in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


@dataclass
class Queries:
    """Runs at most two at a time. `limit_s`: after which a query is killed."""

    limit_s: float
    _running: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _tables: dict[tuple[Path, ...], dict[str, list[tuple[str, str]]]] = field(default_factory=dict)

    async def run(self, sql: str, files: Files, days: Question) -> Result:
        """Return what a query selects from some files, of which there are the payments of these days; raises QueryFailed."""
        begun_s = time.monotonic()
        answer = await self._asked(sql, files, days)
        took_ms = round((time.monotonic() - begun_s) * 1000)
        columns = [(name, kind) for name, kind in answer["columns"]]
        return Result(columns, answer["rows"], answer["cut"], took_ms)

    async def tables(self, files: Files) -> dict[str, list[tuple[str, str]]]:
        """Return the columns of each table, name and type; kept until there are other files."""
        key = (*files.all_decisions, *files.labels)
        if key not in self._tables:
            self._tables = {key: (await self._asked(None, files, Question(0, 0)))["tables"]}
        return self._tables[key]

    async def _asked(self, sql: str | None, files: Files, days: Question) -> dict[str, Any]:
        request = {
            "sql": sql,
            "decisions": [str(path.absolute()) for path in files.all_decisions],
            "labels": [str(path.absolute()) for path in files.labels],
            "since_ms": days.since_ms,
            "until_ms": days.until_ms,
            "zone": days.zone,
            "rows_max": ROWS_MAX,
            "bytes_max": BYTES_MAX,
        }
        try:
            await asyncio.wait_for(self._running.acquire(), self.limit_s)
        except TimeoutError:
            raise QueryFailed("too many queries run at once; try again in a moment") from None
        try:
            answer = await self._in_child(json.dumps(request).encode())
        finally:
            self._running.release()
        if "error" in answer:
            raise QueryFailed(answer["error"])
        return answer

    async def _in_child(self, request: bytes) -> dict[str, Any]:
        """Return what the process answers; it never outlives this call."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            CHILD,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name in KEPT},
            start_new_session=True,
        )
        try:
            output, said = await asyncio.wait_for(process.communicate(request), self.limit_s)
        except TimeoutError:
            raise QueryFailed(
                f"the query took longer than {self.limit_s:g} s and was stopped: ask for fewer days, or for less"
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            logger.warning(
                "a query's process ended with %d: %s",
                process.returncode,
                said.decode(errors="replace")[-2000:],
            )
            raise QueryFailed("the query was stopped: it needed more memory than there is for one")
        answer: dict[str, Any] = json.loads(output)
        return answer
