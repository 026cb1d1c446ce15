"""A log in a store of models: every change is one conditional write, so of two at the same time one is made again."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from fraudstream.domain.registry.state_log import StateLog
from fraudstream.domain.registry.store import ModelStore, StoreUnavailable

LOG_BYTES_MAX = 50_000_000
TRIES = 50

L = TypeVar("L", bound=StateLog[Any, Any, Any])


class LogFile(Generic[L]):
    """The log of an event type."""

    def __init__(self, store: ModelStore, kind: type[L], event_type: str, name: str) -> None:
        self._store, self._kind, self._event_type = store, kind, event_type
        self._name = f"{event_type}/{name}"
        self.place = f"{store.place}/{self._name}"

    def read(self) -> L:
        """Return what happened so far; raises SetupError if the file is damaged."""
        return self._read()[0]

    def append(self, entries: Callable[[L], Sequence[Any]]) -> L:
        """Append what a function makes of the log; it is called again if somebody else appended in between."""
        for _ in range(TRIES):
            log, tag = self._read()
            longer = log.with_entries(entries(log))
            if longer == log or self._store.write(self._name, longer.to_bytes(), tag):
                return longer
        raise StoreUnavailable(f"{self.place} is written by too many at once")

    def _read(self) -> tuple[L, str | None]:
        found = self._store.read(self._name, LOG_BYTES_MAX)
        if found is None:
            return self._kind(self._event_type), None
        return self._kind.parsed(self._event_type, found.content, self.place), found.tag
