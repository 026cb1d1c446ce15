"""Which option would read values that could not be read: said, never guessed."""

import re
from collections.abc import Sequence
from datetime import datetime

DAYS = (
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d %b %Y",
    "%b %d, %Y",
)
HOURS = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
PATTERNS = tuple(f"{day}{between}{hour}" for day in DAYS for between in (" ", ", ", "T") for hour in HOURS)
"""Local ways to write a time that are common enough to be suggested."""

WITH_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+")


def hint(values: Sequence[str]) -> str:
    """Return what to write to read some values; empty if that is not known.

    >>> hint(["31.12.2019 13:05", "01.02.2020 00:10"])
    "--time-format '%d.%m.%Y %H:%M' reads such values"
    >>> hint(["1.234,50", "7,5"])
    '--decimal-comma reads such values'
    """
    if values and all(WITH_COMMA.fullmatch(value) for value in values):
        return "--decimal-comma reads such values"
    fit = [pattern for pattern in PATTERNS if values and all(_reads(pattern, value) for value in values)]
    if not fit:
        return ""
    if len(fit) == 1:
        return f"--time-format {fit[0]!r} reads such values"
    return (
        f"--time-format {' or '.join(map(repr, fit))} reads such values: which is the day, they do not tell"
    )


def _reads(pattern: str, value: str) -> bool:
    try:
        datetime.strptime(value, pattern)
    except ValueError:
        return False
    return True
