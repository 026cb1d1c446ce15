"""Outputs and the source offsets they come from in one Kafka transaction, one transactional id per source partition.

The id is the fence: whoever starts it last owns the partition's outputs. A worker that lost the partition without
noticing (paused, cut off) has its next commit refused, and its open transaction is aborted before its successor reads
where to begin. docs/decisions/0009-exactly-once-outputs.md
"""

import asyncio
from collections.abc import Collection, Mapping

from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition
from faust.types import TP

from fraudstream.adapters.kafka_security import Kafka
from fraudstream.adapters.publisher import Outbox, Publisher

TRANSACTION_TIMEOUT_MS = 30_000
"""How long the transaction of a killed worker may keep read_committed consumers waiting if nobody takes over."""


class Transaction(Publisher):
    """The producer of one source partition."""

    def __init__(self, kafka: Kafka, transactional_id: str, group: str) -> None:
        super().__init__(kafka, transactional_id)
        self._transactional_id = transactional_id
        self._group = group

    def _new_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **self._producer_settings(),
            transactional_id=self._transactional_id,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        )

    async def start(self) -> None:
        """Connect, and fence whoever had the partition before; its open transaction is aborted when this returns."""
        await super().start()
        await self.producer.begin_transaction()  # waits for the producer id, which the fence is part of
        await self.producer.commit_transaction()

    async def commit(self, outbox: Outbox, offsets: Mapping[TP, int]) -> None:
        """Publish, and commit the offsets to read next, all or nothing; raises if fenced or undeliverable."""
        await self.producer.begin_transaction()
        await self.publish(outbox)
        await self.producer.send_offsets_to_transaction(
            {TopicPartition(tp.topic, tp.partition): offset for tp, offset in offsets.items()}, self._group
        )
        await self.producer.commit_transaction()


class Transactions:
    """The producers of the partitions a worker has."""

    def __init__(self, kafka: Kafka, group: str) -> None:
        self._kafka = kafka
        self._group = group
        self._of_partition: dict[int, Transaction] = {}

    async def take_over(self, partitions: Collection[int]) -> None:
        """Own these partitions and no others, from now on and against everybody who owned them before.

        Broken off half-way, the next call stops what this one began.
        """
        await self.stop()
        self._of_partition = {
            partition: Transaction(self._kafka, f"{self._group}-{partition}", self._group)
            for partition in partitions
        }
        await asyncio.gather(*(transaction.start() for transaction in self._of_partition.values()))

    async def commit(self, outputs: Mapping[int, Outbox], offsets: Mapping[int, Mapping[TP, int]]) -> None:
        """Commit the outputs and offsets of a micro-batch, each partition by itself, all at the same time."""
        await asyncio.gather(
            *(
                self._of_partition[partition].commit(outputs.get(partition, Outbox()), of_partition)
                for partition, of_partition in offsets.items()
            )
        )

    async def stop(self) -> None:
        """Disconnect."""
        await asyncio.gather(*(transaction.stop() for transaction in self._of_partition.values()))
        self._of_partition = {}
