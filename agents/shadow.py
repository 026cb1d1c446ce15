"""Lets a challenger decide what was decided, after it is acknowledged, in a thread, and in a bounded share of the time.

decided micro-batches -> shadow-decisions (what the challenger would have decided otherwise)
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from aiokafka.errors import KafkaError

from fraudstream import topics
from fraudstream.adapters.kafka.outbox import Message, Outbox
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.agents.switching import Loaded
from fraudstream.deciding.challenging import Challenged, Challenger, Difference
from fraudstream.deciding.release_detector import DecidedEvents
from fraudstream.domain.errors import FraudstreamError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.lists.table import NO_LISTS, Lists
from fraudstream.domain.tokens import partition_of
from fraudstream.process.yielding import yielding
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)

PATIENCE_S = 10.0

SAME, DIFFERENT, SKIPPED, FAILED, UNPUBLISHED = "same", "different", "skipped", "failed", "unpublished"
"""What became of an event: `unpublished` ones differ, and could not be said."""


class Counts(Protocol):
    """Where a challenger's decisions are counted."""

    def shadowed(self, results: Mapping[str, int], changes: Mapping[tuple[str, str], int]) -> None:
        """Count results, and pairs of outcomes: what was decided, and what the challenger would have."""


class Publish(Protocol):
    """Publishes differences."""

    async def __call__(self, differences: Sequence[Difference]) -> None:
        """Return once they are durable; raises FraudstreamError, KafkaError or OSError."""


class Shadow:
    """Takes a micro-batch while it has nothing else to do, and rests afterwards, so that its share of the time is kept."""

    def __init__(self, time_share: float, publish: Publish, counts: Counts) -> None:
        self._time_share = time_share
        self._publish = publish
        self._counts = counts
        self.challenger: Challenger | None = None
        """None: nothing is to be done."""
        self._busy: asyncio.Task[None] | None = None
        self._rests_until = 0.0

    def offer(self, events: DecidedEvents) -> None:
        """Let the challenger decide a micro-batch that nobody changes any more, if there is time for it."""
        if self.challenger is None or not events.rows:
            return
        if (self._busy is not None and not self._busy.done()) or time.monotonic() < self._rests_until:
            self._counts.shadowed({SKIPPED: events.rows}, {})
            return
        self._busy = asyncio.create_task(self._challenge(self.challenger, events))

    async def ended(self) -> None:
        """Wait until what was begun is done."""
        if self._busy is not None:
            await self._busy

    async def _challenge(self, challenger: Challenger, events: DecidedEvents) -> None:
        started = time.monotonic()
        try:
            found = await asyncio.to_thread(_decided, challenger, events)
        except Exception:  # a challenger must not end the worker that it only watches
            logger.warning("challenger %s cannot decide a micro-batch", challenger.name, exc_info=True)
            self._counts.shadowed({FAILED: events.rows}, {})
            return
        finally:
            ended = time.monotonic()
            self._rests_until = ended + (ended - started) * (1 / self._time_share - 1)
        await self._say(challenger, found)

    async def _say(self, challenger: Challenger, found: Challenged) -> None:
        differing = len(found.differences)
        try:
            if differing:
                await self._publish(found.differences)
            results = {SAME: found.same, DIFFERENT: differing}
        except (FraudstreamError, KafkaError, OSError) as error:
            logger.warning("differences of challenger %s were not published: %s", challenger.name, error)
            results = {SAME: found.same, UNPUBLISHED: differing}
        changes = Counter((each.outcome, each.challenger_outcome) for each in found.differences)
        self._counts.shadowed(results, changes)


def _decided(challenger: Challenger, events: DecidedEvents) -> Challenged:
    with yielding():
        return challenger.decide(events)


class ShadowTopic:
    """Publishes differences by a connection of its own, made when the first one is found: decisions do not wait for it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._publisher: Publisher | None = None

    async def __call__(self, differences: Sequence[Difference]) -> None:
        """Publish differences, keyed by entity."""
        topic, partitions = self._settings.topic(topics.SHADOW_DECISIONS.name), self._settings.partitions
        outbox = Outbox()
        for each in differences:
            key = each.card or ""
            outbox.add(topic, partition_of(key, partitions), Message(key.encode() or None, each.value))
        publisher = await self._connected()
        try:
            await publisher.publish(outbox)
        except (FraudstreamError, KafkaError, OSError):
            await self.stop()
            raise

    async def stop(self) -> None:
        """Disconnect."""
        if self._publisher is not None:
            publisher, self._publisher = self._publisher, None
            await publisher.stop()

    async def _connected(self) -> Publisher:
        if self._publisher is None:
            client = f"{self._settings.app_id}-shadow"
            publisher = Publisher(Kafka.of(self._settings), client, PATIENCE_S)
            await publisher.start()
            self._publisher = publisher
        return self._publisher


class Challenging:
    """Gives a shadow its challenger."""

    def __init__(self, shadow: Shadow, event_type: EventType, lists: Lists = NO_LISTS) -> None:
        self._shadow = shadow
        self._lists = lists
        self._event_type = event_type

    def __call__(self, challenger: Loaded | None) -> None:
        """Begin with a challenger, or end."""
        self._shadow.challenger = (
            None
            if challenger is None
            else Challenger(
                challenger.name, replace(challenger.detector, lists=self._lists), self._event_type
            )
        )
