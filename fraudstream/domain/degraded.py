"""What a payment was decided without, as `degraded` says it; weekly.py names what a week may lack."""

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

import polars as pl

from fraudstream.domain.activity import WINDOW_MS
from fraudstream.domain.features.schema import DEGRADED, LATE_BY_MS, TOKEN_AGE_MS, WEEKLY_MISSING

LATE = "late"
"""It came later than the allowed lateness, so its ten minutes may no longer be complete."""
ROTATED = "token-rotated"
"""The card's token is younger than the window, so payments under the one before are not in it."""

Values = TypeVar("Values", pl.Expr, pl.Series)


def _is_late(late_by_ms: Values, allowed_lateness_ms: int) -> Values:
    return late_by_ms > allowed_lateness_ms


def _is_rotated(token_age_ms: Values) -> Values:
    return token_age_ms < WINDOW_MS


def degraded(allowed_lateness_ms: int) -> pl.Expr:
    """Return the column `degraded`."""
    late = pl.when(_is_late(pl.col(LATE_BY_MS.name), allowed_lateness_ms)).then(pl.lit(LATE))
    rotated = pl.when(_is_rotated(pl.col(TOKEN_AGE_MS.name))).then(pl.lit(ROTATED))
    return pl.concat_list(late, rotated, WEEKLY_MISSING.name).list.drop_nulls().alias(DEGRADED.name)


def count_degraded(
    frame: pl.DataFrame, weekly_missing: Sequence[str | None], allowed_lateness_ms: int
) -> Counter[str]:
    """Return how often each word stands in `degraded`, without making the column; `weekly_missing` is the frame's."""
    counts = Counter(why for why in weekly_missing if why)
    counts[ROTATED] = int(_is_rotated(frame[TOKEN_AGE_MS.name]).sum())
    counts[LATE] = int(_is_late(frame[LATE_BY_MS.name], allowed_lateness_ms).sum())
    return counts
