"""A circuit breaker: after some failures in a row calls stop, until a trial succeeds."""

import random
import time
from collections.abc import Callable

FAILURES_TO_OPEN = 5
"""Failures in a row that open it."""

OPEN_S = 1.0
"""How long it stays open before one trial may pass: random, half of this to all, so that trials follow no rhythm."""

CLOSED, HALF_OPEN, OPEN = 0, 1, 2
"""States, with the numbers that the metric shows."""


class CircuitBreaker:
    """Closed: calls pass. Open: none does. Half-open: one trial decides."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._open_until: float | None = None
        self._on_trial = False

    @property
    def state(self) -> int:
        """Return CLOSED, HALF_OPEN or OPEN."""
        if self._open_until is None:
            return CLOSED
        return HALF_OPEN if self._on_trial or self._clock() >= self._open_until else OPEN

    def admits_trial(self) -> bool:
        """Take the one trial of a half-open breaker; return False if there is none to take."""
        admitted = self.state == HALF_OPEN and not self._on_trial
        self._on_trial = self._on_trial or admitted
        return admitted

    def succeeded(self, trial: bool = False) -> None:
        """Note a success. An open breaker closes only for a trial: other calls began before it opened."""
        if trial or self._open_until is None:
            self._failures, self._open_until, self._on_trial = 0, None, False

    def failed(self, trial: bool = False) -> None:
        """Note a call that failed or took too long."""
        self._failures += 1
        if trial or (self._open_until is None and self._failures >= FAILURES_TO_OPEN):
            open_s = OPEN_S * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
            self._open_until, self._on_trial = self._clock() + open_s, False
