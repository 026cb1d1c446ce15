"""Counts what should not happen, for as long as the health reports it."""

SAID_FOR_S = 3600.0
"""How long after the last time the health reports it."""


class RecentCount:
    """A number that starts again after SAID_FOR_S without anything to count; times are (monotonic) seconds."""

    def __init__(self) -> None:
        self._number = 0
        self._last_s = -SAID_FOR_S

    def add(self, number: int, now_s: float) -> None:
        """Count."""
        if number:
            self._number = number + self.at(now_s)
            self._last_s = now_s

    def at(self, now_s: float) -> int:
        """Return the number, 0 if the last time is long ago."""
        return self._number if now_s - self._last_s < SAID_FOR_S else 0
