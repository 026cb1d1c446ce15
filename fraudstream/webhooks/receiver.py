"""One receiver: its events become rows of the database, and rows are sent until they have arrived or are given up.

Nothing of it waits for another receiver. A row and the position after it are written in one transaction, and a row is deleted
after it has arrived: whatever is killed in between, an event is sent again rather than lost.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from fraudstream.adapters.database.webhooks import Delivery, Place, Webhook, Webhooks, now_ms
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import FraudstreamError
from fraudstream.webhooks.sending import Event, Sender
from fraudstream.webhooks.sources import delivery, event_id

logger = logging.getLogger(__name__)

FIRST_WAIT_S = 2.0
WAIT_MAX_S = 3_600.0
"""Between two attempts at most."""

AT_ONCE = 4
"""Requests to one receiver at the same time."""

ROWS_AT_ONCE = 32
WAITING_MAX = 10_000
"""Events of a receiver in the database; more stay in their topic."""

RECORDS_AT_ONCE = 500
LOOK_AGAIN_S = 1.0
AFTER_AN_ERROR_S = 5.0


def wait_s(attempts: int) -> float:
    """Return after how long an event is tried again that was tried so often; they differ a little, so that not all come at once.

    >>> 1 < wait_s(1) <= 2, 2048 < wait_s(12) <= 3600
    (True, True)
    """
    longest: float = min(WAIT_MAX_S, FIRST_WAIT_S * 2 ** (min(attempts, 20) - 1))
    return longest * random.uniform(0.8, 1.0)  # noqa: S311 - no secret


@dataclass(frozen=True)
class Receiver:
    """Tells one receiver of the events of its topics."""

    webhook: Webhook
    secret: str
    store: Webhooks
    sender: Sender
    kafka: Kafka
    topics: dict[str, str]
    """Topic -> the type of its events."""
    partitions: int
    give_up_after_ms: int

    async def run(self) -> None:
        """Go on until it is cancelled."""
        news = asyncio.Event()
        async with asyncio.TaskGroup() as both:
            both.create_task(self._through(lambda: self._read(news), "read"))
            both.create_task(self._through(lambda: self._send(news), "sent"))

    async def _through(self, work: Callable[[], Awaitable[None]], what: str) -> None:
        """Do it again after what may pass by itself."""
        while True:
            try:
                await work()
            except (FraudstreamError, KafkaError, OSError) as error:
                logger.warning("events for the webhook %s cannot be %s: %s", self.webhook.id, what, error)
                await asyncio.sleep(AFTER_AN_ERROR_S)

    async def _read(self, news: asyncio.Event) -> None:
        consumer = AIOKafkaConsumer(
            **self.kafka.client,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        await consumer.start()
        try:
            await self._seek(consumer)
            while True:
                if await asyncio.to_thread(self.store.waiting, self.webhook.id) >= WAITING_MAX:
                    await asyncio.sleep(LOOK_AGAIN_S)
                    continue
                if await self._taken(consumer):
                    news.set()
        finally:
            await consumer.stop()

    async def _seek(self, consumer: AIOKafkaConsumer) -> None:
        """Stand where the last process stopped; of a new partition, or a new webhook, at the moment it was added."""
        places = [
            TopicPartition(topic, partition) for topic in self.topics for partition in range(self.partitions)
        ]
        consumer.assign(places)
        known = await asyncio.to_thread(self.store.positions, self.webhook.id)
        new = [place for place in places if (place.topic, place.partition) not in known]
        if new:
            found = await consumer.offsets_for_times(dict.fromkeys(new, self.webhook.created_at))
            ends = await consumer.end_offsets(new)
            first = {
                (at.topic, at.partition): ends[at] if found.get(at) is None else found[at].offset
                for at in new
            }
            await asyncio.to_thread(self.store.take, self.webhook.id, [], first)
            known |= first
        for place in places:
            consumer.seek(place, known[place.topic, place.partition])

    async def _taken(self, consumer: AIOKafkaConsumer) -> bool:
        """Write events that have come into the database; tell whether there were any."""
        fetched = await consumer.getmany(timeout_ms=500, max_records=RECORDS_AT_ONCE)
        deliveries: list[Delivery] = []
        positions: dict[Place, int] = {}
        for at, records in fetched.items():
            for record in records:
                positions[at.topic, at.partition] = record.offset + 1
                if record.value is None:
                    continue  # it removes an older record of its key
                event = event_id(at.topic, at.partition, record.offset)
                made = delivery(self.topics[at.topic], event, record.timestamp, record.value)
                if made is None:
                    logger.warning("the record %s is no JSON, and is not sent", event)
                else:
                    deliveries.append(made)
        if positions:
            await asyncio.to_thread(self.store.take, self.webhook.id, deliveries, positions)
        return bool(deliveries)

    async def _send(self, news: asyncio.Event) -> None:
        turns = asyncio.Semaphore(AT_ONCE)
        while True:
            news.clear()
            due = await asyncio.to_thread(self.store.due, self.webhook.id, ROWS_AT_ONCE)
            if not due:
                await _until(news, LOOK_AGAIN_S)
                continue
            problems = await asyncio.gather(*(self._sent(each, turns) for each in due))
            arrived = [each.event_id for each, problem in zip(due, problems, strict=True) if not problem]
            tried = [
                self._tried(each, problem) for each, problem in zip(due, problems, strict=True) if problem
            ]
            last = next((problem for problem in reversed(problems) if problem), "")
            await asyncio.to_thread(self.store.settle, self.webhook.id, arrived, tried, last)

    async def _sent(self, waiting: Delivery, turns: asyncio.Semaphore) -> str:
        async with turns:
            event = Event(waiting.event_id, waiting.body.encode(), waiting.attempts + 1)
            return await self.sender.send(self.webhook.url, self.secret, event)

    def _tried(self, waiting: Delivery, problem: str) -> Delivery:
        """Return the event with when it is tried again, or given up if that would be too late."""
        attempts, now = waiting.attempts + 1, now_ms()
        next_at = now + round(wait_s(attempts) * 1000)
        given_up = next_at > waiting.created_at + self.give_up_after_ms
        if given_up:
            logger.warning("the webhook %s has not taken %s: %s", self.webhook.id, waiting.event_id, problem)
        return replace(
            waiting,
            attempts=attempts,
            next_at=next_at,
            failed_at=now if given_up else None,
            problem=problem,
        )


async def _until(news: asyncio.Event, timeout_s: float) -> None:
    try:
        await asyncio.wait_for(news.wait(), timeout_s)
    except TimeoutError:
        return
