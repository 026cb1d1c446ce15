"""The report on drift: the newest days against training, and against the days before."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fraudstream.backtest.labelled import Labels
from fraudstream.backtest.source import Source
from fraudstream.domain.distribution import Counts, Distribution
from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.schema import EVENT_TIME, PROBABILITY
from fraudstream.domain.local_days import days_earlier_ms
from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.drift.comparing import ALPHA, POWER, SHIFT, Compared, compared
from fraudstream.drift.precision import WEEK_DAYS, precision_by_week, weeks_until
from fraudstream.drift.week import Span

Pair = tuple[str, Counts, Counts, float | None]
"""What is compared: its name, counts before and now in the same bins, and the share outside."""


@dataclass(frozen=True)
class Drift:
    """Compares the `days` up to `until_ms`, or to the archive's end, with training and with as many days before."""

    source: Source
    ranges: Mapping[str, Distribution]
    """Of the model's features and probability, as its manifest has them; empty if it has none."""
    model: str
    days: int = 7
    until_ms: int | None = None
    weeks: int = 8
    """Of the precision of rules."""
    zone: str = "UTC"
    """By whose clocks days are counted; one on which they change has 23 or 25 hours."""

    def report(self) -> dict[str, Any]:
        """Return the report; raises SetupError if there is nothing to compare."""
        end_ms = self.until_ms or self._end_ms()
        start_ms, earlier_ms, weeks_ms = (
            days_earlier_ms(end_ms, days, self.zone)
            for days in (self.days, 2 * self.days, self.weeks * WEEK_DAYS)
        )
        now, before = self._span(start_ms, end_ms), self._span(earlier_ms, start_ms)
        if not now.payments:
            raise SetupError(
                f"{self.source.directory} has no payments in the {self.days} days before that time"
            )
        training, week = list(self._training(now)), list(self._before(before, now))
        number = len(training) + len(week)
        against = {
            "training": [compared(*pair[:3], number, pair[3]) for pair in training],
            "before": [compared(*pair[:3], number, pair[3]) for pair in week],
        }
        return {
            "from_ms": now.start_ms,
            "until_ms": now.end_ms,
            "payments": now.payments,
            "payments_before": before.payments,
            "model": self.model,
            "models": dict(now.models()),
            "shift": SHIFT,
            "false_alarms": ALPHA,
            "power": POWER,
            **{name: [each.told() for each in found] for name, found in against.items()},
            "drifted": _named(against, True),
            "cannot_tell": _named(against, None),
            "why_no_training": None
            if self.ranges
            else f"the manifest of model {self.model} has no ranges; train again",
            "precision": precision_by_week(
                weeks_until(self._files(weeks_ms, end_ms), end_ms, self.weeks, self.zone),
                Labels(self.source.directory),
            ),
        }

    def _training(self, now: Span) -> Iterator[Pair]:
        """Yield bins of training and now."""
        for name, trained in self.ranges.items():
            values = now.numbers(name)
            if len(values):
                yield _pair(name, trained, trained.counted(values))

    def _before(self, before: Span, now: Span) -> Iterator[Pair]:
        """Yield bins of the days before and now."""
        names = [*self.ranges] or [PROBABILITY.name]
        for name in names:
            earlier, values = before.numbers(name), now.numbers(name)
            if len(earlier) and len(values):
                distribution = Distribution.of(earlier)
                yield _pair(name, distribution, distribution.counted(values))
        for what in ("outcomes", "rules", "reasons"):
            one, other = getattr(before, what)(), getattr(now, what)()
            if one and other:
                yield what, *_aligned(one, other), None

    def _span(self, start_ms: int, end_ms: int) -> Span:
        return Span(self._files(start_ms, end_ms), start_ms, end_ms)

    def _files(self, start_ms: int, end_ms: int) -> list[Path]:
        first, last = start_ms // DAY_MS, (end_ms - 1) // DAY_MS
        return [
            path
            for day, files in self.source.files.items()
            if first <= midnight_ms(day) // DAY_MS <= last
            for path in files
        ]

    def _end_ms(self) -> int:
        """Return the end of the newest archived payment."""
        files = self.source.files[self.source.days[-1]]
        newest = max(
            int(pl.scan_parquet(path, glob=False).select(pl.col(EVENT_TIME.name).max()).collect().item())
            for path in files
        )
        return newest + 1


def _pair(name: str, before: Distribution, now: Counts) -> Pair:
    return name, before.bins, now, float((now[0] + now[-2]) / max(1, now.sum()))


def _aligned(one: Counter[str], other: Counter[str]) -> tuple[Counts, Counts]:
    """Return counts of the same names."""
    names = [*dict.fromkeys([*one, *other])]
    before, now = (np.array([counts[name] for name in names], np.int64) for counts in (one, other))
    return before, now


def _named(against: Mapping[str, list[Compared]], drifted: bool | None) -> list[str]:
    return [
        f"{each.name} ({name})"
        for name, found in against.items()
        for each in found
        if each.drifted is drifted
    ]
