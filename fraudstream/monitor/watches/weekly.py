"""Checks whether payments are decided with the weekly aggregates that should be there."""

import time
from collections.abc import Callable, Iterator

from fraudstream.adapters.weekly.guard import GuardedWeekly
from fraudstream.domain.errors import SetupError, WeeklyRefused, WeeklyUnavailable
from fraudstream.domain.problems import Problem
from fraudstream.domain.times import HOUR_MS
from fraudstream.domain.weekly import WeeklyStore, day_of, midnight_before
from fraudstream.monitor.timeline import Span, Timeline

LATELY_S = 60
SHARE_MIN = 0.01
"""Fewer than one payment in a hundred without its week is a passing disturbance and not reported."""

GRACE_MS = 2 * HOUR_MS
"""How long after midnight the night's aggregates may still be missing; until then those of the day before are used."""

AGGREGATE = "fraudstream aggregate"
CHECK = "fraudstream store check"


class WeeklyWatch:
    """Watches one weekly store; `loaded`: the result of `aggregate` has to be loaded into it."""

    def __init__(
        self,
        store: WeeklyStore,
        timeline: Timeline,
        *,
        loaded: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._timeline = timeline
        self._clock = clock
        self._remedy = f"{AGGREGATE} && fraudstream store load" if loaded else AGGREGATE
        self._looked = False
        self._newest_ms: int | None = None

    @property
    def up_to_date(self) -> bool:
        """Tell whether the aggregates of the last midnight are known to be there."""
        return self._newest_ms is not None and self._newest_ms >= midnight_before(self._now_ms())

    async def look(self) -> None:
        """Ask the store for its newest midnight; if it does not answer, its circuit breaker reports that."""
        try:
            newest_ms = await self._store.newest(midnight_before(self._now_ms()))
        except (WeeklyUnavailable, SetupError):
            return
        self._looked, self._newest_ms = True, newest_ms

    def __call__(self) -> Iterator[Problem]:
        """Yield what is wrong now."""
        trouble = self._store.trouble if isinstance(self._store, GuardedWeekly) else None
        if isinstance(trouble, WeeklyRefused):
            sentence, _, remedy = str(trouble).rpartition("; ")
            yield Problem("degraded", f"payments are decided without weekly aggregates: {sentence}", remedy)
        elif trouble is not None:
            sentence = f"the weekly store does not answer and is skipped for the moment: {trouble}"
            yield Problem("degraded", sentence, CHECK)
        lately = self._timeline.span(LATELY_S, self._clock())
        missing, failed = lately.share("week_missing"), lately.share("week_failed")
        if failed >= SHARE_MIN:
            yield Problem(
                "degraded", f"{_of_the_last_minute(failed)}: the weekly store gave no answer", CHECK
            )
        if missing >= SHARE_MIN:
            sentence = f"{_of_the_last_minute(missing)} (newest: {self._newest or 'none'})"
            yield Problem("degraded", sentence, self._remedy)
        elif self._looked and not self.up_to_date and not _all_found(lately) and self._grace_is_over():
            yield Problem("degraded", self._age(), self._remedy)

    def _age(self) -> str:
        """Say how old the newest aggregates are."""
        if self._newest is None:
            return "there are no weekly aggregates"
        today = day_of(midnight_before(self._now_ms()))
        return f"the newest weekly aggregates are those of {self._newest}; those of {today} are missing"

    @property
    def _newest(self) -> str | None:
        return None if self._newest_ms is None else day_of(self._newest_ms)

    def _grace_is_over(self) -> bool:
        now_ms = self._now_ms()
        return self._newest_ms is None or now_ms - midnight_before(now_ms) >= GRACE_MS

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _all_found(lately: Span) -> bool:
    """Tell whether there were payments and all had their week: for a replay of old payments, old aggregates are right."""
    return lately.payments > 0 and lately.share("week_missing", "week_stale", "week_failed") == 0.0


def _of_the_last_minute(share: float) -> str:
    return f"{100 * share:.0f} % of the last minute's decisions were made without weekly aggregates"
