"""Commits outputs and their source offsets in one Kafka transaction, with one transactional id per source partition.

The id fences: the last worker to start it owns the partition's outputs. A worker that lost the partition without
noticing (paused, cut off) has its next commit refused, and its open transaction is aborted before its successor reads
the committed offsets. docs/decisions/0009-exactly-once-outputs.md
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping

from aiokafka.structs import TopicPartition
from faust.types import TP

from fraudstream.adapters.kafka.admin import limits_of
from fraudstream.adapters.kafka.outbox import Instead, Outbox
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.transactional_publisher import TransactionalPublisher
from fraudstream.domain.problems import Problem


class Transaction(TransactionalPublisher):
    """The producer of one source partition."""

    def __init__(self, kafka: Kafka, transactional_id: str, group: str, patience_s: float | None) -> None:
        super().__init__(kafka, transactional_id, patience_s)
        self._group = group

    async def commit(self, outbox: Outbox, offsets: Mapping[TP, int], instead: Instead) -> None:
        """Publish, and commit the offsets to read next, all or nothing; raises if fenced or undeliverable."""
        async with self.transaction(f"commit what {self._group} has decided, with its outputs"):
            await self.publish(outbox, instead)
            await self.producer.send_offsets_to_transaction(
                {TopicPartition(tp.topic, tp.partition): offset for tp, offset in offsets.items()},
                self._group,
            )


class Transactions:
    """The producers of the partitions a worker has."""

    def __init__(
        self, kafka: Kafka, group: str, outputs: Collection[str], patience_s: float | None = None
    ) -> None:
        """`outputs` are the full names of the topics that are written."""
        self._kafka = kafka
        self._group = group
        self._outputs = outputs
        self._patience_s = patience_s
        self._of_partition: dict[int, Transaction] = {}

    async def take_over(self, partitions: Collection[int]) -> None:
        """Own exactly these partitions from now on, and fence their former owners.

        The producers learn their topics before they write: a quota that delays a record delays later questions, too.
        If this is cancelled half-way, the next call stops what it started.
        """
        await self.stop()
        self._of_partition = {
            partition: Transaction(self._kafka, f"{self._group}-{partition}", self._group, self._patience_s)
            for partition in partitions
        }
        taken = self.taken()
        await asyncio.gather(*(transaction.start() for transaction in taken))
        limits = await limits_of(self._kafka, self._outputs) if taken else {}
        await asyncio.gather(*(transaction.know(limits) for transaction in taken))

    def taken(self) -> Collection[Transaction]:
        """Return the producers."""
        return self._of_partition.values()

    async def commit(
        self, outputs: Mapping[int, Outbox], offsets: Mapping[int, Mapping[TP, int]], instead: Instead
    ) -> None:
        """Commit the outputs and offsets of a micro-batch, each partition by itself, all at the same time."""
        await asyncio.gather(
            *(
                self._of_partition[partition].commit(outputs.get(partition, Outbox()), of_partition, instead)
                for partition, of_partition in offsets.items()
            )
        )

    def problems(self) -> Iterator[Problem]:
        """Yield a problem for what publishing waits for."""
        for transaction in self.taken():
            yield from transaction.problems()

    async def stop(self) -> None:
        """Disconnect."""
        await asyncio.gather(*(transaction.stop() for transaction in self.taken()))
        self._of_partition = {}
