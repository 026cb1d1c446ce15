"""Explains one archived decision, or many at random: made again, compared, and what would have changed it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from fraudstream.backtest.payments import WAS, Reader
from fraudstream.backtest.reproducible import CAUSE, WEEK_AS_DECIDED, Reproducible
from fraudstream.backtest.source import Source
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.features.schema import (
    CARD,
    DECIDED_AT,
    DEGRADED,
    EVENT_TIME,
    MODEL_VERSION,
    OUTCOME,
    PROBABILITY,
    REASONS,
    RELEASE,
    RULES,
    RULESET_VERSION,
    SCORE,
    TRANSACTION_ID,
)
from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.explain.counterfactual import flips, told
from fraudstream.explain.detectors import Detectors
from fraudstream.explain.recomputed import DIFFERS, UNKNOWN, Again, differences, same, why

DECISION = (MODEL_VERSION, RULESET_VERSION, OUTCOME, PROBABILITY, SCORE, RULES, REASONS, DEGRADED, DECIDED_AT)
SHOWN = 10
"""Decisions that are not identical and are named."""


@dataclass(frozen=True)
class Explainer:
    """Explains decisions of an archive."""

    event_type: EventType
    source: Source
    detectors: Detectors
    partitions: int
    allowed_lateness_ms: int
    keys_since_ms: Sequence[int] = ()

    def one(self, transaction_id: str, time_ms: int, card: str | None) -> list[dict[str, Any]]:
        """Return the explanation of each decision on a payment; it was sent again if there are several."""
        start_ms = time_ms // DAY_MS * DAY_MS
        parts = replace(self.source, rows_at_once=1 << 62).slices(start_ms, start_ms + DAY_MS)
        found = []
        for part in parts:
            frame = self._reader.read(part, card)
            for detector, decided in self._again.decided(
                frame.filter(pl.col(TRANSACTION_ID.name) == transaction_id)
            ):
                found += [self._explained(row, detector) for row in decided.iter_slices(1)]
        return found

    def many(self, number: int, seed: int, on_slice: Callable[[int], None]) -> dict[str, Any]:
        """Decide so many random decisions again; return how many are identical, why others are not, and some of those."""
        compared = pl.concat([same(frames) for frames in self._sampled(number, seed, on_slice) if frames])
        other = compared.filter(~pl.col("identical"))
        return {
            "asked": compared.height,
            "identical": compared.height - other.height,
            "causes": dict(Counter(cause or "unexplained" for cause in other[CAUSE].to_list())),
            "examples": other.head(SHOWN).select(TRANSACTION_ID.name, CAUSE, DIFFERS).to_dicts(),
        }

    def _sampled(
        self, number: int, seed: int, on_slice: Callable[[int], None]
    ) -> Iterator[list[pl.DataFrame]]:
        """Yield randomly chosen decisions of each slice, decided again."""
        slices = self.source.slices(None, None)
        total = sum(part.rows for part in slices)
        chosen = np.sort(np.random.default_rng(seed).choice(total, min(number, total), replace=False))
        before = 0
        for part in slices:
            own = chosen[(chosen >= before) & (chosen < before + part.rows)] - before
            before += part.rows
            if len(own):
                frame = self._reader.read(part)
                yield [decided for _, decided in self._again.decided(frame[own[own < frame.height]])]
            on_slice(part.rows)

    def _explained(self, decided: pl.DataFrame, detector: Detector | None) -> dict[str, Any]:
        row = decided.row(0, named=True)
        differing = differences(row)
        identical = not differing and row[UNKNOWN] is None
        return {
            "transaction_id": row[TRANSACTION_ID.name],
            "card": row[CARD.name],
            "event_time": row[EVENT_TIME.name],
            "release": row[WAS + RELEASE.name],
            "decision": {column.name: row[WAS + column.name] for column in DECISION},
            "identical": identical,
            "compared": [] if detector is None else self._again.compared(detector),
            "differences": [each._asdict() for each in differing],
            "why": None if identical else why(row),
            "week_as_decided": row[WEEK_AS_DECIDED],
            "known": {name: row[name] for name in self._known(detector) if name in row},
            "would_change": None if detector is None or differing else self._would_change(decided, detector),
        }

    def _known(self, detector: Detector | None) -> tuple[str, ...]:
        features = () if detector is None else detector.model.features
        return tuple(
            dict.fromkeys((*self._reader.window, *self._reader.week, *features, *self.event_type.declared))
        )

    def _would_change(self, decided: pl.DataFrame, detector: Detector) -> list[dict[str, Any]] | None:
        """Return the smallest change of each feature that flips the outcome; None if the model cannot tell its thresholds."""
        thresholds = getattr(detector.model, "thresholds", None)
        found = None if thresholds is None else thresholds()
        return None if found is None else told(flips(decided, detector, found))

    @cached_property
    def _reader(self) -> Reader:
        if not self.source.is_archive:
            raise SetupError(
                f"{self.source.directory} is a history and not an archive: nothing in it was decided"
            )
        features = (*FEATURES, *self.event_type.declared)
        return Reader(
            self.event_type, self.partitions, self.allowed_lateness_ms, is_archive=True, features=features
        )

    @cached_property
    def _again(self) -> Again:
        reproducible = Reproducible(self._reader, midnight_ms(self.source.days[0]), self.keys_since_ms)
        return Again(self._reader, reproducible, self.detectors)
