"""Checks whether the nightly job ran and ended well, where workers start it."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from croniter import croniter

from fraudstream.domain.problems import Problem

GRACE_S = 2 * 3600.0
"""How long a night's job may take."""

CATCH_UP = "fraudstream aggregate --catch-up"


class NightlyWatch:
    """Remembers how the last night's job ended; `up_to_date` tells whether the aggregates are there, whoever made them."""

    def __init__(
        self,
        cron: str,
        up_to_date: Callable[[], bool],
        *,
        loaded: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Remember when the worker started: nights before that are not its own."""
        self._cron = cron
        self._up_to_date = up_to_date
        self._remedy = f"{CATCH_UP} && fraudstream store load --catch-up" if loaded else CATCH_UP
        self._clock = clock
        self._last = ("", clock())

    def ended(self, result: str) -> None:
        """Remember how a night ended: done, refused, failed or elsewhere."""
        self._last = (result, self._clock())

    def __call__(self) -> Iterator[Problem]:
        """Yield what is wrong now."""
        if self._up_to_date():
            return
        result, at_s = self._last
        now_s = self._clock()
        due_s = croniter(self._cron, now_s - GRACE_S).get_prev(float)
        if result in {"failed", "refused"}:
            why = (
                "failed"
                if result == "failed"
                else "did not publish the weekly aggregates, because they look wrong"
            )
            yield Problem("degraded", f"the nightly job of {_minute(at_s)} {why}; see the log", self._remedy)
        elif at_s < due_s:
            yield Problem(
                "degraded", f"the nightly job that was due at {_minute(due_s)} has not ended", self._remedy
            )


def _minute(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
