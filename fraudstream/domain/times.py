"""Spans of time in milliseconds, and one way to read a time that a person or a producer has written."""

from datetime import UTC, date, datetime, tzinfo

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def moment_ms(text: str, zone: tzinfo = UTC) -> int:
    """Read a day or a moment in ISO 8601 as epoch milliseconds; without a zone it is in `zone`. Raises ValueError, OverflowError.

    Lower case (RFC 3339, 5.6) and spaces around it are accepted. Of an hour that the zone has twice, the first is taken.

    >>> moment_ms("1970-01-02"), moment_ms("1970-01-01t00:00:01.5z")
    (86400000, 1500)
    """
    moment = datetime.fromisoformat(text.strip().upper())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
        if zone is not UTC and moment.astimezone(UTC).astimezone(zone).time() != moment.time():
            raise ValueError(
                f"{text} is in an hour that does not exist in {zone}, because clocks were set forward"
            )
    return round(moment.timestamp() * 1000)


def date_of(time_ms: int) -> date:
    """Return the day (UTC) of a time in epoch ms.

    >>> date_of(172_799_999)
    datetime.date(1970, 1, 2)
    """
    return datetime.fromtimestamp(time_ms / 1000, UTC).date()


def midnight_ms(day: date) -> int:
    """Return the midnight UTC a day starts with, in epoch ms.

    >>> midnight_ms(date(1970, 1, 3))
    172800000
    """
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
