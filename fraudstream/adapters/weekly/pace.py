"""Spreads requests evenly at the pace of a quota, and slows down for a while when they are throttled."""

import asyncio
import time

RECOVERY_S = 10.0
"""From zero, the full pace is reached after this long."""

SLOWEST = 0.01
"""The slowest pace, as a share of the full one."""

ONE_WARNING_S = 0.5
"""Requests that are throttled within this time slow the pace only once."""


class Pace:
    """Lets at most `per_s` callers pass a second; additive increase, multiplicative decrease."""

    def __init__(self, per_s: float) -> None:
        self._full = self._per_s = per_s
        self._next_s = self._changed_s = self._warned_s = -float("inf")

    async def wait(self) -> None:
        """Wait for the caller's turn."""
        now = time.monotonic()
        recovered = self._full * (now - self._changed_s) / RECOVERY_S
        self._per_s, self._changed_s = min(self._full, self._per_s + recovered), now
        turn = max(now, self._next_s)
        self._next_s = turn + 1 / self._per_s
        await asyncio.sleep(turn - now)

    def slow_down(self) -> None:
        """Halve the pace: a request was throttled."""
        now = time.monotonic()
        if now - self._warned_s >= ONE_WARNING_S:
            self._warned_s = now
            self._per_s = max(self._full * SLOWEST, self._per_s / 2)
