"""What keeps a worker from its work, or from doing it well, in words that tell the reader how to mend it."""

from typing import Literal, NamedTuple, TypeAlias

Severity: TypeAlias = Literal["degraded", "failing"]
"""degraded: payments are decided, with something missing. failing: some are not decided, and waiting does not help."""


class Problem(NamedTuple):
    """One sentence, and the command or setting that mends it (empty: it mends itself)."""

    severity: Severity
    sentence: str
    remedy: str = ""
