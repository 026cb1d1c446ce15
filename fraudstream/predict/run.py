"""Predicts files: slice by slice through the worker's decider; what is finished is kept, and not done again."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from fraudstream.adapters.database.jobs import Cancelled, Jobs, RunningJob, State
from fraudstream.domain.errors import FraudstreamError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import OUTCOME
from fraudstream.domain.weekly import NoWeeks, WeeklyStore
from fraudstream.notebook.decisions import REFUSED, FrameDecider
from fraudstream.notebook.reading import Read
from fraudstream.predict.activity import FileActivity
from fraudstream.predict.columns import Writer
from fraudstream.predict.detectors import Chosen
from fraudstream.predict.directory import Directory, Made, content_of
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
    slices: int = 0

    @property
    def decided(self) -> int:
        """How many rows have a decision."""
        return self.rows - self.refused

    def add(self, summary: Mapping[str, Any]) -> None:
        """Add a slice."""
        self.slices += 1
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

    def run(
        self,
        directory: Directory,
        jobs: Jobs,
        title: str,
        advance: Callable[[int], None],
        engine: "Engine | None" = None,
    ) -> Predicted:
        """Make the file; raises Cancelled if somebody cancels the job. What is finished then is kept, whichever engine goes on."""
        done = Predicted(directory.job)
        activity = FileActivity(self.event_type.windows, self.allowed_lateness_ms)
        finished = directory.finished()
        for number, summary in enumerate(finished):
            done.add(summary)
            activity.remember(directory.changes(number))
        done.taken_over = done.rows
        advance(done.rows)
        job = jobs.start(directory.job, KIND, title, self.files.total, done.rows)
        work = Work(self, activity, len(finished), directory.is_csv, lambda: job.beat(done.rows))
        try:
            asyncio.run(self._kept(directory, (engine or in_this_process)(work), job, done, advance))
            directory.finish(done.slices, self.writer(self.files.schema.to_frame(), self.nothing()))
        except Cancelled:
            job.end(State.CANCELLED, f"cancelled after {done.rows:,} rows")
            raise
        except (FraudstreamError, OSError, KeyboardInterrupt) as error:
            job.end(State.FAILED, str(error) or type(error).__name__)
            raise
        job.end(State.DONE, done.sentence())
        return done

    def decider(self, activity: FileActivity) -> FrameDecider:
        """Return what decides, knowing what is remembered."""
        return FrameDecider(self.chosen.detector, self.event_type, self.allowed_lateness_ms, activity)

    def nothing(self) -> pl.DataFrame:
        """Return the columns of decisions, without rows."""
        activity = FileActivity(self.event_type.windows, self.allowed_lateness_ms)
        return self.decider(activity).decide(Read(), 0, NoWeeks())

    def made(self, part: Slice, decided: pl.DataFrame, changes: bytes, *, is_csv: bool) -> Made:
        """Return a slice as it is kept, from its decisions."""
        reasons = Counter(why.partition(":")[0] for why in decided[REFUSED].drop_nulls().to_list())
        outcomes = Counter(decided[OUTCOME.name].drop_nulls().to_list())
        summary = {"rows": part.rows.height, "outcomes": dict(outcomes), "reasons": dict(reasons)}
        rows = content_of(self.writer(part.rows, decided), is_csv=is_csv)
        return Made(part.number, rows, changes, summary)

    async def _kept(
        self,
        directory: Directory,
        slices: "AsyncGenerator[Made]",
        job: RunningJob,
        done: Predicted,
        advance: Callable[[int], None],
    ) -> None:
        async with aclosing(slices):
            async for made in slices:
                directory.keep(made)
                done.add(made.summary)
                job.beat(done.rows)
                advance(made.summary["rows"])


class Work(NamedTuple):
    """What an engine is told."""

    prediction: Prediction
    activity: FileActivity
    """What is remembered of the slices that are finished."""
    skipped: int
    """How many of them there are."""
    is_csv: bool
    beat: Callable[[], None]
    """Says that the job runs; raises Cancelled."""


Engine = Callable[[Work], AsyncGenerator[Made]]
"""Decides the other slices, and yields them in order."""


async def in_this_process(work: Work) -> AsyncGenerator[Made]:
    """Decide one slice after the other."""
    prediction, weekly = work.prediction, work.prediction.weekly
    decider = prediction.decider(work.activity)
    await weekly.connect()
    try:
        for part in prediction.files.slices(work.skipped):
            decided = await decider.decided(prediction.rows.events(part), part.rows.height, weekly)
            yield prediction.made(part, decided, work.activity.changes(), is_csv=work.is_csv)
    finally:
        await weekly.close()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
