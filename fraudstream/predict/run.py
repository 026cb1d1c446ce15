"""Predicts files: slice by slice through the worker's decider; what is finished is kept, and not done again."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from fraudstream.adapters.database.jobs import Cancelled, Jobs, RunningJob, State
from fraudstream.domain.errors import FraudstreamError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import OUTCOME
from fraudstream.domain.weekly import WeeklyStore
from fraudstream.notebook.decisions import REFUSED, FrameDecider
from fraudstream.notebook.reading import Read
from fraudstream.predict.activity import FileActivity
from fraudstream.predict.columns import Writer
from fraudstream.predict.detectors import Chosen
from fraudstream.predict.directory import Directory
from fraudstream.predict.events import Rows
from fraudstream.predict.slices import Files, Slice

KIND = "predict"


@dataclass(slots=True)
class Predicted:
    """What was made."""

    job: str
    rows: int = 0
    refused: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """Why rows were refused, in the words of dead letters."""
    taken_over: int = 0
    """Rows that an earlier run had finished."""

    @property
    def decided(self) -> int:
        """How many rows have a decision."""
        return self.rows - self.refused

    def add(self, summary: dict[str, Any]) -> None:
        """Add a slice."""
        self.rows += summary["rows"]
        self.refused += sum(summary["reasons"].values())
        self.outcomes.update(summary["outcomes"])
        self.reasons.update(summary["reasons"])

    def sentence(self) -> str:
        """Say it."""
        return f"{self.rows:,} rows, {self.decided:,} decided, {self.refused:,} refused"


@dataclass(frozen=True)
class Prediction:
    """Files, what their columns mean, and what decides their events."""

    files: Files
    rows: Rows
    chosen: Chosen
    event_type: EventType
    allowed_lateness_ms: int
    weekly: WeeklyStore
    writer: Writer

    def run(self, directory: Directory, jobs: Jobs, title: str, advance: Callable[[int], None]) -> Predicted:
        """Make the file; raises Cancelled if somebody cancels the job. What is finished then is kept."""
        done = Predicted(directory.job)
        activity = FileActivity(self.event_type.windows, self.allowed_lateness_ms)
        finished = directory.finished()
        for number, summary in enumerate(finished):
            done.add(summary)
            activity.remember(directory.changes(number))
        done.taken_over = done.rows
        advance(done.rows)
        job = jobs.start(directory.job, KIND, title, self.files.total, done.rows)
        try:
            asyncio.run(self._go_on(directory, job, done, activity, len(finished), advance))
        except Cancelled:
            job.end(State.CANCELLED, f"cancelled after {done.rows:,} rows")
            raise
        except (FraudstreamError, OSError, KeyboardInterrupt) as error:
            job.end(State.FAILED, str(error) or type(error).__name__)
            raise
        job.end(State.DONE, done.sentence())
        return done

    async def _go_on(
        self,
        directory: Directory,
        job: RunningJob,
        done: Predicted,
        activity: FileActivity,
        skipped: int,
        advance: Callable[[int], None],
    ) -> None:
        decider = FrameDecider(self.chosen.detector, self.event_type, self.allowed_lateness_ms, activity)
        slices = skipped
        await self.weekly.connect()
        try:
            for part in self.files.slices(skipped):
                made, summary = await self._decided(part, decider)
                directory.keep(part.number, made, activity.changes(), summary)
                done.add(summary)
                slices += 1
                job.beat(done.rows)
                advance(part.rows.height)
            nothing = await decider.decided(Read(), 0, self.weekly)
        finally:
            await self.weekly.close()
        directory.finish(slices, self.writer(self.files.schema.to_frame(), nothing))

    async def _decided(self, part: Slice, decider: FrameDecider) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Return the rows of the output, and what is in them."""
        decided = await decider.decided(self.rows.events(part), part.rows.height, self.weekly)
        reasons = Counter(why.partition(":")[0] for why in decided[REFUSED].drop_nulls().to_list())
        outcomes = Counter(decided[OUTCOME.name].drop_nulls().to_list())
        summary = {"rows": part.rows.height, "outcomes": dict(outcomes), "reasons": dict(reasons)}
        return self.writer(part.rows, decided), summary


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
