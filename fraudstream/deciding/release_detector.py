"""The detector of a release as a worker needs it: for few and for many events, with the encoder of its decisions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from fraudstream.deciding.known import decide
from fraudstream.domain.decision import DecisionEncoder
from fraudstream.domain.detector import Detector
from fraudstream.domain.event_columns import EventColumns, FewEvents, Known, ManyEvents
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import CANARY, RELEASE, Column
from fraudstream.domain.few_detector import FewDetector
from fraudstream.domain.releases.plan import Choice
from fraudstream.domain.windows.cells import Ints


class ReleaseDetector(NamedTuple):
    """Decides events, and writes their decisions."""

    detector: Detector
    few_detector: FewDetector | None
    """None if only Polars computes all of the event type's rules and features."""
    few_events: int
    """Up to so many events are decided without Polars."""
    encoder: DecisionEncoder
    release: str | None
    """What decisions call it; None for a worker's own detector."""

    @classmethod
    def of(
        cls,
        detector: Detector,
        event_type: EventType,
        allowed_lateness_ms: int,
        few_events: int,
        release: str | None = None,
    ) -> "ReleaseDetector":
        """Prepare a detector for an event type."""
        encoder = DecisionEncoder(detector.model.features, event_type, allowed_lateness_ms)
        return cls(detector, FewDetector.of(detector, event_type), few_events, encoder, release)

    def decided(self, rows: int, known: Iterable[Known], choice: Choice) -> EventColumns:
        """Decide events of which this is known; few of them without Polars."""
        lists = self.detector.lists.at(choice.lists_as_of)
        if self.few_detector is None or rows > self.few_events:
            detector = self.detector.asking(lists)
            events: EventColumns = ManyEvents(decide(ManyEvents.of(known).frame(), detector))
        else:
            few = FewEvents.of(rows, known)
            self.few_detector.decide(few, lists)
            events = few
        if self.release is not None:
            events.add(Known(RELEASE, [self.release] * rows), Known(CANARY, [choice.canary] * rows))
        return events


class Part(NamedTuple):
    """The events of a micro-batch that one release decided, with the lists of one revision."""

    by: ReleaseDetector
    events: EventColumns
    rows: Ints | None
    """Their places in the micro-batch; None for all of it."""
    lists_as_of: int | None = None

    def of(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return its part of what the micro-batch has a value of for each event."""
        return values if self.rows is None else [values[row] for row in self.rows.tolist()]


class DecidedEvents:
    """The decided events of a micro-batch, in its order, whoever decided them."""

    def __init__(self, rows: int, parts: Sequence[Part]) -> None:
        self.rows = rows
        self.parts = parts

    def add(self, *known: Known) -> None:
        """Add columns of all events."""
        for part in self.parts:
            part.events.add(*(each.at(part.rows) for each in known))

    def values(self, column: Column) -> list[Any]:
        """Return the values of a column that all events have."""
        return self._joined([part.events.values(column) for part in self.parts])

    def encoded(self, decided_at_ms: int, stage_ms: Mapping[str, float]) -> list[bytes]:
        """Return the JSON of each decision, written by the encoder of the release that decided it."""
        return self._joined(
            [part.by.encoder.encode(part.events, decided_at_ms, stage_ms) for part in self.parts]
        )

    def _joined(self, each: Sequence[list[Any]]) -> list[Any]:
        if len(self.parts) == 1 and self.parts[0].rows is None:
            return each[0]
        joined: list[Any] = [None] * self.rows
        for part, values in zip(self.parts, each, strict=True):
            for row, value in zip(() if part.rows is None else part.rows.tolist(), values, strict=True):
                joined[row] = value
        return joined
