"""Publishes in Kafka transactions: of all that were started with one transactional id only the last can commit.

Whoever went before, paused or cut off, has its next transaction refused, and what it left open is aborted or committed
before `start` returns. So what a log holds then is all that the ones before will ever have published.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from fraudstream.adapters.failures import NOT_ALLOWED, not_authorised
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import BrokerUnavailable

TRANSACTION_TIMEOUT_MS = 30_000
"""How long the transaction of a killed process may keep read_committed consumers waiting if nobody takes over."""


class TransactionalPublisher(Publisher):
    """A publisher whose outboxes are published in transactions."""

    def __init__(self, kafka: Kafka, transactional_id: str, patience_s: float | None = None) -> None:
        super().__init__(kafka, transactional_id, patience_s)
        self._transactional_id = transactional_id

    def _new_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **self._producer_settings(),
            transactional_id=self._transactional_id,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        )

    async def start(self) -> None:
        """Connect, and fence those who were started before; their open transaction is ended when this returns."""
        with allowed_some_day(f"begin transactions of {self._transactional_id}"):
            await super().start()
            await self.producer.begin_transaction()  # waits for the producer id, which the fence is part of
            await self.producer.commit_transaction()

    @asynccontextmanager
    async def transaction(self, doing: str) -> AsyncIterator[None]:
        """Commit what is published within, all or nothing; raises if fenced or undeliverable, and is of no use then.

        `doing`: what it is for, in words. An error leaves the transaction open: the next `start` ends it, or its time-out.
        """
        with allowed_some_day(doing):
            await self.producer.begin_transaction()
            yield
            await self.producer.commit_transaction()

    async def _until_allowed(self, topic: str, error: KafkaError) -> None:
        """Raise: aiokafka cannot go on with this transaction, and a new producer could fence our successor."""
        with allowed_some_day(f"write topic {topic}"):
            raise error


@contextmanager
def allowed_some_day(doing: str) -> Iterator[None]:
    """Raise BrokerUnavailable for a lack of rights: a restart begins afresh as soon as they are given back."""
    try:
        yield
    except NOT_ALLOWED as error:
        raise BrokerUnavailable(str(not_authorised(doing, error))) from error
