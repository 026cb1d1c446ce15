"""Decides archived payments again, as they were decided: many at once, by the detectors that the archive names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from fraudstream.backtest.payments import WAS, Reader
from fraudstream.backtest.reproducible import CAUSE, CAUSES, Reproducible
from fraudstream.deciding.known import decide
from fraudstream.domain.detector import Detector
from fraudstream.domain.features.catalogue import published_features
from fraudstream.domain.features.schema import (
    AMOUNT,
    ANOMALY_SCORE,
    DEGRADED,
    FRAUD,
    MODEL_VERSION,
    OUTCOME,
    PASSED_RULES,
    PROBABILITY,
    PROPENSITY,
    REASONS,
    RELEASE,
    RULES,
    RULESET_VERSION,
    SCORE,
    SHADOW_RULES,
    TRANSACTION_ID,
)
from fraudstream.domain.weekly import LOWER_BOUND, MISSING, NO_ANSWER, STALE
from fraudstream.explain.detectors import Detectors, Lost, Named

NAMED = (RELEASE.name, MODEL_VERSION.name, RULESET_VERSION.name)
JUDGED_AGAIN = (
    PROBABILITY,
    SCORE,
    ANOMALY_SCORE,
    FRAUD,
    OUTCOME,
    RULES,
    REASONS,
    SHADOW_RULES,
    PASSED_RULES,
    PROPENSITY,
)
DIFFERS = "differs"
"""The column with the names of what is not the same."""
UNKNOWN = "unknown"
"""The column that says why a payment cannot be decided again; null if it can."""


class Difference(NamedTuple):
    """A value that is not what it was."""

    name: str
    then: object
    now: object


@dataclass(frozen=True)
class Again:
    """Decides payments of an archive again."""

    reader: Reader
    reproducible: Reproducible
    detectors: Detectors

    def decided(self, frame: pl.DataFrame) -> Iterator[tuple[Detector | None, pl.DataFrame]]:
        """Yield payments, those of one detector together, with `differs`, `unknown` and `cause`.

        `frame`: payments as the reader gives them.
        """
        known = self._as_then(self.reproducible.marked(frame.filter(~pl.col("conflict"))))
        if WAS + RELEASE.name not in known.columns:
            known = known.with_columns(pl.lit(None, pl.String).alias(WAS + RELEASE.name))
        for named, some in known.group_by([WAS + name for name in NAMED], maintain_order=True):
            detector = self.detectors.named(Named(*named))
            if isinstance(detector, Lost):
                nothing = pl.lit([], pl.List(pl.String)).alias(DIFFERS)
                yield None, some.with_columns(nothing, pl.lit(detector.why).alias(UNKNOWN))
            else:
                yield detector, self._compared(some, detector)

    def _as_then(self, known: pl.DataFrame) -> pl.DataFrame:
        """Return the payments with the weeks under which they were decided, if the store had none, or one of another night."""
        week, weekly = self.reader.week, self.reader.event_type.weekly
        if not week:
            return known
        nothing = dict.fromkeys(week, 0) | {column.name: column[0] for column in weekly.columns([()])}
        words = pl.col(WAS + DEGRADED.name)
        none = pl.any_horizontal(words.list.contains(word) for word in (MISSING, *NO_ANSWER))
        other = pl.any_horizontal(words.list.contains(word) for word in (STALE, LOWER_BOUND))
        return known.with_columns(
            pl.when(none)
            .then(pl.lit(nothing[name], known.schema[name]))
            .when(other)
            .then(pl.col(WAS + name).cast(known.schema[name]))
            .otherwise(name)
            .alias(name)
            for name in week
        )

    def _compared(self, known: pl.DataFrame, detector: Detector) -> pl.DataFrame:
        """Decide payments again, and name what is not the same."""
        decided = decide(known, detector)
        names = [
            name
            for name in self.compared(detector)
            if WAS + name in decided.columns and name in decided.columns
        ]
        differing = pl.concat_list(
            pl.when(~pl.col(name).eq_missing(pl.col(WAS + name))).then(pl.lit(name)) for name in names
        )
        return decided.with_columns(
            differing.list.drop_nulls().alias(DIFFERS), pl.lit(None, pl.String).alias(UNKNOWN)
        )

    def compared(self, detector: Detector) -> list[str]:
        """Return what is compared: windows, weeks, features, and what follows from them."""
        event_type = self.reader.event_type
        features = published_features(
            detector.model.features, event_type.entity is not None, event_type.declared
        )
        own = {AMOUNT.name, *event_type.columns}
        inputs = dict.fromkeys((*self.reader.window, *self.reader.week, *features))
        return [*(name for name in inputs if name not in own), *(column.name for column in JUDGED_AGAIN)]


def differences(row: dict[str, object]) -> list[Difference]:
    """Return what is not the same of one payment."""
    names = row[DIFFERS]
    assert isinstance(names, list)
    return [Difference(name, row[WAS + name], row[name]) for name in names]


def why(row: dict[str, object]) -> str | None:
    """Say why a payment is not decided as it was; None if nobody knows."""
    if row[UNKNOWN] is not None:
        return str(row[UNKNOWN])
    cause = row.get(CAUSE)
    return None if cause is None else f"such payments {CAUSES[str(cause)]}"


def same(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return id, whether it is identical, and the cause if not, of payments that were decided again."""
    columns = [
        pl.col(TRANSACTION_ID.name),
        ((pl.col(DIFFERS).list.len() == 0) & pl.col(UNKNOWN).is_null()).alias("identical"),
        pl.when(pl.col(UNKNOWN).is_not_null())
        .then(pl.lit("detector-lost"))
        .otherwise(pl.col(CAUSE))
        .alias(CAUSE),
        pl.col(DIFFERS),
    ]
    return pl.concat([frame.select(columns) for frame in frames])
