"""An entity's windows where events may be reversals: refunds that take another event back.

A reversal takes an event back that arrived before it and is not later. From then on, for events that arrive after the
reversal and are not earlier than it, the event that was taken back counts in no window.
"""

from collections.abc import Iterable

from fraudstream.domain.windows.cells import MISSING, id_cell
from fraudstream.domain.windows.entity_window import BY_TIME, Answer, EntityWindow, Seen
from fraudstream.domain.windows.entries import Entry
from fraudstream.domain.windows.velocity import Windows


def window_of(windows: Windows, entries: Iterable[Entry], allowed_lateness_ms: int) -> EntityWindow:
    """Return the window of one entity: one that knows reversals if the event type has some."""
    if windows.reversal_at is None:
        return EntityWindow(windows, entries, allowed_lateness_ms)
    return ReversingWindow(windows, windows.reversal_at, entries, allowed_lateness_ms)


class ReversingWindow(EntityWindow):
    """Once there is a reversal, each event is answered from all stored ones."""

    __slots__ = ("_looked_at", "_place", "_reversals")

    def __init__(
        self, windows: Windows, place: int, entries: Iterable[Entry], allowed_lateness_ms: int
    ) -> None:
        """`place`: which value of an entry names the event that it takes back."""
        self._place = place
        self._reversals: list[Entry] = []
        self._looked_at = 0
        super().__init__(windows, entries, allowed_lateness_ms)

    def _answer(self, event: Entry, seen: Seen) -> Answer:
        """Compute every feature, and whether the event that a reversal takes back is known: 1, 0, or null for others."""
        new, self._looked_at = self.entries[self._looked_at :], len(self.entries)
        self._reversals += filter(self._takes_back, new)
        answer = super()._answer(event, self._without_reversed(event) if self._reversals else seen)
        answer.numbers.append(self._known(event) if self._takes_back(event) else None)
        return answer

    def _takes_back(self, entry: Entry) -> bool:
        """Tell whether an event is a reversal."""
        return entry.values[self._place] != MISSING

    def _without_reversed(self, event: Entry) -> Seen:
        """Return the events that count for one: those that arrived before, are not later, and were not taken back by then."""
        taken: dict[int, list[Entry]] = {}
        for reversal in self._reversals:
            if _came_before(reversal, event):
                taken.setdefault(reversal.values[self._place], []).append(reversal)
        before = [
            other
            for other in self.entries
            if other.cents >= 0
            and not self._takes_back(other)
            and _came_before(other, event)
            and not any(_came_before(other, each) for each in taken.get(id_cell(other.id_hash), ()))
        ]
        before.sort(key=BY_TIME)
        counts = event.cents >= 0 and not self._takes_back(event)
        window = [*before, event] if counts else before
        times = [other.event_time_ms for other in window]
        own = self._decoded(event)
        return Seen(times, self._columns(window), len(before), event.event_time_ms, own, counts)

    def _known(self, reversal: Entry) -> float:
        """Return whether the event that a reversal takes back came before it, within the longest window."""
        windows, original = self._windows, reversal.values[self._place]
        reach_ms = min(
            windows.velocities[-1].window_ms,
            windows.layout.bucket_ms - max(0, reversal.late_by_ms - self._allowed_lateness_ms),
        )
        named = (other for other in self.entries if id_cell(other.id_hash) == original)
        return float(
            any(
                _came_before(other, reversal) and reversal.event_time_ms - other.event_time_ms <= reach_ms
                for other in named
            )
        )


def _came_before(event: Entry, other: Entry) -> bool:
    """Tell whether an event arrived before another one and is not later."""
    return event.sequence < other.sequence and event.event_time_ms <= other.event_time_ms
