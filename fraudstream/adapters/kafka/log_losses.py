"""Source records removed before they were decided, and partitions decided again, noted for health and metrics."""

import logging
import time
from collections.abc import Iterator

from fraudstream.domain.problems import Problem

logger = logging.getLogger(__name__)

SHOWN_S = 3600.0
"""How long health reports an event; the metrics keep it until the worker ends."""

Place = tuple[str, int]
"""Topic and partition."""


class LogLosses:
    """What happened to source logs since the start of this worker."""

    def __init__(self) -> None:
        self.removed: dict[Place, int] = {}
        """Records that Kafka removed before they were decided."""
        self.restarted: dict[Place, int] = {}
        """How often a partition was read from its earliest record although there was state of it."""
        self._said: list[tuple[float, Problem]] = []

    def note_removed(self, topic: str, partition: int, first: int, begin: int) -> None:
        """Note that the records from `first` to before `begin` are gone and were not decided."""
        self.removed[topic, partition] = self.removed.get((topic, partition), 0) + begin - first
        self._say(
            f"{begin - first} records of {topic}, partition {partition} (offsets {first} to {begin - 1}) were deleted by "
            "retention or kafka-delete-records before they were decided",
            "increase the topic's retention.ms; start more workers if they fall behind",
        )

    def note_restarted(self, topic: str, partition: int) -> None:
        """Note that the group has no committed offset for a partition that this state has payments of."""
        self.restarted[topic, partition] = self.restarted.get((topic, partition), 0) + 1
        self._say(
            f"the group has no committed offset for {topic}, partition {partition}, but the state has payments of it: everything "
            "in the log is decided again",
            "if offsets expired, set the brokers' offsets.retention.minutes longer than any outage",
        )

    def problems(self) -> Iterator[Problem]:
        """Yield what happened within the last hour."""
        now_s = time.monotonic()
        self._said = [(at_s, problem) for at_s, problem in self._said if now_s - at_s < SHOWN_S]
        yield from (problem for _, problem in self._said)

    def _say(self, sentence: str, remedy: str) -> None:
        logger.error("%s; %s", sentence, remedy)
        self._said.append((time.monotonic(), Problem("degraded", sentence, remedy)))
