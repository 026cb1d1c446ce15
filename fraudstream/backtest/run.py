"""Runs a backtest: every slice through the same `decide` as a worker, counted, compared and forgotten."""

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import polars as pl

from fraudstream.adapters.in_order import in_order
from fraudstream.backtest.candidate import Candidate
from fraudstream.backtest.changes import Changes, Explained
from fraudstream.backtest.labelled import NOW, THEN, Labels
from fraudstream.backtest.payments import WAS, Reader
from fraudstream.backtest.reproducible import CAUSE, CAUSES, WEEK_AS_DECIDED, Reproducible
from fraudstream.backtest.source import Slice, Source
from fraudstream.backtest.tally import Tally
from fraudstream.deciding.known import decide
from fraudstream.domain.detector import Detector
from fraudstream.domain.events.amounts import units_of
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import (
    AMOUNT,
    CENTS,
    EVENT_TIME,
    INSIGHT_SCORE,
    OUTCOME,
    PROBABILITY,
    REASONS,
    RULES,
    SCORE,
    SCORED,
    TRANSACTION_ID,
)
from fraudstream.domain.times import DAY_MS, midnight_ms

DECIDED_AT_ONCE = 1 << 18
SLICES_AT_ONCE = 2
"""While one is decided, another is read; memory holds so many."""

DECISION = (OUTCOME.name, SCORE.name, PROBABILITY.name, RULES.name)
PREDICTED = (TRANSACTION_ID.name, EVENT_TIME.name, *DECISION, CAUSE)
"""The columns of the file with every payment's decision."""


class Done(NamedTuple):
    """What comes of a slice."""

    rows: int
    """How many payments lie in it, also those that do not count."""
    counted: "Counted"
    predicted: pl.DataFrame | None
    """Every payment's decision, if they are asked for."""


Engine: TypeAlias = Callable[[Callable[[Slice], Done], Sequence[Slice]], Generator[Done]]
"""Works on slices wherever it likes, and yields what comes of each, in order."""


