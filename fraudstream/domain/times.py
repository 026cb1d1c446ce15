"""One way to read a time that a person or a producer has written."""

from datetime import UTC, datetime


def moment_ms(text: str) -> int:
    """Read a day or a moment in ISO 8601 as epoch milliseconds; without a zone it is UTC. Raises ValueError, OverflowError.

    Small letters are as good (RFC 3339, 5.6), and so is space around it.

    >>> moment_ms("1970-01-02"), moment_ms("1970-01-01t00:00:01.5z")
    (86400000, 1500)
    """
    moment = datetime.fromisoformat(text.strip().upper())
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
