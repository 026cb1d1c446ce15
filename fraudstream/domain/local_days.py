"""Days of a time zone: when they begin, and which one a moment is in. A day may have 23 or 25 hours."""

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


def days_earlier_ms(time_ms: int, days: int, zone: str) -> int:
    """Return the moment so many days before another at which clocks of the zone show the same; where none did, an hour later by them.

    >>> (day_begins_ms(date(2026, 3, 30), "Europe/Berlin") - days_earlier_ms(day_begins_ms(date(2026, 3, 30), "Europe/Berlin"), 7, "Europe/Berlin")) / 3_600_000
    167.0
    """
    clock = ZoneInfo(zone)
    shown = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(clock).replace(tzinfo=None)
    return round((shown - timedelta(days=days)).replace(tzinfo=clock).timestamp() * 1000)
