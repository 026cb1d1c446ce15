"""Requests at a pace that a quota allows: evenly spread, and slower for a while when the other side says it is too much."""

import asyncio
import time

RECOVERY_S = 10.0
"""From nothing the full pace is back after this long."""

SLOWEST = 0.01
"""Share of the full pace that is never undercut."""

ONE_WARNING_S = 0.5
"""Requests that are turned away within this time say the same thing once."""


class Pace:
    """Lets at most `per_s` callers pass a second; additive increase, multiplicative decrease."""

    def __init__(self, per_s: float) -> None:
        self._full = self._per_s = per_s
        self._next_s = self._changed_s = self._warned_s = -float("inf")

    async def wait(self) -> None:
        """Wait for one's turn."""
        now = time.monotonic()
        recovered = self._full * (now - self._changed_s) / RECOVERY_S
        self._per_s, self._changed_s = min(self._full, self._per_s + recovered), now
        turn = max(now, self._next_s)
        self._next_s = turn + 1 / self._per_s
        await asyncio.sleep(turn - now)

    def slow_down(self) -> None:
        """Halve the pace: a request was turned away."""
        now = time.monotonic()
        if now - self._warned_s >= ONE_WARNING_S:
            self._warned_s = now
            self._per_s = max(self._full * SLOWEST, self._per_s / 2)
