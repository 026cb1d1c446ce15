"""What an archive says of a span of time: numbers, outcomes, rules and reasons, read a column and some files at a time."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from fraudstream.domain.distribution import Numbers
from fraudstream.domain.features.schema import EVENT_TIME, MODEL_VERSION, OUTCOME, REASONS, RULES

NO_RULE = "(no rule)"
DIGITS = r"-?\d[\d.,]*"
"""In reasons: amounts and counts, which are other in every one."""
FILES_AT_ONCE = 32


@dataclass(frozen=True)
class Span:
    """Archived decisions with an event time in [start_ms, end_ms)."""

    files: Sequence[Path]
    start_ms: int
    end_ms: int

    def numbers(self, name: str) -> Numbers:
        """Return a column as a model sees it, NaN where there is no number."""
        parts = [
            frame[name].cast(pl.Float32, strict=False).fill_null(np.nan).to_numpy()
            for frame in self._parts(name)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    @cached_property
    def payments(self) -> int:
        """How many there are."""
        return sum(frame.height for frame in self._parts(OUTCOME.name))

    def outcomes(self) -> Counter[str]:
        """Count the outcomes."""
        return self._counted(pl.col(OUTCOME.name), OUTCOME.name)

    def rules(self) -> Counter[str]:
        """Count how often each rule matched, and how often none did."""
        rules = pl.col(RULES.name)
        named = pl.when(rules.list.len() == 0).then(pl.lit([NO_RULE])).otherwise(rules).explode()
        return self._counted(named, RULES.name)

    def reasons(self) -> Counter[str]:
        """Count the reasons of alerts, without the numbers in them."""
        texts = pl.col(REASONS.name).explode().drop_nulls().str.replace_all(DIGITS, "…")
        return self._counted(texts, REASONS.name)

    def models(self) -> Counter[str]:
        """Count the model versions."""
        return self._counted(pl.col(MODEL_VERSION.name), MODEL_VERSION.name)

    def _counted(self, values: pl.Expr, name: str) -> Counter[str]:
        counts: Counter[str] = Counter()
        for frame in self._parts(name):
            found = frame.select(values.alias("value")).drop_nulls().group_by("value").len()
            counts.update(dict(found.iter_rows()))
        return counts

    def _parts(self, name: str) -> Iterator[pl.DataFrame]:
        """Yield a column of the span, some files at a time; files without it are left out."""
        there = [path for path in self.files if name in pl.read_parquet_schema(path)]
        inside = pl.col(EVENT_TIME.name).is_between(self.start_ms, self.end_ms, closed="left")
        for first in range(0, len(there), FILES_AT_ONCE):
            scans = [
                pl.scan_parquet(path, glob=False, hive_partitioning=False).filter(inside).select(name)
                for path in there[first : first + FILES_AT_ONCE]
            ]
            yield pl.concat(scans, how="vertical_relaxed").collect()
