"""Weekly aggregates for files: a file can wait until the store answers, so a prediction never goes on without it."""

from collections.abc import Collection
from pathlib import Path

from fraudstream.adapters.weekly.stores import online_store
from fraudstream.domain.errors import FraudstreamError, WeeklyUnavailable
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.weekly import TIMED_OUT, UNAVAILABLE, NoWeeks, WeeklyAnswer, WeeklyStore
from fraudstream.notebook.weeks import weeks_in
from fraudstream.settings import Settings


class WeeksAway(FraudstreamError):
    """The weekly store does not answer."""

    later = True


class WholeWeeks(WeeklyStore):
    """Asks a store, and raises WeeksAway where a worker would decide without an answer."""

    def __init__(self, store: WeeklyStore) -> None:
        self._store = store

    async def connect(self) -> None:
        """Connect the store."""
        await self._store.connect()

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()

    async def newest(self, midnight_ms: int) -> int | None:
        """Return the newest midnight, up to this one."""
        return await self._store.newest(midnight_ms)

    async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Return the weeks of these entities."""
        try:
            answer = await self._store.get_many(entities, midnight_ms)
        except WeeklyUnavailable as error:
            raise WeeksAway(f"the weekly store does not answer: {error}") from error
        if away := {TIMED_OUT, UNAVAILABLE} & set(answer.failed.values()):
            raise WeeksAway(f"the weekly store does not answer: {', '.join(sorted(away))}")
        return answer


def weekly_of(settings: Settings, event_type: EventType, directory: Path | None) -> WeeklyStore:
    """Return the weeks that `fraudstream aggregate` has kept in a directory, or those of the workers' store."""
    if event_type.entity is None:
        return NoWeeks()
    return WholeWeeks(online_store(settings)) if directory is None else weeks_in(directory, event_type)
