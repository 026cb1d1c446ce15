"""decisions, labels -> archive (Parquet): a process of its own, so that it can neither block nor slow down scoring.

    read -> columns -> one file a day and partition, durable -> commit the offsets

Offsets are committed only after their files are durable, and no row is written that a file already holds: after a kill -9
at any moment the next start learns from the names of the files what is archived.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import cast

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from fraudstream import topics
from fraudstream.adapters.archive.lake import Covered, Lake, LakeFile, Stream, labels_lake
from fraudstream.adapters.archive.objects import ObjectStore, ObjectsUnavailable
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.failures import PERMANENT, kafka_error, of_kafka
from fraudstream.adapters.kafka.partition_logs import partition_logs
from fraudstream.adapters.kafka.record_batches import read_every_batch
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.undecodable import Undecodable
from fraudstream.agents.archive_fit import Feed, held
from fraudstream.domain.archived import archived
from fraudstream.domain.labels import archived_labels
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)

POLL_MS = 500
IDLE_POLLS_MAX = 6
"""With `once`, this many empty polls are the end, too. Transaction markers are never delivered, so the position may stay
before the end of the topic."""

RETRY_FIRST_S, RETRY_MOST_S = 1.0, 30.0
"""Wait before another try: the first, then doubled up to the second."""

PROBED = "probe/"
"""A prefix that is never written, listed at the start to see whether we have access to the archive at all."""

Records = list[ConsumerRecord[bytes, bytes]]
Archived = Callable[[list[LakeFile], int], None]
"""Called with the files and the number of rows of every round."""


class Archiver(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Gathers records and writes them together, every `archive_interval_s` seconds or `archive_rows_max` rows."""

    def __init__(
        self, settings: Settings, objects: ObjectStore, on_archived: Archived = lambda files, rows: None
    ) -> None:
        self._settings = settings
        self._objects = objects
        self._feeds = {
            settings.topic(topics.DECISIONS.name): Feed(
                Lake(objects), partial(archived, variables=event_type_named(settings.event_type).columns)
            ),
            settings.topic(topics.LABELS.name): Feed(labels_lake(objects), archived_labels),
        }
        self._on_archived = on_archived
        self._consumer: AIOKafkaConsumer = None
        self._pending: defaultdict[TopicPartition, Records] = defaultdict(list)
        self._covered: dict[TopicPartition, Covered] | None = None
        self._writing = asyncio.Lock()
        self._since = time.monotonic()

    async def run(self, stop: asyncio.Event, *, once: bool = False) -> None:
        """Archive until told to stop, or with `once` up to where the topic ends now.

        Raises ObjectsRefused if the archive denies us access. One that does not answer is waited for; with `once`, or when
        told to stop, that raises ObjectsUnavailable. Raises SetupError if Kafka does not let us read or commit,
        BrokerUnavailable if it does not answer.
        """
        try:
            await self._run(stop, once)
        except KafkaError as error:
            raise kafka_error("archiving failed", error) from error

    async def _run(self, stop: asyncio.Event, once: bool) -> None:
        await self._probe(stop, once)
        read_every_batch()
        self._consumer = AIOKafkaConsumer(
            **Kafka.of(self._settings).client,
            group_id=topics.archive_group(self._settings),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=round(self._settings.session_timeout_s * 1000),
        )
        await self._consumer.start()
        try:
            self._consumer.subscribe(list(self._feeds), listener=self)
            ends: dict[TopicPartition, int] | None = None
            idle_polls = 0
            while not stop.is_set():
                fetched = await self._consumer.getmany(timeout_ms=POLL_MS)
                for partition, records in fetched.items():
                    self._pending[partition] += records
                idle_polls = 0 if fetched else idle_polls + 1
                if self._covered is None and self._consumer.assignment():
                    async with self._writing:
                        await self._patiently(self._look, stop, once)
                if once and ends is None and (own := self._consumer.assignment()):
                    ends = await self._consumer.end_offsets(list(own))
                if self._due():
                    await self._flush(stop, once)
                if ends is not None and (idle_polls >= IDLE_POLLS_MAX or await self._reached(ends)):
                    break
            await self._flush(stop, once)
        finally:
            await self._consumer.stop()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Wait for a round in progress; drop what is not written, the next owner reads it again."""
        async with self._writing:
            self._pending = defaultdict(list)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Forget which files the archive had: they are listed again before anything is written."""
        self._covered = None
        names = ", ".join(str(tp.partition) for tp in sorted(assigned)) or "none"
        logger.info("archiving partitions %s", names)

    def _due(self) -> bool:
        rows = sum(map(len, self._pending.values()))
        waited_s = time.monotonic() - self._since
        return rows >= self._settings.archive_rows_max or waited_s >= self._settings.archive_interval_s

    async def _reached(self, ends: dict[TopicPartition, int]) -> bool:
        return all([await self._consumer.position(tp) >= end for tp, end in ends.items()])

    async def _probe(self, stop: asyncio.Event, once: bool) -> None:
        """Ask the archive for a listing, so that missing access is known before anything is read."""

        async def ask() -> None:
            await self._objects.names(PROBED)

        await self._patiently(ask, stop, once)

    async def _flush(self, stop: asyncio.Event, once: bool) -> None:
        """Write what is pending and commit it."""
        pending, self._pending, self._since = self._pending, defaultdict(list), time.monotonic()
        async with self._writing:
            await self._patiently(partial(self._write, pending), stop, once)

    async def _patiently(self, use: Callable[[], Awaitable[None]], stop: asyncio.Event, once: bool) -> None:
        """Use the store; while it does not answer, wait and try again, unless told to stop or to run once."""
        wait_s = RETRY_FIRST_S
        while True:
            try:
                await use()
                return
            except ObjectsUnavailable as error:
                if once or stop.is_set():
                    raise
                logger.warning("archiving is retried, nothing is lost: %s", error)
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, RETRY_MOST_S)

    async def _look(self) -> None:
        """Learn what the archive has of our partitions; raises SetupError if it was not written from these topics."""
        group = topics.archive_group(self._settings)
        async with partition_logs(Kafka.of(self._settings), group) as logs:
            covered, starts = await held(logs, self._feeds, self._consumer.assignment())
        for place, offset in starts.items():
            self._pending.pop(place, None)
            self._consumer.seek(place, offset)
        self._covered = covered

    async def _write(self, pending: dict[TopicPartition, Records]) -> None:
        files, rows, archived_of = list[LakeFile](), 0, list[TopicPartition]()
        covered = self._covered or {}
        if not pending:
            return
        for tp, records in pending.items():
            if tp not in covered:
                continue  # no longer ours: its owner reads it again
            feed = self._feeds[tp.topic]
            if readable := _readable(records):
                values, places = zip(
                    *((record.value or b"", record.offset) for record in readable), strict=True
                )
                frame = await asyncio.to_thread(feed.columns, values, places)
                files += await feed.lake.write(Stream(tp.topic, tp.partition), frame, covered[tp])
            rows += len(readable)
            archived_of.append(tp)
        try:  # behind the markers of transactions, too: nobody is to believe that they are records to come
            offsets = {tp: await self._consumer.position(tp) for tp in archived_of}
            await self._consumer.commit(offsets)
        except KafkaError as error:
            if of_kafka(error) == PERMANENT:
                raise
            # Taken over by another archiver, or the brokers are away: what the files hold is not written again.
            logger.warning("offsets were not committed: %s", error)
        self._on_archived(files, rows)


def _readable(records: Records) -> Records:
    """Leave out records that cannot be decoded, and log them: the brokers' copy is damaged, and there is no other."""
    damaged = [record for record in records if isinstance(record.value, Undecodable)]
    for record in damaged:
        logger.error(
            "not archived, because %s partition %s offset %s is damaged: %s",
            *(record.topic, record.partition, record.offset, cast(Undecodable, record.value).why),
        )
    return [record for record in records if not isinstance(record.value, Undecodable)] if damaged else records
