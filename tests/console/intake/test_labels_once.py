"""A label is published once, wherever the console that publishes it is stopped, and if it goes on when another has taken over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerFenced
from sqlalchemy import func, select, update

from fraudstream import topics
from fraudstream.adapters.database.case_intake import take_payments
from fraudstream.adapters.database.case_outbox import unpublished
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.tables import LABEL_OUTBOX
from fraudstream.adapters.kafka.outbox import Instead, Outbox, ProduceResults, nothing_instead
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.transactional_publisher import TransactionalPublisher
from fraudstream.console.intake.publishing import CasePublisher
from fraudstream.domain.errors import BrokerUnavailable
from fraudstream.domain.labels import Label, encode
from fraudstream.domain.review.case import Finding
from fraudstream.domain.tokens import partition_of
from fraudstream.settings import Settings
from tests.adapters.database.reviewed import incoming
from tests.console.intake.stage import alert, all_labels_of, close_all, feeding, labels_of, reviewed, until

BEFORE, SENT, COMMITTED = "before it sends", "before it commits", "before it marks"
PAYMENTS = [f"t{number}" for number in range(6)]


class Pausing(TransactionalPublisher):
    """A publisher that waits at a point until it is told to go on, as a process that is stopped or has no processor."""

    def __init__(self, settings: Settings, at: str) -> None:
        super().__init__(Kafka.of(settings), topics.console_transactions(settings))
        self._at = at
        self.there, self.go_on = asyncio.Event(), asyncio.Event()

    async def _point(self, at: str) -> None:
        if at == self._at:
            self.there.set()
            await self.go_on.wait()

    async def publish(self, outbox: Outbox, instead: Instead = nothing_instead) -> ProduceResults:
        """Publish, and wait before or after that."""
        await self._point(BEFORE)
        results = await super().publish(outbox, instead)
        await self._point(SENT)
        return results

    @asynccontextmanager
    async def transaction(self, doing: str) -> AsyncIterator[None]:
        """Commit what is published within, and wait."""
        async with super().transaction(doing):
            yield
        await self._point(COMMITTED)


def closed(database: str) -> CaseStore:
    """Return a database with closed cases whose labels may be published at once."""
    store = CaseStore(opened(database))
    with store.transaction() as cases:
        payments = [incoming(name, f"card{name}") for name in PAYMENTS]
        take_payments(cases.connection, payments, cases.now_ms, 1_000)
    close_all(store, Finding.FRAUD)
    with store.engine.begin() as connection:
        connection.execute(update(LABEL_OUTBOX).values(ready_at=0))
    return store


def to_publish(store: CaseStore) -> int:
    """Return how many labels are not known to be published."""
    with store.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(LABEL_OUTBOX)).scalar_one())


def published(store: CaseStore, transaction_id: str) -> bool:
    """Tell whether there is a case of this payment, and the topic `cases` has it."""
    with store.reading() as cases:
        case = cases.of_payment(transaction_id)
        return case is not None and not unpublished(cases)


async def labelled(settings: Settings) -> list[str]:
    """Return the payment of every label of a review on the topic."""
    return sorted(label["transaction_id"] for label in await all_labels_of(settings))


@asynccontextmanager
async def paused(
    settings: Settings, store: CaseStore, at: str
) -> AsyncIterator[tuple[Pausing, asyncio.Task[int]]]:
    """Publish labels up to a point, and wait there."""
    async with Pausing(settings, at) as publisher:
        task = asyncio.create_task(CasePublisher(settings, store, publisher).labels())
        try:
            await publisher.there.wait()
            yield publisher, task
        finally:
            publisher.go_on.set()
            await asyncio.wait([task])


@pytest.mark.parametrize("at", [BEFORE, SENT, COMMITTED])
async def test_labels_are_published_once_although_a_console_is_stopped_and_goes_on_later(
    kafka_settings: Settings, database_url: str, at: str
) -> None:
    """The next console publishes what the first has not, and the first finds out that it is not asked any more."""
    store = closed(database_url)
    async with paused(kafka_settings, store, at) as (first, publishing):
        async with feeding(kafka_settings, store.engine):
            await until(lambda: 0 == to_publish(store))
        taken_over = await labelled(kafka_settings)
        first.go_on.set()
        if at == COMMITTED:
            assert len(PAYMENTS) == await publishing
        else:
            with pytest.raises((ProducerFenced, BrokerUnavailable)):
                await publishing
    async with feeding(kafka_settings, store.engine) as store:  # and reads what the topic has
        await alert(kafka_settings, ("later", "another card"))
        await until(lambda: "later" in reviewed(store))
    store.engine.dispose()

    assert PAYMENTS == taken_over
    assert PAYMENTS == await labelled(kafka_settings)


async def test_what_a_transaction_of_somebody_else_hides_is_waited_for_and_alerts_are_taken_meanwhile(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    """The first console's labels are committed, but readers see nothing behind a transaction that is open."""
    store = closed(f"sqlite:///{tmp_path / 'f.db'}")
    topic = kafka_settings.topic(topics.LABELS.name)
    other = encode(Label("another", True, 1))
    async with AIOKafkaProducer(**Kafka.of(kafka_settings).client, transactional_id="other") as producer:
        await producer.begin_transaction()
        for partition in {partition_of(each, kafka_settings.partitions) for each in PAYMENTS}:
            await producer.send_and_wait(topic, other, partition=partition)
        async with paused(kafka_settings, store, COMMITTED), feeding(kafka_settings, store.engine):
            for name in ("later", "and later"):  # so once more than it would take to publish labels
                await alert(kafka_settings, (name, name))
                await until(partial(published, store, name))
            hidden, waiting = await labels_of(kafka_settings), to_publish(store)
            await producer.commit_transaction()
            await until(lambda: 0 == to_publish(store))
    store.engine.dispose()

    assert ([], len(PAYMENTS)) == (hidden, waiting)
    assert PAYMENTS == await labelled(kafka_settings)
