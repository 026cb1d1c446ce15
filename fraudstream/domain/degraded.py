"""The column `degraded`: what a payment was decided without. Its words for the week are in weekly.py."""

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

import polars as pl

from fraudstream.domain.activity import WINDOW_MS
from fraudstream.domain.features.schema import DEGRADED, LATE_BY_MS, TOKEN_AGE_MS, WEEKLY_MISSING

LATE = "late"
"""It came later than allowed, so its ten minutes may be incomplete."""
ROTATED = "token-rotated"
"""The card's token is younger than the window, so payments under the earlier token are not in it."""

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
    """Count each word of `degraded` without making the column; `weekly_missing`: the frame's column of that name."""
    counts = Counter(why for why in weekly_missing if why)
    counts[ROTATED] = int(_is_rotated(frame[TOKEN_AGE_MS.name]).sum())
    counts[LATE] = int(_is_late(frame[LATE_BY_MS.name], allowed_lateness_ms).sum())
    return counts
