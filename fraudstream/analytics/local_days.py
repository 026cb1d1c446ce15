"""Days of a time zone: when they begin, and which one a moment is in, in Python and in SQL. A day may have 23 or 25 hours."""

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from fraudstream.domain.times import DAY_MS, midnight_ms


def local_day(time_ms: int, zone: str) -> date:
    """Return the day that a moment (epoch ms) is in.

    >>> local_day(1_774_738_800_000, "UTC"), local_day(1_774_738_800_000, "Europe/Berlin")
    (datetime.date(2026, 3, 28), datetime.date(2026, 3, 29))
    """
    return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(ZoneInfo(zone)).date()


@lru_cache(maxsize=4096)
def day_begins_ms(day: date, zone: str) -> int:
    """Return the first moment of a day; where clocks are set forward at midnight that is one o'clock.

    >>> [(day_begins_ms(date(2026, month, 29), "Europe/Berlin") - day_begins_ms(date(2026, month, 28), "Europe/Berlin")) / 3_600_000 for month in (3, 4)]
    [24.0, 24.0]
    >>> (day_begins_ms(date(2026, 3, 30), "Europe/Berlin") - day_begins_ms(date(2026, 3, 29), "Europe/Berlin")) / 3_600_000
    23.0
    """
    around = range(midnight_ms(day) - DAY_MS, midnight_ms(day) + DAY_MS)
    return around[bisect_left(around, day, key=lambda time_ms: local_day(time_ms, zone))]


def day_ends_ms(day: date, zone: str) -> int:
    """Return the first moment after a day."""
    return day_begins_ms(day + timedelta(days=1), zone)


def local_ms(column: str, zone: str, since_ms: int, until_ms: int) -> str:
    """Return SQL that adds to a column of moments (epoch ms) what clocks of the zone are ahead of UTC; exact for `since_ms` to `until_ms`."""
    first, *later = _offsets(zone, since_ms, until_ms)
    offsets = [first[1], *(offset for _, offset in later)]
    if not any(offsets):
        return column
    until = [
        f"WHEN {column} < {at_ms} THEN {offset}" for (at_ms, _), offset in zip(later, offsets, strict=False)
    ]
    ahead = f"CASE {' '.join(until)} ELSE {offsets[-1]} END" if until else f"{offsets[0]}"
    return f"({column} + {ahead})"


@lru_cache(maxsize=256)
def _offsets(zone: str, since_ms: int, until_ms: int) -> list[tuple[int, int]]:
    """Return from which moments on clocks are how many ms ahead of UTC; no zone changes its clocks twice within a day."""
    clock = ZoneInfo(zone)

    def offset(time_ms: int) -> int:
        ahead = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(clock).utcoffset()
        assert ahead is not None
        return round(ahead / timedelta(milliseconds=1))

    found = [(since_ms, offset(since_ms))]
    for start_ms in range(since_ms, until_ms, DAY_MS):
        before, end_ms = found[-1][1], min(start_ms + DAY_MS, until_ms)
        if offset(end_ms) != before:
            moments = range(start_ms, end_ms + 1)
            at_ms = moments[bisect_left(moments, True, key=lambda time_ms: offset(time_ms) != before)]
            found.append((at_ms, offset(at_ms)))
    return found
