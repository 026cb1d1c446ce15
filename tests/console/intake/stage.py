"""Topics with alerts, and the reading of them into a database, for tests."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from sqlalchemy import Engine

from fraudstream.adapters.database.case_queries import View
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.console.background import Background, end
from fraudstream.console.intake.feed import CaseFeed
from fraudstream.domain.review.actions import Close
from fraudstream.domain.review.case import Finding
from fraudstream.domain.tokens import partition_of
from fraudstream.settings import Settings
from tests.adapters.database.reviewed import decision
from tests.chaos.logs import Logs
from tests.end_to_end.harness import read_all_committed, reading

PATIENCE_S = 120.0


async def send(settings: Settings, topic: str, values: Iterable[tuple[str, bytes]]) -> None:
    """Publish records with a key each."""
    async with AIOKafkaProducer(**Kafka.of(settings).client, acks="all") as producer:
        name = settings.topic(topic)
        sent = [
            await producer.send(name, value, key.encode(), partition_of(key, settings.partitions))
            for key, value in values
        ]
        await asyncio.gather(*sent)


async def alert(settings: Settings, *payments: tuple[str, str]) -> None:
    """Publish alerts of payments (transaction id, card), as a worker does: on two topics."""
    now = time.time_ns() // 1_000_000
    values = [(card, decision(name, card, 10.0, now)) for name, card in payments]
    await send(settings, "decisions", values)
    await send(settings, "fraud-alerts", values)


@asynccontextmanager
async def feeding(settings: Settings, engine: Engine) -> AsyncIterator[CaseStore]:
    """Keep cases in step with the topics, as a console does beside its pages."""
    task = asyncio.create_task(Background("reading alerts", CaseFeed(settings, engine).run).run())
    try:
        yield CaseStore(engine)
    finally:
        await end([task])


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not await asyncio.to_thread(true):
        assert time.monotonic() < deadline, "it was not so in time"
        await asyncio.sleep(0.1)


def reviewed(store: CaseStore) -> dict[str, str]:
    """Return the payments of all open cases: transaction id -> card."""
    with store.reading() as cases:
        found = cases.queue(View(), limit=10_000)
        return {payment.transaction_id: case.entity for case in found for payment in cases.payments(case.id)}


def close_all(store: CaseStore, finding: Finding) -> list[str]:
    """Close all waiting cases, and return their payments."""
    payments = [*reviewed(store)]
    with store.transaction() as cases:
        ids = [case.id for case in cases.queue(View(), limit=10_000)]
        cases.change_all(ids, Close(finding, "because"), "ann")
    return payments


async def labels_of(settings: Settings, at_least: int = 0) -> list[Mapping[str, Any]]:
    """Return the labels of reviews on the topic, as soon as there are so many."""
    deadline = time.monotonic() + PATIENCE_S
    async with reading(settings, "labels", "read_committed") as topic:
        while True:
            labels = [json.loads(record.value or b"") for record in await topic.to_the_end()]
            ours = [label for label in labels if label.get("source") == "review"]
            if len(ours) >= at_least:
                return ours
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)


async def all_labels_of(settings: Settings) -> list[Mapping[str, Any]]:
    """Return the labels of reviews on the topic, all that were committed."""
    await Logs(settings.broker, settings).transactions_ended("labels")
    return await labels_of(settings)


async def cases_of(settings: Settings) -> dict[str, Mapping[str, Any]]:
    """Return the newest record of each case on the topic, by its key."""
    records = await read_all_committed(settings, "cases")
    return {(record.key or b"").decode(): json.loads(record.value or b"") for record in records}
