"""Publishes what the database has and Kafka has not: the newest state of cases, and labels of closed ones.

Everything is published in transactions of one transactional id. Once a console has begun, none that began before can publish
any more, so what it reads in the topic `labels` is all that they have published.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka.errors import ProducerFenced

from fraudstream import topics
from fraudstream.adapters.database.case_intake import forget_labels
from fraudstream.adapters.database.case_outbox import mark_published, take_ready_labels, unpublished
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.kafka.outbox import Message, Outbox, Refused
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.transactional_publisher import TransactionalPublisher
from fraudstream.domain.errors import BrokerUnavailable
from fraudstream.domain.labels import Label, encode
from fraudstream.domain.review.record import Published, encoded
from fraudstream.domain.tokens import partition_of
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)

PATIENCE_S = 30.0
"""How long brokers may take for records."""
ENDED_S = 2 * PATIENCE_S
"""How long they may take for a transaction, or for its beginning."""


class CasePublisher:
    """An outbox: records are published after the transaction they tell about, and marked once the brokers have them."""

    def __init__(self, settings: Settings, store: CaseStore, publisher: TransactionalPublisher) -> None:
        self._store, self._publisher, self._partitions = store, publisher, settings.partitions
        self._cases = settings.topic(topics.CASES.name)
        self._labels = settings.topic(topics.LABELS.name)

    async def cases(self) -> int:
        """Publish some cases that were changed; return how many."""
        some = await asyncio.to_thread(self._changed)
        if some:
            await self._publish(self._cases, [(each.case.id, encoded(each)) for each in some])
            await asyncio.to_thread(self._mark, some)
        return len(some)

    async def labels(self) -> int:
        """Publish some labels whose closes are final; return how many.

        After a kill between the two steps the next console reads them in the topic, and marks them before it publishes any.
        """
        some = await asyncio.to_thread(self._taken)
        if some:
            await self._publish(self._labels, [(label.transaction_id, encode(label)) for label in some])
            await asyncio.to_thread(self._forget, some)
        return len(some)

    async def _publish(self, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        outbox = Outbox()
        for key, value in records:
            outbox.add(topic, partition_of(key, self._partitions), Message(key.encode(), value))
        async with (
            _ended("publish cases and labels"),
            self._publisher.transaction("publish cases and labels"),
        ):
            await self._publisher.publish(outbox, instead=_left_out)

    def _changed(self) -> list[Published]:
        with self._store.reading() as cases:
            return unpublished(cases)

    def _mark(self, some: Sequence[Published]) -> None:
        with self._store.transaction() as cases:
            mark_published(cases.connection, [each.place for each in some])

    def _taken(self) -> list[Label]:
        with self._store.transaction() as cases:
            return take_ready_labels(cases.connection, cases.now_ms)

    def _forget(self, some: Sequence[Label]) -> None:
        with self._store.transaction() as cases:
            forget_labels(cases.connection, [(label.transaction_id, label.known_at) for label in some])


@asynccontextmanager
async def publishing(settings: Settings, store: CaseStore) -> AsyncIterator[CasePublisher]:
    """Begin to publish; from then on nobody who has begun before can, and Kafka has no open transaction of theirs."""
    publisher = TransactionalPublisher(Kafka.of(settings), topics.console_transactions(settings), PATIENCE_S)
    try:
        async with _ended("begin to publish"):
            await publisher.start()
            await publisher.learn([settings.topic(each.name) for each in (topics.CASES, topics.LABELS)])
        yield CasePublisher(settings, store, publisher)
    except ProducerFenced as error:
        raise BrokerUnavailable(
            f"another console of {settings.app_id} has begun to publish cases and labels; does it have another database?"
        ) from error
    finally:
        await publisher.stop()


@asynccontextmanager
async def _ended(doing: str) -> AsyncIterator[None]:
    """Raise BrokerUnavailable if Kafka takes too long."""
    try:
        async with asyncio.timeout(ENDED_S):
            yield
    except TimeoutError as error:
        raise BrokerUnavailable(f"Kafka took longer than {ENDED_S:g} s to {doing}") from error


def _left_out(refused: Refused) -> list[tuple[str, int, Message]]:
    """Publish nothing in place of a record that its topic does not take, and say so."""
    logger.error("%s is not published: %s; %s", refused.message.key, refused.why, refused.remedy)
    return []
