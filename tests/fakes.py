"""Stand-ins for what lies outside: they implement our Protocols and pass the same contracts as the real things."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping

from fraudstream.adapters.kafka.publisher import Acknowledged, Message, Outbox, ProduceResults
from fraudstream.agents.delivery import Delivery, OutputBatch
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly import Week, WeeklyAnswer, WeeklyStore


class MemoryWeekly(WeeklyStore):
    """A weekly store made from snapshots: midnight (epoch ms) -> card token -> week."""

    def __init__(self, snapshots: Mapping[int, Mapping[str, Week]]) -> None:
        self.snapshots = dict(snapshots)

    async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Return the weeks as of this midnight, or of one day before it if that is the newest."""
        for as_of_ms in (midnight_ms, midnight_ms - DAY_MS):
            if as_of_ms in self.snapshots:
                weeks = self.snapshots[as_of_ms]
                return WeeklyAnswer(
                    {entity: weeks[entity] for entity in entities if entity in weeks}, as_of_ms
                )
        return WeeklyAnswer()

    async def newest(self, midnight_ms: int) -> int | None:
        """Return the newest midnight it has, up to this one."""
        return max((at for at in self.snapshots if at <= midnight_ms), default=None)


class SlowThread:
    """A Faust consumer's fetching thread; a fetch brings nothing and ends when told."""

    def __init__(self) -> None:
        self.ends = asyncio.Event()

    async def getmany(self, *_: object) -> dict[object, list[object]]:
        """Fetch nothing, for a while."""
        await self.ends.wait()
        return {}

    def assignment(self) -> set[object]:
        """Say that the group has assigned nothing."""
        return set()

    def wait_briefly(self) -> None:
        """Do nothing: `ends` says how long a fetch waits."""


class MemoryDelivery(Delivery):
    """Topics as lists. What is being delivered waits while `brokers_answer` is not set."""

    def __init__(self) -> None:
        self.topics: defaultdict[tuple[str, int], list[Message]] = defaultdict(list)
        self.brokers_answer = asyncio.Event()
        self.brokers_answer.set()

    async def take_over(self, partitions: Collection[int]) -> None:
        """Do nothing: nobody else writes to the lists."""

    async def deliver(self, batch: OutputBatch) -> ProduceResults:
        """Append everything once the brokers answer; return the changelog's offsets."""
        await self.brokers_answer.wait()
        for outbox in batch.outputs.values():
            self._append(outbox)
        return self._append(batch.changelog)

    async def publish(self, outbox: Outbox) -> ProduceResults:
        """Append what a table writes to its changelog between two micro-batches."""
        return self._append(outbox)

    def _append(self, outbox: Outbox) -> ProduceResults:
        results: ProduceResults = {}
        for place, messages in outbox.messages.items():
            results[place] = [Acknowledged(len(self.topics[place]), len(messages))]
            self.topics[place] += messages
        return results
