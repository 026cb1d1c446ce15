"""What became of each file: one row a content and action, in SQLite, durable before anything that depends on it happens."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from fraudstream.adapters.inbox.place import Found
from fraudstream.domain.errors import FraudstreamError, SetupError


class RecordsUnavailable(FraudstreamError):
    """The file is locked for long, or the disk is full."""

    later = True


class State(StrEnum):
    """What a file is."""

    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    SET_ASIDE = "set-aside"


SETTLED = frozenset({State.DONE, State.SET_ASIDE})
"""Nothing happens to such a file by itself."""


@dataclass(frozen=True, slots=True)
class Record:
    """A file and what became of it. Times are ISO 8601 in UTC."""

    place: str
    action: str
    name: str
    sha256: str
    size: int
    etag: str
    """S3's, or size, time of change and inode of a file."""
    state: State
    attempts: int
    started: str
    finished: str | None = None
    outcome: dict[str, Any] | None = None
    """What the action made."""
    reason: str | None = None
    """Why it is waiting or set aside."""
    retry_at: str | None = None

    def described(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**asdict(self), "state": self.state.value}


TABLE = """
CREATE TABLE IF NOT EXISTS files (
    place TEXT NOT NULL, action TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
    etag TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, started TEXT NOT NULL, finished TEXT,
    outcome TEXT, reason TEXT, retry_at TEXT, PRIMARY KEY (place, action, name, sha256)
)"""
COLUMNS = (
    "place", "action", "name", "sha256", "size", "etag", "state", "attempts", "started", "finished", "outcome", "reason",
    "retry_at",
)  # fmt: skip
SELECT = f"SELECT {', '.join(COLUMNS)} FROM files"  # noqa: S608 - our own names
REPLACE = f"INSERT OR REPLACE INTO files ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
BUSY_S = 30.0


def utc_now() -> datetime:
    """Return the time by this machine's clock."""
    return datetime.now(UTC)


class Records:
    """All records of a data directory."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file
        with self._connected() as connection:
            connection.execute(TABLE)

    def of_stamp(self, place: str, action: str, found: Found) -> Record | None:
        """Return the record of a file that has not changed since."""
        where = "place = ? AND action = ? AND name = ? AND etag = ?"
        return self._one(where, (place, action, found.name, found.stamp))

    def begin(self, place: str, action: str, found: Found, sha256: str) -> Record:
        """Note that a file's action begins, which is an attempt more; one that is settled stays as it is."""
        before = self._one(
            "place = ? AND action = ? AND name = ? AND sha256 = ?", (place, action, found.name, sha256)
        )
        if before is not None and before.state in SETTLED:
            return self._write(replace(before, etag=found.stamp))
        return self._write(
            Record(
                place,
                action,
                found.name,
                sha256,
                found.size,
                found.stamp,
                State.RUNNING,
                (0 if before is None else before.attempts) + 1,
                _text(utc_now()),
            )
        )

    def done(self, record: Record, outcome: dict[str, Any]) -> Record:
        """Note what the action made."""
        return self._write(
            replace(record, state=State.DONE, finished=_text(utc_now()), outcome=outcome, reason=None)
        )

    def set_aside(self, record: Record, reason: str) -> Record:
        """Note that it is not tried again."""
        return self._write(replace(record, state=State.SET_ASIDE, finished=_text(utc_now()), reason=reason))

    def wait(self, record: Record, reason: str, delay_s: float, *, counts: bool) -> Record:
        """Note that it is tried again after a while; `counts`: whether this try was an attempt."""
        retry_at = _text(utc_now() + timedelta(seconds=delay_s))
        attempts = record.attempts if counts else record.attempts - 1
        return self._write(
            replace(record, state=State.WAITING, attempts=attempts, reason=reason, retry_at=retry_at)
        )

    def again(self, name: str) -> list[Record]:
        """Let files of this name that were set aside be tried anew; raises SetupError if there is none."""
        found = [record for record in self.all() if record.name == name and record.state is State.SET_ASIDE]
        if not found:
            raise SetupError(f"no file {name} is set aside; see: fraudstream inbox list")
        return [
            self._write(replace(record, state=State.WAITING, attempts=0, retry_at=None, finished=None))
            for record in found
        ]

    def all(self) -> list[Record]:
        """Return all records, the newest last."""
        with self._connected() as connection:
            rows = connection.execute(f"{SELECT} ORDER BY started, name")
            return [_record(row) for row in rows]

    def _one(self, where: str, values: tuple[str, ...]) -> Record | None:
        with self._connected() as connection:
            row = connection.execute(
                f"{SELECT} WHERE {where} ORDER BY started DESC LIMIT 1", values
            ).fetchone()
        return None if row is None else _record(row)

    def _write(self, record: Record) -> Record:
        values = [*asdict(record).values()]
        values[COLUMNS.index("outcome")] = None if record.outcome is None else json.dumps(record.outcome)
        values[COLUMNS.index("state")] = record.state.value
        with self._connected() as connection:
            connection.execute(REPLACE, values)
        return record

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection, and commit: when it returns, the change is on the disk."""
        try:
            with closing(sqlite3.connect(self._file, timeout=BUSY_S)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                with connection:
                    yield connection
        except sqlite3.OperationalError as error:
            raise RecordsUnavailable(f"the records in {self._file} cannot be used now: {error}") from error
        except sqlite3.DatabaseError as error:
            raise SetupError(
                f"{self._file} is not what an inbox has written ({error}); restore it from a backup, or move it away: then "
                "all files are new"
            ) from error


def _record(row: tuple[Any, ...]) -> Record:
    values = dict(zip(COLUMNS, row, strict=True))
    outcome = None if values["outcome"] is None else json.loads(values["outcome"])
    return Record(**{**values, "state": State(values["state"]), "outcome": outcome})


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
