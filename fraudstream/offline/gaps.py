"""Days without events in the midst of others: an export that failed, a month that nobody asked for."""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise

GAP_DAYS = 7
"""So many days without events are said: a week is what weekly aggregates reach back."""

DAY = timedelta(days=1)


def gaps_between(days: Iterable[date]) -> list[str]:
    """Return a sentence for each gap between days that have events.

    >>> gaps_between([date(2024, 2, 1), date(2024, 3, 1)])
    ['there are no events from 2024-02-02 to 2024-02-29 (28 days): what was known of a week after it is incomplete, and nothing is learnt of that time']
    """
    return [
        f"there are no events from {before + DAY} to {after - DAY} ({(after - before).days - 1} days): what was known of a week after "
        "it is incomplete, and nothing is learnt of that time"
        for before, after in pairwise(sorted(set(days)))
        if (after - before).days > GAP_DAYS
    ]
