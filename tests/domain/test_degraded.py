"""What a payment was decided without: counted for metrics as it is written into decisions."""

from collections import Counter

import polars as pl

from fraudstream.domain.degraded import LATE, ROTATED, Limits, count_degraded, degraded, degraded_lists
from fraudstream.domain.event_columns import FewEvents, Known, ManyEvents
from fraudstream.domain.features.schema import LATE_BY_MS, TOKEN_AGE_MS, WEEKLY_MISSING
from fraudstream.domain.weekly import MISSING, TIMED_OUT
from fraudstream.domain.windows.entries import WINDOW_MS

ALLOWED_LATENESS_MS = 3_600_000
LIMITS = Limits(ALLOWED_LATENESS_MS)


def test_what_is_counted_is_what_decisions_say() -> None:
    """At the edges of allowed lateness and window, with nothing missing, and with everything."""
    missing = [None, None, MISSING, TIMED_OUT]
    frame = pl.DataFrame(
        {
            "late_by_ms": [0, ALLOWED_LATENESS_MS, ALLOWED_LATENESS_MS + 1, ALLOWED_LATENESS_MS + 1],
            "token_age_ms": [WINDOW_MS, WINDOW_MS + 1, WINDOW_MS - 1, WINDOW_MS],
            "weekly_missing": missing,
        }
    )
    said = frame.select(degraded(LIMITS)).to_series().to_list()

    assert [[], [], [LATE, ROTATED, MISSING], [LATE, TIMED_OUT]] == said
    assert Counter(why for row in said for why in row) == count_degraded(ManyEvents(frame), missing, LIMITS)
    few = FewEvents.of(
        4, (Known(each, frame[each.name].to_list()) for each in (LATE_BY_MS, TOKEN_AGE_MS, WEEKLY_MISSING))
    )
    assert said == degraded_lists(few, LIMITS)
    assert Counter(why for row in said for why in row) == count_degraded(few, missing, LIMITS)
