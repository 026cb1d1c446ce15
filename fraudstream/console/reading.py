"""Times as forms and addresses have them, read in one way; what is no time is refused with a sentence that repeats nothing of the form."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from fraudstream.domain.errors import SetupError
from fraudstream.domain.times import moment_ms

WRONG = "write a date and a time, such as 2026-11-21T14:30; what is written is no date and time"


def read_ms(text: str, zone: str | tzinfo, wrong: str = WRONG) -> int | None:
    """Read a day or a moment as epoch milliseconds, in a time zone; None if nothing was filled in. Raises SetupError with `wrong`.

    >>> read_ms("2026-11-21T14:30", "Europe/Berlin"), read_ms("", UTC)
    (1795267800000, None)
    """
    if not text.strip():
        return None
    try:
        return moment_ms(text, ZoneInfo(zone) if isinstance(zone, str) else zone)
    except (ValueError, OverflowError):
        raise SetupError(wrong) from None


def read_moment(text: str, zone: str) -> datetime | None:
    """Read the same as a moment in UTC."""
    at_ms = read_ms(text, zone)
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)
