"""What runs beside the pages: topics -> cases -> topics, in one console of those with the same database.

    cases (where the database was restored) -> alerts and decisions -> labels -> what is to be published

In this order at the start: so nothing is opened, or published, that the topics have already.
"""

import asyncio
import logging
import threading
import time
from contextlib import ExitStack

import msgspec
from aiokafka.errors import KafkaError
from sqlalchemy import Engine

from fraudstream import topics
from fraudstream.adapters.database.case_recovery import recover
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.leader import leading
from fraudstream.adapters.database.positions import advance, stored
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.failures import kafka_error
from fraudstream.adapters.kafka.admin import administration, ensure_topics, existing_topics
from fraudstream.adapters.kafka.log_fit import Position, print_of, starts
from fraudstream.adapters.kafka.partition_logs import PartitionLogs, Place, Record, partition_logs
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.console.intake.publishing import CasePublisher, publishing
from fraudstream.console.intake.reading import LogChanged, Reading
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.review.intake import Intake
from fraudstream.domain.review.record import Published, decoded
from fraudstream.domain.times import HOUR_MS
from fraudstream.domain.tokens import ENTITY_WORDS
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)

WAIT_MS = 300
"""How long a round waits for records."""
PUBLISH_EVERY_S = 1.0
COMMIT_EVERY_S = 5.0
CHECK_EVERY_S = 60.0
"""How often it is looked whether the topics are still the same ones."""


def intake_of(settings: Settings, event_type: EventType) -> Intake:
    """Return what is reviewed with these settings."""
    rules = frozenset(name.strip() for name in settings.console_review_rules.split(",") if name.strip())
    entity = event_type.entity
    return Intake(ENTITY_WORDS[entity.kind] if entity else None, rules, settings.console_blind_review)


class CaseFeed:
    """Keeps the cases in step with the topics; `run` goes to `Console.beside`."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._store = CaseStore(engine)
        self._event_type = event_type_named(settings.event_type)
        names = topics.ALERTS, topics.DECISIONS, topics.LABELS, topics.CASES
        self._alerts, self._decisions, self._labels, self._cases = (
            settings.topic(each.name) for each in names
        )

    async def run(self) -> None:
        """Run until cancelled; raises FraudstreamError when Kafka or the database fails, and may be run again then."""
        stop, held = threading.Event(), ExitStack()
        try:
            await asyncio.to_thread(held.enter_context, leading(self._store.engine, "cases", stop))
            await self._lead()
        except KafkaError as error:
            raise kafka_error("cases cannot be kept in step with Kafka", error) from error
        finally:
            stop.set()
            held.close()

    async def _lead(self) -> None:
        settings, kafka = self._settings, Kafka.of(self._settings)
        await ensure_topics(settings)
        counts = await self._partitions(kafka)
        async with (
            partition_logs(kafka, topics.console_group(settings)) as logs,
            publishing(settings, self._store) as publisher,  # before any topic's end is asked for
        ):
            await self._recover(logs, counts[self._cases])
            sources = {name: counts[name] for name in (self._alerts, self._decisions)}
            reading = Reading(
                self._store,
                intake_of(settings, self._event_type),
                round(settings.console_due_hours * HOUR_MS),
                sources,
                (self._labels, counts[self._labels]),
            )
            async with reading.begun(kafka, logs):
                await self._catch_up(reading, logs, publisher)
                logger.info("cases are in step with Kafka")
                await self._keep_up(reading, logs, publisher, kafka, counts)

    async def _catch_up(self, reading: Reading, logs: PartitionLogs, publisher: CasePublisher) -> None:
        """Read what the topics have by now: alerts first, so that labels find their payments.

        Labels are read up to the end of what is written, not of what is committed: a transaction that somebody else has
        open hides what consoles before this one have published.
        """
        ends = {place: span.end for place, span in (await logs.spans(reading.sources)).items()}
        ends |= await logs.ends(reading.labels)
        for places in (reading.sources, [*reading.sources, *reading.labels]):
            while not await reading.reached(places, ends):
                await reading.take(places, WAIT_MS)
                await publisher.cases()

    async def _keep_up(
        self,
        reading: Reading,
        logs: PartitionLogs,
        publisher: CasePublisher,
        kafka: Kafka,
        counts: dict[str, int],
    ) -> None:
        """Read and publish what comes, for ever."""
        published = committed = checked = time.monotonic()
        while True:
            await reading.take(reading.sources, WAIT_MS)
            if await reading.near_end():
                await reading.take(reading.labels, 0)
            now = time.monotonic()
            if now - published >= PUBLISH_EVERY_S:
                await self._publish(publisher)
                published = now
            if now - committed >= COMMIT_EVERY_S:
                await logs.commit(await reading.passed())
                committed = now
            if now - checked >= CHECK_EVERY_S:
                await reading.check(logs)
                if counts != await self._partitions(kafka):
                    raise LogChanged("a topic has got other partitions; reading begins again")
                checked = now

    async def _publish(self, publisher: CasePublisher) -> None:
        """Publish all that is to be published now; labels only if events have ids that labels can name."""
        while await publisher.cases():
            continue
        while self._event_type.id is not None and await publisher.labels():
            continue

    async def _partitions(self, kafka: Kafka) -> dict[str, int]:
        """Return how many partitions each of our topics has."""
        async with administration(kafka) as admin:
            names = [self._alerts, self._decisions, self._labels, self._cases]
            return {name: topic.partitions for name, topic in (await existing_topics(admin, names)).items()}

    async def _recover(self, logs: PartitionLogs, partitions: int) -> None:
        """Take what the topic `cases` has and the database has not."""
        places = [(self._cases, partition) for partition in range(partitions)]
        read = await asyncio.to_thread(self._read, places)
        found, last = list[Published](), dict[Place, Record]()
        async for place, records in logs.read_many(await starts(logs, read)):
            last[place] = records[-1]
            for record in records:
                try:
                    found.append(decoded(record.value or b""))
                except msgspec.DecodeError as error:
                    logger.warning("%s, partition %s, offset %s is no case: %s", *place, record.offset, error)
        after = {place: Position(record.offset + 1, print_of(record)) for place, record in last.items()}
        taken = await asyncio.to_thread(self._take_cases, found, read, after)
        if taken:
            logger.warning(
                "%s cases were newer on the topic %s than in the database, and were taken from there",
                *(taken, self._cases),
            )

    def _read(self, places: list[Place]) -> dict[Place, Position | None]:
        with self._store.reading() as cases:
            known = stored(cases.connection, self._cases)
        return {place: known.get(place) for place in places}

    def _take_cases(
        self, found: list[Published], before: dict[Place, Position | None], after: dict[Place, Position]
    ) -> int:
        taken = recover(self._store, found)
        with self._store.transaction() as cases:
            for place, position in sorted(after.items()):
                advance(cases.connection, place, before[place], position)
        return taken
