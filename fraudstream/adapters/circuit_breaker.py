"""A circuit breaker: after some failures in a row nobody asks any more, until a trial succeeds."""

import random
import time
from collections.abc import Callable

FAILURES_TO_OPEN = 5
"""Failures in a row that open it."""

OPEN_S = 1.0
"""How long it stays open at most before one trial may pass; at least half of it, or trials may keep step with the trouble."""

CLOSED, HALF_OPEN, OPEN = 0, 1, 2
"""States, as the metric shows them."""


class CircuitBreaker:
    """Closed: everybody may ask. Open: nobody. Half-open: one trial decides."""

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
        """Tell whether the one trial of a half-open breaker is still to be had, and take it."""
        admitted = self.state == HALF_OPEN and not self._on_trial
        self._on_trial = self._on_trial or admitted
        return admitted

    def succeeded(self, trial: bool = False) -> None:
        """A call succeeded. What was on its way when the breaker opened says nothing about now; the trial does."""
        if trial or self._open_until is None:
            self._failures, self._open_until, self._on_trial = 0, None, False

    def failed(self, trial: bool = False) -> None:
        """A call failed or took too long."""
        self._failures += 1
        if trial or (self._open_until is None and self._failures >= FAILURES_TO_OPEN):
            open_s = OPEN_S * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
            self._open_until, self._on_trial = self._clock() + open_s, False
