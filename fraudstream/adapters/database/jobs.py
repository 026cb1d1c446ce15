"""Jobs: work that takes long, how far it has come, and that somebody wants it to end."""

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Engine, insert, select, update

from fraudstream.adapters.database.engine import said
from fraudstream.adapters.database.tables import JOBS
from fraudstream.domain.errors import FraudstreamError, SetupError

SILENT_MS = 60_000
"""A job that is running and has said nothing for so long was probably killed."""


class State(StrEnum):
    """What a job does."""

    RUNNING = "running"
    CANCELLING = "cancelling"
    """Somebody wants it to end; it does at its next heartbeat."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


GOING = (State.RUNNING, State.CANCELLING)


class Cancelled(FraudstreamError):
    """Somebody has cancelled the job."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was when it was read; the times are epoch milliseconds."""

    id: str
    kind: str
    title: str
    """What it is about, for people."""
    state: State
    progress: int
    total: int | None
    """What the progress counts up to; None: not known yet."""
    heartbeat: int
    """When it last said something."""
    started: int
    finished: int | None
    message: str
    """What became of it, or why it failed."""

    def silent(self, now_ms: int) -> bool:
        """Tell whether it should be running, and has said nothing for long."""
        return self.state in GOING and now_ms - self.heartbeat > SILENT_MS


class Jobs:
    """The jobs in the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def start(self, job_id: str, kind: str, title: str, total: int | None, progress: int = 0) -> "RunningJob":
        """Record that a job runs; one that was there before, ended or killed, runs again."""
        now_ms = _now_ms()
        row = {
            "kind": kind,
            "title": title,
            "state": State.RUNNING,
            "progress": progress,
            "total": total,
            "heartbeat": now_ms,
            "started": now_ms,
            "finished": None,
            "message": "",
        }
        with said(), self._engine.begin() as connection:
            done = connection.execute(update(JOBS).where(JOBS.c.id == job_id).values(row))
            if not done.rowcount:
                connection.execute(insert(JOBS).values(id=job_id, **row))
        return RunningJob(self._engine, job_id)

    def find(self, job_id: str) -> Job:
        """Return a job; raises SetupError if there is none."""
        with said(), self._engine.connect() as connection:
            row = connection.execute(select(JOBS).where(JOBS.c.id == job_id)).first()
        if row is None:
            raise SetupError(f"there is no job {job_id[:40]}; see: fraudstream jobs list")
        return _job(row._mapping)

    def all(self) -> list[Job]:
        """Return all jobs, the newest first."""
        with said(), self._engine.connect() as connection:
            rows = connection.execute(select(JOBS).order_by(JOBS.c.started.desc(), JOBS.c.id))
            return [_job(row._mapping) for row in rows]

    def cancel(self, job_id: str) -> Job:
        """Ask a job to end; one that is silent is cancelled at once. Raises SetupError if it has ended already."""
        job, now_ms = self.find(job_id), _now_ms()
        wanted: dict[str, Any] = {"state": State.CANCELLING}
        if job.silent(now_ms):
            wanted = {"state": State.CANCELLED, "finished": now_ms}
        going = (JOBS.c.id == job_id) & JOBS.c.state.in_(GOING)
        with said(), self._engine.begin() as connection:
            done = connection.execute(update(JOBS).where(going).values(wanted))
        job = self.find(job_id)
        if not done.rowcount:
            raise SetupError(f"the job {job_id} is {job.state} already")
        return job


class RunningJob:
    """The job of this process."""

    def __init__(self, engine: Engine, job_id: str) -> None:
        self._engine, self.id = engine, job_id

    def beat(self, progress: int) -> None:
        """Record how far it has come; raises Cancelled if somebody wants it to end."""
        with said(), self._engine.begin() as connection:
            state = connection.execute(select(JOBS.c.state).where(JOBS.c.id == self.id)).scalar()
            connection.execute(self._set({"progress": progress, "heartbeat": _now_ms()}))
        if state != State.RUNNING:
            raise Cancelled(f"the job {self.id} was cancelled")

    def end(self, state: State, message: str) -> None:
        """Record what became of it."""
        now_ms = _now_ms()
        ended = {"state": state, "message": message, "heartbeat": now_ms, "finished": now_ms}
        if state == State.DONE:
            ended["total"] = JOBS.c.progress
        with said(), self._engine.begin() as connection:
            connection.execute(self._set(ended))

    def _set(self, values: dict[str, Any]) -> Any:
        return update(JOBS).where(JOBS.c.id == self.id).values(values)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _job(row: object) -> Job:
    fields = dict(row)  # type: ignore[call-overload]
    return Job(**fields | {"state": State(fields["state"])})
