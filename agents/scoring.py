"""transactions, transactions-by-card -> decisions, fraud-alerts, dead-letters (and transactions-by-card).

One loop decides micro-batches, one after the other:

    take -> decide (reads state) -> deliver decisions, alerts, dead letters and the changelog, all awaited
         -> write state and changelog offset in one RocksDB batch -> acknowledge the source

Only what is durable is acknowledged. An unexpected error ends the process before the acknowledgement (exit code 70);
its supervisor starts it again, and the replay is answered as the first time.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, cast

from faust.streams import Stream
from faust.types import StreamT

from fraudstream.adapters.kafka.leaving import leave
from fraudstream.agents.assignment import Assignment
from fraudstream.agents.backlog import Backlog, Chunk
from fraudstream.agents.delivery import Delivery
from fraudstream.agents.micro_batch import MicroBatch
from fraudstream.agents.outputs import Outputs
from fraudstream.agents.quarantine import Quarantine
from fraudstream.agents.reporting import Reporter
from fraudstream.agents.switching import Switcher
from fraudstream.deciding.decider import Decider
from fraudstream.deciding.intake import Intake, Parsed
from fraudstream.deciding.records import Record
from fraudstream.tables.activity import ActivityTable


@dataclass(slots=True)
class Scoring:
    """Collects chunks from the stream while the deciding loop works."""

    assignment: Assignment
    intake: Intake
    backlog: Backlog
    switcher: Switcher
    quarantine: Quarantine
    decider: Decider
    outputs: Outputs
    delivery: Delivery
    table: ActivityTable
    reporter: Reporter

    async def run(self, stream: StreamT[Any]) -> None:
        """Collect chunks from the stream while the deciding loop works; the agent's body."""
        source = cast(Stream[Any], stream).noack()
        deciding = asyncio.create_task(self._decide_forever(stream), name="deciding")
        try:
            async for event in source.events():
                started = time.perf_counter()
                parsed = self._parsed_early(event.value)
                await self.backlog.put(
                    Chunk(event, event.value, parsed, (time.perf_counter() - started) * 1000)
                )
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing may be acknowledged after it
            leave(error, "reading transactions")
        finally:
            deciding.cancel()
            await asyncio.wait([deciding])  # it clears the note of what is in flight

    def _parsed_early(self, records: list[Record]) -> Parsed | None:
        """Parse while the loop waits for brokers; an error is raised again when the chunk is decided, and noted."""
        try:
            return self.intake.parse(records)
        except Exception:  # noqa: BLE001 - raised again by `MicroBatch.of`
            return None

    async def _decide_forever(self, stream: StreamT[Any]) -> None:
        try:
            while True:
                taken = await self.backlog.take(alone=self.quarantine.must_split)
                await self.switcher.between()
                if taken:
                    await self._finish(stream, taken)
        except asyncio.CancelledError:
            self.quarantine.forget()
            raise
        except Exception as error:  # noqa: BLE001 - as above
            leave(error, "deciding payments")

    async def _ready(self, taken: list[Chunk]) -> bool:
        """Wait until all chunks can be parsed and decided; False once a rebalance has begun."""
        await self.switcher.ready([chunk.tp.partition for chunk in taken])
        unparsed = [record for chunk in taken if chunk.parsed is None for record in chunk.records]
        return await self.intake.ready(unparsed, lambda: self.assignment.stands)

    async def _finish(self, stream: StreamT[Any], taken: list[Chunk]) -> None:
        """Decide, deliver, write and acknowledge; chunks of lost partitions are left alone.

        Once a rebalance has begun, all chunks are: it waits only for the micro-batch in flight, and the next owners read
        what was only collected again, from the committed offsets.
        """
        if not await self._ready(taken):
            self.assignment.let_go(taken)
            return
        if self.assignment.stands:
            chunks = self.assignment.undecided(taken)
            for portion in self.quarantine.portions(chunks):
                with self.quarantine.in_flight(portion):  # nothing has an effect before all of it is decided
                    batch = MicroBatch.of(portion, self.intake, self.outputs.targets.repartitioned)
                    decided = await self.decider.decide(batch.payments)
                    output = self.outputs.of(batch, decided)
                started = time.perf_counter()
                results = await self.delivery.deliver(output.batch)
                delivered = time.perf_counter()
                if all(map(self.assignment.has, portion)):
                    for partition, update in decided.updates.items():
                        own = {
                            tp: offset for tp, offset in batch.sources.items() if tp.partition == partition
                        }
                        changelog = results.get((self.outputs.targets.changelog, partition), [])
                        self.table.apply(partition, update, changelog, own)
                decided.stage_ms["parse"] = batch.parse_ms
                decided.stage_ms["publish"] = (delivered - started) * 1000
                decided.stage_ms["store"] = (time.perf_counter() - delivered) * 1000
                self.reporter.soon(batch, decided, output)
            self.quarantine.clear(chunks)
            for chunk in filter(self.assignment.has, taken):
                await stream.ack(chunk.event)
        self.assignment.let_go(taken)
