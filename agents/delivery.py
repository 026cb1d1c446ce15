"""Making a micro-batch durable: its changelog, and what it publishes."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from faust.types import TP

from fraudstream.adapters.kafka.outbox import Instead, Outbox, ProduceResults, nothing_instead
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.kafka.transactions import Transactions
from fraudstream.domain.problems import Problem


@dataclass(slots=True)
class OutputBatch:
    """What one micro-batch makes durable before it is acknowledged."""

    changelog: Outbox = field(default_factory=Outbox)
    outputs: dict[int, Outbox] = field(default_factory=dict)
    """Source partition -> decisions, alerts, dead letters and repartitioned payments."""
    offsets: dict[int, dict[TP, int]] = field(default_factory=dict)
    """Source partition -> the offsets that follow the micro-batch in its topics."""
    changelog_first: bool = False
    """Whether a replay could decide in another order (an entity's payments on two topics): outputs then follow the changelog."""
    instead: Instead = nothing_instead
    """What goes instead of a record that its topic refuses."""

    def output(self, partition: int) -> Outbox:
        """Return what a source partition publishes, to add to it."""
        return self.outputs.setdefault(partition, Outbox())


class Delivery(Protocol):
    """Delivers micro-batches, one after the other."""

    async def take_over(self, partitions: Collection[int]) -> None:
        """Prepare for a new assignment, before its committed offsets are read."""

    async def deliver(self, batch: OutputBatch) -> ProduceResults:
        """Return once all of it is durable, with the offsets of its changelog records; raises otherwise."""

    def problems(self) -> Iterator[Problem]:
        """Yield a problem for everything that is waited for."""


class AtLeastOnce:
    """Everything in one round trip; after a crash some decisions are published again, equal to the first."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def take_over(self, partitions: Collection[int]) -> None:
        """Do nothing: any worker may publish."""

    async def deliver(self, batch: OutputBatch) -> ProduceResults:
        """Publish changelog and outputs together, or one after the other."""
        everything = Outbox()
        for outbox in batch.outputs.values():
            everything.join(outbox)
        if not batch.changelog_first:
            everything.join(batch.changelog)
            return await self._publisher.publish(everything, batch.instead)
        results = await self._publisher.publish(batch.changelog, batch.instead)
        await self._publisher.publish(everything, batch.instead)
        return results

    def problems(self) -> Iterator[Problem]:
        """Say what the publisher waits for."""
        return self._publisher.problems()


class ExactlyOnce:
    """Outputs and source offsets in one transaction per partition; a read-committed consumer sees each decision once.

    The changelog stays outside: transaction markers would hang Faust's recovery, and its deltas are idempotent.
    """

    def __init__(self, publisher: Publisher, transactions: Transactions) -> None:
        self._publisher = publisher
        self._transactions = transactions

    async def take_over(self, partitions: Collection[int]) -> None:
        """Fence the former owners of these partitions."""
        await self._transactions.take_over(partitions)

    async def deliver(self, batch: OutputBatch) -> ProduceResults:
        """Publish the changelog, then commit outputs and offsets."""
        results = await self._publisher.publish(batch.changelog, batch.instead)
        await self._transactions.commit(batch.outputs, batch.offsets, batch.instead)
        return results

    def problems(self) -> Iterator[Problem]:
        """Say what the publisher and the transactions wait for."""
        yield from self._publisher.problems()
        yield from self._transactions.problems()


def offsets_by_partition(last: Mapping[TP, int]) -> dict[int, dict[TP, int]]:
    """Turn last offsets into those to read next, by partition.

    >>> offsets_by_partition({TP("in", 2): 41})
    {2: {TP(topic='in', partition=2): 42}}
    """
    following: dict[int, dict[TP, int]] = {}
    for tp, offset in last.items():
        following.setdefault(tp.partition, {})[tp] = offset + 1
    return following
