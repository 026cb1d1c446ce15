"""The column `degraded`: what a payment was decided without. Its words for the week are in weekly.py."""

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

import polars as pl

from fraudstream.domain.features.schema import (
    DEGRADED,
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

Values = TypeVar("Values", pl.Expr, pl.Series)


def _is_late(late_by_ms: Values, allowed_lateness_ms: int) -> Values:
    return late_by_ms > allowed_lateness_ms


def _is_rotated(token_age_ms: Values, longest_window_ms: int) -> Values:
    return token_age_ms < longest_window_ms


def degraded(allowed_lateness_ms: int, warming: bool = False, longest_window_ms: int = WINDOW_MS) -> pl.Expr:
    """Return the column `degraded`; `warming`: whether there is a column `warming_up`."""
    late = pl.when(_is_late(pl.col(LATE_BY_MS.name), allowed_lateness_ms)).then(pl.lit(LATE))
    rotated = pl.when(_is_rotated(pl.col(TOKEN_AGE_MS.name), longest_window_ms)).then(pl.lit(ROTATED))
    warmed = [pl.when(pl.col(WARMING_UP.name)).then(pl.lit(WARMING))] if warming else []
    return pl.concat_list(late, rotated, *warmed, WEEKLY_MISSING.name).list.drop_nulls().alias(DEGRADED.name)


def count_degraded(
    frame: pl.DataFrame,
    weekly_missing: Sequence[str | None],
    allowed_lateness_ms: int,
    longest_window_ms: int = WINDOW_MS,
) -> Counter[str]:
    """Count each word of `degraded` without making the column; `weekly_missing`: the frame's column of that name."""
    counts = Counter(why for why in weekly_missing if why)
    counts[ROTATED] = int(_is_rotated(frame[TOKEN_AGE_MS.name], longest_window_ms).sum())
    if WARMING_UP.name in frame.columns:
        counts[WARMING] = int(frame[WARMING_UP.name].sum())
    counts[LATE] = int(_is_late(frame[LATE_BY_MS.name], allowed_lateness_ms).sum())
    return counts
