"""The column `degraded`: what a payment was decided without. Its words for the week are in weekly.py."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from fraudstream.domain.event_columns import EventColumns, FewEvents
from fraudstream.domain.features.schema import (
    DEGRADED,
    FAILED_RULES,
    LATE_BY_MS,
    TOKEN_AGE_MS,
    WARMING_UP,
    WEEKLY_MISSING,
)
from fraudstream.domain.windows.entries import WINDOW_MS

LATE = "late"
"""It came later than allowed, so its windows may be incomplete."""
ROTATED = "token-rotated"
"""The entity's token is younger than the window, so payments under the earlier token are not in it."""

WARMING = "warming-up"
"""A window reaches back to when another declaration of velocity features was kept, so it may be incomplete."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When an event is late, and when its token is too young."""

    allowed_lateness_ms: int
    longest_window_ms: int = WINDOW_MS

    def is_late(self, late_by_ms: Any) -> Any:
        """Tell it of a number, a column or an expression."""
        return late_by_ms > self.allowed_lateness_ms

    def is_rotated(self, token_age_ms: Any) -> Any:
        """Tell it of a number, a column or an expression."""
        return token_age_ms < self.longest_window_ms


RULE_FAILED = "rule-failed"
"""A rule could not be computed, and was taken not to hold."""


def degraded(limits: Limits, warming: bool = False, failing: bool = False) -> pl.Expr:
    """Return the column `degraded`; `warming`, `failing`: whether there are the columns `warming_up` and `failed_rules`."""
    late = pl.when(limits.is_late(pl.col(LATE_BY_MS.name))).then(pl.lit(LATE))
    rotated = pl.when(limits.is_rotated(pl.col(TOKEN_AGE_MS.name))).then(pl.lit(ROTATED))
    warmed = [pl.when(pl.col(WARMING_UP.name)).then(pl.lit(WARMING))] if warming else []
    failed = [pl.when(pl.col(FAILED_RULES.name).list.len() > 0).then(pl.lit(RULE_FAILED))] if failing else []
    return (
        pl.concat_list(late, rotated, *warmed, *failed, WEEKLY_MISSING.name)
        .list.drop_nulls()
        .alias(DEGRADED.name)
    )


def degraded_lists(events: FewEvents, limits: Limits) -> list[list[str]]:
    """Return what the column `degraded` would hold, of few events."""
    warming = events.values(WARMING_UP) if events.has(WARMING_UP) else [False] * events.rows
    columns = zip(
        events.values(LATE_BY_MS),
        events.values(TOKEN_AGE_MS),
        warming,
        events.values(WEEKLY_MISSING),
        strict=True,
    )
    return [
        [
            *([LATE] if limits.is_late(late_by_ms) else ()),
            *([ROTATED] if limits.is_rotated(token_age_ms) else ()),
            *([WARMING] if warm else ()),
            *([missing] if missing is not None else ()),
        ]
        for late_by_ms, token_age_ms, warm, missing in columns
    ]


def count_degraded(
    events: EventColumns, weekly_missing: Sequence[str | None], limits: Limits
) -> Counter[str]:
    """Count each word of `degraded`; `weekly_missing`: the column of that name."""
    if isinstance(events, FewEvents):
        return Counter(word for words in degraded_lists(events, limits) for word in words)
    frame = events.frame()
    counts = Counter(why for why in weekly_missing if why)
    counts[ROTATED] = int(limits.is_rotated(frame[TOKEN_AGE_MS.name]).sum())
    if WARMING_UP.name in frame.columns:
        counts[WARMING] = int(frame[WARMING_UP.name].sum())
    if FAILED_RULES.name in frame.columns:
        counts[RULE_FAILED] = int((frame[FAILED_RULES.name].list.len() > 0).sum())
    counts[LATE] = int(limits.is_late(frame[LATE_BY_MS.name]).sum())
    return counts
