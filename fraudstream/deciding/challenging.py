"""What a challenger would have decided of events that a champion, or a canary, did decide."""

from typing import NamedTuple

import msgspec
import polars as pl

from fraudstream.deciding.known import decide
from fraudstream.deciding.release_detector import DecidedEvents
from fraudstream.domain.detector import Detector
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import (
    AMOUNT,
    CARD,
    CARD_LAST4,
    CENTS,
    EVENT_TIME,
    LATE_BY_MS,
    OUTCOME,
    RULES,
    SCORE,
    TOKEN_AGE_MS,
    TRANSACTION_ID,
    WARMING_UP,
    WEEKLY_AS_OF,
    WEEKLY_MISSING,
)

OF_EVENTS = (
    TRANSACTION_ID,
    CARD,
    CARD_LAST4,
    EVENT_TIME,
    CENTS,
    LATE_BY_MS,
    TOKEN_AGE_MS,
    WEEKLY_AS_OF,
    WEEKLY_MISSING,
    WARMING_UP,
)
"""What is known of an event before it is decided, beside its event type's inputs and variables."""


class Difference(NamedTuple):
    """An event that a challenger would have decided otherwise."""

    card: str | None
    outcome: str
    """What was decided."""
    challenger_outcome: str
    value: bytes
    """JSON for the topic."""


class Challenged(NamedTuple):
    """A micro-batch that a challenger decided, too."""

    same: int
    differences: list[Difference]


class Challenger(NamedTuple):
    """A release that decides beside the one that counts."""

    name: str
    detector: Detector
    event_type: EventType

    def decide(self, events: DecidedEvents) -> Challenged:
        """Decide a micro-batch from the columns that were known of it; only another outcome is a difference."""
        same, differences = 0, list[Difference]()
        for part in events.parts:
            decided = part.events.frame()
            lists = self.detector.lists.at(part.lists_as_of)
            own = decide(self._known(decided), self.detector.asking(lists))
            differs = (decided[OUTCOME.name] != own[OUTCOME.name]).arg_true().to_list()
            same += decided.height - len(differs)
            for row in differs:
                differences.append(self._difference(decided, own, row, part.by.release))
        return Challenged(same, differences)

    def _known(self, decided: pl.DataFrame) -> pl.DataFrame:
        inputs = [column.name for column in self.event_type.inputs if column.name != AMOUNT.name]
        names = (*(column.name for column in OF_EVENTS), *inputs, *self.event_type.columns)
        return decided.select([name for name in names if name in decided.columns])

    def _difference(
        self, decided: pl.DataFrame, own: pl.DataFrame, row: int, release: str | None
    ) -> Difference:
        said = {
            "transaction_id": decided[TRANSACTION_ID.name][row],
            "card": decided[CARD.name][row],
            "event_time": decided[EVENT_TIME.name][row],
            "release": release,
            "challenger": self.name,
        }
        for name, frame in (("", decided), ("challenger_", own)):
            said[f"{name}outcome"] = frame[OUTCOME.name][row]
            said[f"{name}score"] = frame[SCORE.name][row]
            said[f"{name}rules"] = frame[RULES.name][row].to_list()
        return Difference(
            said["card"], said["outcome"], said["challenger_outcome"], msgspec.json.encode(said)
        )