@dataclass(frozen=True)
class Backtest:
    """What is tested on which payments; `champion` is None if the archive says what was decided."""

    event_type: EventType
    source: Source
    candidate: Candidate
    champion: Candidate | None
    partitions: int = 1
    allowed_lateness_ms: int = 0
    since_ms: int | None = None
    until_ms: int | None = None
    capacity: int | None = None
    label_delay_ms: int = 0
    keys_since_ms: Sequence[int] = ()
    out: Path | None = None
    """A directory for every payment's decision."""

    def run(
        self, on_slice: Callable[[int], None] = lambda rows: None, engine: Engine | None = None
    ) -> dict[str, Any]:
        """Return the report; raises SetupError. `on_slice` takes the payments of each slice that is done."""
        counted = self._nothing_counted()
        slices = self.source.slices(self.since_ms, self.until_ms)
        seen = 0
        with closing((engine or in_threads)(self.work_on, slices)) as every:
            for number, (part, done) in enumerate(zip(slices, every, strict=True)):
                seen += done.rows
                counted.add_counted(done.counted)
                if self.out is not None and done.predicted is not None:
                    done.predicted.write_parquet(self.out / f"{number:06}.parquet")
                on_slice(part.rows)
        whole = self.since_ms is None and self.until_ms is None
        unseen = sum(self.source.rows.values()) - seen if whole else None
        return {**self._told(counted), "repeated": seen - counted.payments, "in_no_slice": unseen}

    def work_on(self, part: Slice) -> Done:
        """Count a slice."""
        rows, decided = self._decided(part)
        counted = self._nothing_counted()
        counted.add(decided, self._reasons)
        predicted = None
        if self.out is not None:
            predicted = decided.select(name for name in PREDICTED if name in decided.columns)
        return Done(rows, counted, predicted)

    def _nothing_counted(self) -> "Counted":
        return Counted(self.candidate.detector, self.champion)

    def _decided(self, part: Slice) -> tuple[int, pl.DataFrame]:
        """Return how many payments lie in a slice, and those that count with both decisions and labels: none twice."""
        frame = self._reader.read(part)
        rows = frame.height
        frame = self._reproducible.marked(frame.filter(~pl.col("conflict") & pl.col("counted")))
        frame = Labels(self.source.directory, self.label_delay_ms).added_to(frame)
        parts = [self._both(some) for some in frame.iter_slices(DECIDED_AT_ONCE)]
        return rows, pl.concat(parts or [self._both(frame)])

    def _both(self, known: pl.DataFrame) -> pl.DataFrame:
        """Add the champion's decision, if the archive does not have it, and the candidate's."""
        if self.champion is not None:
            was = decide(known, self.champion.detector, reasons=False).select(DECISION)
            known = known.hstack(was.rename(lambda name: WAS + name))
        return decide(known, self.candidate.detector, reasons=False)

    def _reasons(self, decided: pl.DataFrame) -> pl.Series:
        """Return the candidate's reasons for some payments that it has decided."""
        made = {
            column.name
            for column in (AMOUNT, *SCORED, INSIGHT_SCORE, *self.candidate.detector.ruleset.judge_of.columns)
        }
        made |= {feature.name for feature in self.event_type.derived}
        return decide(decided.drop(made, strict=False), self.candidate.detector)[REASONS.name]

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.event_type, self.partitions, self.allowed_lateness_ms, self.source.is_archive)

    @cached_property
    def _reproducible(self) -> Reproducible:
        return Reproducible(self._reader, midnight_ms(self.source.days[0]), self.keys_since_ms)

    def _told(self, counted: "Counted") -> dict[str, Any]:
        units = units_of(self.event_type.money.decimals)
        return {
            "event_type": self.event_type.name,
            "source": "archive" if self.source.is_archive else "history",
            "candidate": self.candidate.told(),
            "champion": "as archived" if self.champion is None else self.champion.told(),
            "payments": counted.payments,
            "compared": counted.changes.compared,
            "not_compared": {
                cause: {"payments": counted.causes[cause], "why": why}
                for cause, why in CAUSES.items()
                if counted.causes[cause]
            },
            "weeks_as_decided": counted.weeks_as_decided,
            "labels": {
                "then_delay_days": self.label_delay_ms / DAY_MS,
                "of_a_time": bool(Labels(self.source.directory).files),
            },
            "candidate_figures": counted.candidate.told(units, self.capacity),
            "champion_figures": counted.champion.told(units, self.capacity),
            **counted.changes.told(units),
        }


class Counted:
    """What is added up over payments, and over slices."""

    def __init__(self, candidate: Detector, champion: Candidate | None) -> None:
        self.payments = 0
        self.causes: Counter[str] = Counter()
        self.weeks_as_decided = 0
        self.candidate = Tally(_names(candidate))
        self.champion = Tally([] if champion is None else _names(champion.detector))
        self.changes = Changes()

    def add_counted(self, other: "Counted") -> None:
        """Add what was counted elsewhere, of later payments."""
        self.payments += other.payments
        self.causes.update(other.causes)
        self.weeks_as_decided += other.weeks_as_decided
        self.candidate.add_counted(other.candidate)
        self.champion.add_counted(other.champion)
        self.changes.add_counted(other.changes)

    def add(self, decided: pl.DataFrame, explained: Explained) -> None:
        """Add the payments of a slice."""
        self.payments += decided.height
        causes = decided[CAUSE].drop_nulls().value_counts()
        self.causes.update(dict(causes.iter_rows()))
        compared = decided.filter(pl.col(CAUSE).is_null())
        self.weeks_as_decided += int(compared[WEEK_AS_DECIDED].sum())
        self.candidate.add(compared)
        was = [pl.col(WAS + column.name).alias(column.name) for column in (OUTCOME, RULES)]
        self.champion.add(compared.select(CENTS.name, EVENT_TIME.name, NOW, THEN, *was))
        self.changes.add(compared, explained)


def _names(detector: Detector) -> list[str]:
    return [rule.name for rule in detector.ruleset.rules]


def in_threads(work: Callable[[Slice], Done], slices: Sequence[Slice]) -> Generator[Done]:
    """Work on some slices at a time."""
    with ThreadPoolExecutor(SLICES_AT_ONCE) as pool:
        yield from in_order(lambda part: pool.submit(work, part), slices, SLICES_AT_ONCE)
