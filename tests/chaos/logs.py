"""Reading back what Kafka holds: whole topics, ends of logs, committed offsets."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings

Record: TypeAlias = ConsumerRecord[bytes, bytes]
READ_TIMEOUT_S = 60.0


class Logs:
    """The topics of one experiment; `committed_only` hides what open or aborted transactions wrote."""

    def __init__(self, bootstrap: str, settings: Settings, *, committed_only: bool = False) -> None:
        self._bootstrap = bootstrap
        self._settings = settings
        self._isolation = "read_committed" if committed_only else "read_uncommitted"

    @asynccontextmanager
    async def _consumer(self, isolation: str | None = None) -> AsyncIterator[AIOKafkaConsumer]:
        async with AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            fetch_max_wait_ms=50,
            isolation_level=isolation or self._isolation,
        ) as consumer:
            yield consumer

    def places(self, *names: str) -> list[TopicPartition]:
        """Return the partitions of topics."""
        return [
            TopicPartition(self._settings.topic(name), partition)
            for name in names
            for partition in range(self._settings.partitions)
        ]

    async def read(self, name: str) -> list[Record]:
        """Read a topic from its beginning to its present end."""
        return await self.read_places(self.places(name))

    async def read_places(self, places: list[TopicPartition]) -> list[Record]:
        """Read partitions from their beginning to their present end."""
        records: list[Record] = []
        async with self._consumer() as consumer:
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            ends = await consumer.end_offsets(places)
            deadline = time.monotonic() + READ_TIMEOUT_S
            while any([await consumer.position(place) < ends[place] for place in places]):
                assert time.monotonic() < deadline, f"{places} cannot be read to their end"
                for fetched in (await consumer.getmany(timeout_ms=200)).values():
                    records += fetched
        return records

    async def ends(self, *names: str) -> dict[TopicPartition, int]:
        """Return the end offset of every partition of topics."""
        async with self._consumer() as consumer:
            ends: dict[TopicPartition, int] = await consumer.end_offsets(self.places(*names))
            return ends

    async def transactions_ended(self, *names: str) -> None:
        """Wait until no transaction is open in these topics: Kafka answers a commit before it has written all of its markers.

        Until then consumers of committed records are told ends that lie before the transaction.
        """
        places, deadline = self.places(*names), time.monotonic() + READ_TIMEOUT_S
        async with (
            self._consumer("read_uncommitted") as of_all,
            self._consumer("read_committed") as of_committed,
        ):
            ends = await of_all.end_offsets(places)
            while any(end < ends[place] for place, end in (await of_committed.end_offsets(places)).items()):
                assert time.monotonic() < deadline, f"a transaction does not end in {places}"
                await asyncio.sleep(0.02)

    async def ends_of(self, topic: str) -> dict[TopicPartition, int]:
        """Return the end offsets of a topic that has no prefix."""
        async with self._consumer() as consumer:
            places = [TopicPartition(topic, partition) for partition in range(self._settings.partitions)]
            ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
            return ends

    async def committed(self) -> dict[TopicPartition, int]:
        """Return what the workers' group has committed."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        try:
            await admin.start()
            offsets = await admin.list_consumer_group_offsets(self._settings.app_id)
            return {place: offset.offset for place, offset in offsets.items()}
        finally:
            await admin.close()

    async def lag(self) -> int:
        """Return how many source records are not committed. A transaction's marker at the end of a log is no record."""
        committed = await self.committed()
        lag = 0
        for place, end in (await self.ends("transactions", "transactions-by-card")).items():
            behind = end - max(0, committed.get(place, 0))
            repartitioned_marker = place.topic.endswith("by-card") and self._isolation == "read_committed"
            lag += behind if not (repartitioned_marker and behind == 1) else 0
        return lag

    async def settled(self, timeout_s: float) -> int | None:
        """Wait until every source record is committed; return how many are not in the end, None if no broker says.

        If none is left, all that was decided can be read, too.
        """
        deadline = time.monotonic() + timeout_s
        lag: int | None = None
        while time.monotonic() < deadline:
            try:
                lag = await self.lag()
            except (KafkaError, SetupError):  # brokers on their way back, or no group has met yet
                lag = None
            if lag == 0:
                break
            await asyncio.sleep(0.2)
        if lag == 0 and self._isolation == "read_committed":
            await self.transactions_ended("decisions", "fraud-alerts", "dead-letters")
        return lag


def by_partition(records: Iterable[Record]) -> dict[int, list[Record]]:
    """Group records by partition, in order of offset."""
    grouped: dict[int, list[Record]] = {}
    for record in sorted(records, key=lambda record: record.offset):
        grouped.setdefault(record.partition, []).append(record)
    return grouped
