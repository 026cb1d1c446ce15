"""The last five minutes of scores: of the topic while somebody looks at them, else the newest of the archive."""

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass

import msgspec
from aiokafka.errors import KafkaError

from fraudstream import topics
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.tail import Record, following
from fraudstream.analytics.series import LENGTH_MS, STEP_MS, Scored, Series, series_of
from fraudstream.domain.errors import FraudstreamError
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)

UNSEEN_S = 60.0
"""The topic is read for so long after somebody has looked."""
RECORDS_MAX = 500_000
"""Decisions of five minutes that are kept; beyond that the oldest are left out."""
POLL_MS = 500


class _Decided(msgspec.Struct, gc=False):
    """What is read of a decision."""

    decided_at: int
    score: int
    fraud: bool


_decode = msgspec.json.Decoder(_Decided).decode


@dataclass(frozen=True, slots=True)
class Live:
    """What is known of the topic. `why_not`: why it is not read; empty if it is."""

    series: Series | None
    now_ms: int
    why_not: str = ""


class LiveScores:
    """Follows `decisions` without a group, from five minutes ago, as long as somebody looks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._scored: deque[Scored] = deque(maxlen=RECORDS_MAX)
        self._looked_at_s = 0.0
        self._reading: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._why_not = "the topic has not been read yet"

    async def look(self, wait_s: float = 3.0) -> Live:
        """Return the series as it is now, waiting for the first look into the topic."""
        self._looked_at_s = time.monotonic()
        if self._reading is None or self._reading.done():
            self._ready.clear()
            self._reading = asyncio.create_task(self._read(), name="live scores")
        try:
            await asyncio.wait_for(self._ready.wait(), wait_s)
        except TimeoutError:
            return Live(None, _now_ms(), "the broker has not answered yet")
        now_ms = _now_ms()
        return Live(None if self._why_not else series_of(self._scored, now_ms), now_ms, self._why_not)

    async def stop(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        self._scored.clear()
        kafka, topic = Kafka.of(self._settings), self._settings.topic(topics.DECISIONS.name)
        try:
            async with following(kafka, topic, self._settings.partitions) as tail:
                self._add(await tail.backlog(_now_ms() - LENGTH_MS, RECORDS_MAX))
                self._why_not = ""
                self._ready.set()
                while time.monotonic() - self._looked_at_s < UNSEEN_S:
                    self._add(await tail.fetch(POLL_MS))
        except (FraudstreamError, KafkaError, msgspec.DecodeError) as error:
            logger.warning("scores cannot be read from the topic: %s", error)
            self._why_not = "the topic of decisions cannot be read; the console's log says why"
            self._ready.set()

    def _add(self, records: list[Record]) -> None:
        for record in records:
            if record.value:
                decided = _decode(record.value)
                self._scored.append(Scored(decided.decided_at, decided.score, decided.fraud))
        oldest_ms = _now_ms() - LENGTH_MS - STEP_MS
        while self._scored and self._scored[0].time_ms < oldest_ms:
            self._scored.popleft()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
