"""Reads alerts, decisions and labels into the database, each record once: its offset is stored with what is made of it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from fraudstream.adapters.database.case_intake import take_labels, take_payments
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.positions import advance, stored
from fraudstream.adapters.kafka.log_fit import Position, print_of, starts
from fraudstream.adapters.kafka.partition_logs import PartitionLogs, Place, Record
from fraudstream.adapters.kafka.record_batches import read_every_batch
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import FraudstreamError
from fraudstream.domain.labels import Label, decode
from fraudstream.domain.review.intake import Incoming, Intake
from fraudstream.domain.rules import APPROVE

logger = logging.getLogger(__name__)

RECORDS_MAX = 2_000
"""In one transaction."""
GATHERED_BYTES, GATHERED_MS = 1024 * 1024, 500
"""The broker answers once it has so much, or after so long. Without this it answers with the few decisions of each of a worker's
micro-batches, and what a fetch and a transaction cost is paid dozens of times a second."""
PASSED_OVER_S = 5.0
"""How long records that make nothing may be read without storing it: a console that is killed meanwhile reads them again."""
NEAR_END = 5_000
"""So many unread records of a partition are no reason not to read labels: their payments are older."""


class LogChanged(FraudstreamError):
    """A topic is no longer what was read: reading begins again, where it has to."""

    later = True


class Reading:
    """The partitions of the topics that become cases, read by one consumer; made by `begun`."""

    def __init__(
        self,
        store: CaseStore,
        intake: Intake,
        due_ms: int,
        sources: Mapping[str, int],
        labels: tuple[str, int],
    ) -> None:
        """`sources`: the topics of alerts and decisions, `labels` that of labels, with their numbers of partitions."""
        self._store, self._intake, self._due_ms = store, intake, due_ms
        self._alerts = next(iter(sources))
        self._labels_topic = labels[0]
        self.sources = [
            TopicPartition(topic, each) for topic, count in sources.items() for each in range(count)
        ]
        self.labels = [TopicPartition(labels[0], each) for each in range(labels[1])]
        self.positions: dict[Place, Position | None] = {}
        """What the database has."""
        self._passed_over: dict[Place, Position] = {}
        """What has been read since, and made nothing."""
        self._stored_s = 0.0
        self._consumer: AIOKafkaConsumer = None

    @contextlib.asynccontextmanager
    async def begun(self, kafka: Kafka, logs: PartitionLogs) -> AsyncIterator[None]:
        """Go on where the database says, and end at the end."""
        read_every_batch()
        places = [*self.sources, *self.labels]
        self.positions = await asyncio.to_thread(self._stored, places)
        self._consumer = AIOKafkaConsumer(
            **kafka.client,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_min_bytes=GATHERED_BYTES,
            fetch_max_wait_ms=GATHERED_MS,
        )
        await self._consumer.start()
        try:
            self._consumer.assign(places)
            for place, offset in (await starts(logs, self.positions)).items():
                self._consumer.seek(TopicPartition(*place), offset)
            yield
        finally:
            await self._consumer.stop()

    async def take(self, places: Sequence[TopicPartition], wait_ms: int) -> int:
        """Read some records and make of them what they are; return how many."""
        fetched = await self._consumer.getmany(*places, timeout_ms=wait_ms, max_records=RECORDS_MAX)
        if fetched or self._passed_over:
            await asyncio.to_thread(self._store_all, fetched)
        return sum(map(len, fetched.values()))

    async def reached(self, places: Sequence[TopicPartition], ends: Mapping[Place, int]) -> bool:
        """Tell whether everything before these ends was read."""
        return all([await self._consumer.position(place) >= ends[place] for place in places])

    async def passed(self) -> dict[Place, int]:
        """Return up to where partitions of which we know records have been read, behind transactions' markers, too."""
        return {place: await self._consumer.position(place) for place, at in self.positions.items() if at}

    async def near_end(self) -> bool:
        """Tell whether the newest alerts and decisions have been read, but for some."""
        behind = [
            (self._consumer.highwater(place) or 0) - await self._consumer.position(place)
            for place in self.sources
        ]
        return max(behind, default=0) <= NEAR_END

    async def check(self, logs: PartitionLogs) -> None:
        """Raise LogChanged if a topic was recreated while it was read."""
        read = {place: at for place, at in self.positions.items() if at is not None}
        for place, offset in (await starts(logs, read)).items():
            if offset != read[place].next_offset:
                raise LogChanged(f"topic {place[0]} was recreated; it is read from its first record")

    def _stored(self, places: Collection[TopicPartition]) -> dict[Place, Position | None]:
        with self._store.reading() as cases:
            topics = {place.topic for place in places}
            known = {place: at for topic in topics for place, at in stored(cases.connection, topic).items()}
        return {place: known.get(place) for place in places}

    def _store_all(self, fetched: Mapping[TopicPartition, list[Record]]) -> None:
        for place, records in fetched.items():
            self._passed_over[place] = Position(records[-1].offset + 1, print_of(records[-1]))
        incoming, labels = list[Incoming](), list[Label]()
        for place, records in fetched.items():
            if place.topic == self._labels_topic:
                labels += _labels(records)
            else:
                incoming += self._incoming(records, place.topic == self._alerts)
        if not incoming and not labels and time.monotonic() - self._stored_s < PASSED_OVER_S:
            return
        with self._store.transaction() as cases:
            for place, position in sorted(self._passed_over.items()):
                advance(cases.connection, place, self.positions[place], position)
            take_payments(cases.connection, incoming, cases.now_ms, self._due_ms)
            take_labels(cases.connection, labels)
        self.positions |= self._passed_over
        self._passed_over, self._stored_s = {}, time.monotonic()

    def _incoming(self, records: Sequence[Record], are_alerts: bool) -> list[Incoming]:
        found = []
        for record in records:
            value = record.value or b""
            if not are_alerts and not self._intake.may_be_reviewed(value):
                continue
            try:
                incoming = self._intake.incoming(value)
            except msgspec.DecodeError as error:
                logger.warning(
                    "%s, partition %s, offset %s is no decision and cannot be reviewed: %s",
                    *(record.topic, record.partition, record.offset, error),
                )
                continue
            if incoming is not None and (are_alerts or incoming.payment.outcome == APPROVE):
                found.append(incoming)
        return found


def _labels(records: Sequence[Record]) -> list[Label]:
    """Return labels; records that are none, as others may write, are left out, as in the archive."""
    found = []
    for record in records:
        with contextlib.suppress(msgspec.DecodeError):
            found.append(decode(record.value or b""))
    return found
