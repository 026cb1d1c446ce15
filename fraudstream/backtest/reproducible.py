"""What an archive cannot reproduce: payments that are compared with nothing, and why.

The archive says of every decision what its windows and its week were. What is computed anew from the archived payments has
to be the same, to the last bit; where it is not, a comparison of two detectors would compare two inputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from fraudstream.backtest.payments import WAS, Reader
from fraudstream.domain.degraded import LATE, ROTATED, WARMING
from fraudstream.domain.features.schema import DEGRADED, EVENT_TIME
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.tokens import Tokenizer
from fraudstream.domain.weekly import LOWER_BOUND, MISSING, NO_ANSWER, STALE

CAUSE = "cause"
"""The column that says why a payment is not compared; null if it is."""

WEEK_MISSING = "week-missing"
WINDOW_BEFORE = "window-before-archive"
KEYS_CHANGED = "token-keys-changed"
DECLARED_OTHERWISE = "declared-otherwise"
LATER = "late"
GAPS = "payments-missing"

CAUSES: Mapping[str, str] = {
    DECLARED_OTHERWISE: "were decided under another declaration of the event type: the archive lacks features that it declares now",
    KEYS_CHANGED: "have a window or a week from before their card's token changed",
    WEEK_MISSING: "were decided without their week, or with one of an earlier night",
    LATER: "came later than allowed, or while the windows were warming up, so what they were decided with is not known for certain",
    WINDOW_BEFORE: "have a window that begins before the archive does",
    GAPS: "have other windows or weeks than the archived payments give: payments are missing in the archive, "
    "weeks were computed from other payments, or the declaration changed",
}
"""Cause -> what is said of the payments."""

WEEK_AS_DECIDED = "week_as_decided"
"""The column that tells whose week begins before the archive does, and is therefore the one they were decided with."""


@dataclass(frozen=True)
class Reproducible:
    """Judges archived payments; `begin_ms` is when the archive begins, `keys_since_ms` when token keys came into use."""

    reader: Reader
    begin_ms: int
    keys_since_ms: Sequence[int] = ()

    def marked(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add `cause` and `week_as_decided`; weeks that begin before the archive are replaced by those of the decisions."""
        if not self.reader.is_archive or self.reader.event_type.entity is None:
            return frame.with_columns(
                pl.lit(None, pl.String).alias(CAUSE), pl.lit(value=False).alias(WEEK_AS_DECIDED)
            )
        lacking = [
            name for name in (*self.reader.window, *self.reader.week) if WAS + name not in frame.columns
        ]
        frame = frame.with_columns(pl.lit(None).alias(WAS + name) for name in lacking)
        week_same, window_same = (_same(names) for names in (self.reader.week, self.reader.window))
        has_week = ~_degraded(MISSING, STALE, *NO_ANSWER)
        as_decided = self._before_archive(self._look_back_ms) & has_week & ~week_same
        frame = frame.with_columns(as_decided.alias(WEEK_AS_DECIDED))
        frame = frame.with_columns(
            pl.when(WEEK_AS_DECIDED)
            .then(pl.col(WAS + name).cast(frame.schema[name]))
            .otherwise(name)
            .alias(name)
            for name in self.reader.week
        )
        return frame.with_columns(
            pl.when(window_same & week_same)
            .then(None)
            .otherwise(pl.coalesce(self._causes(bool(lacking), has_week)))
            .alias(CAUSE)
        )

    @property
    def _look_back_ms(self) -> int:
        return self.reader.event_type.weekly.days * DAY_MS

    def _before_archive(self, days_ms: int) -> pl.Expr:
        """Tell whose week begins before the archive does."""
        time = pl.col(EVENT_TIME.name)
        return time - time % DAY_MS - days_ms < self.begin_ms

    def _causes(self, lacking: bool, has_week: pl.Expr) -> list[pl.Expr]:
        """Return the causes of a difference, the likeliest first."""
        time = pl.col(EVENT_TIME.name)
        window_ms = max(each.window_ms for each in self.reader.event_type.windows.velocities)
        look_back_ms = self.reader.event_type.weekly.look_back_ms + DAY_MS
        changed = [time.is_between(since_ms, since_ms + look_back_ms) for since_ms in self.keys_since_ms]
        holds = {
            DECLARED_OTHERWISE: pl.lit(lacking),
            KEYS_CHANGED: pl.any_horizontal(_degraded(ROTATED, LOWER_BOUND), *changed),
            WEEK_MISSING: ~has_week,
            LATER: _degraded(LATE, WARMING),
            WINDOW_BEFORE: time - window_ms < self.begin_ms,
        }
        return [*(pl.when(when).then(pl.lit(cause)) for cause, when in holds.items()), pl.lit(GAPS)]


def keys_since(tokenizer: Tokenizer) -> list[int]:
    """Return when each key of card tokens but the first came into use, epoch ms of event time."""
    return [] if tokenizer.before is None else [tokenizer.since_ms, *keys_since(tokenizer.before)]


def _degraded(*words: str) -> pl.Expr:
    return pl.any_horizontal(pl.col(WAS + DEGRADED.name).list.contains(word) for word in words)


def _same(names: Sequence[str]) -> pl.Expr:
    """Tell where what is computed anew is what was archived."""
    return pl.all_horizontal(pl.col(name).eq_missing(pl.col(WAS + name)) for name in names)
