"""transactions, transactions-by-card -> decisions, fraud-alerts, dead-letters (and transactions-by-card).

One loop decides micro-batches, one after the other:

    take -> decide (reads state) -> deliver decisions, alerts, dead letters and the changelog, all awaited
         -> write state and changelog offset in one RocksDB batch -> acknowledge the source

Nothing is acknowledged that is not durable. An unexpected error ends the process before the acknowledgement
(exit code 70); whoever supervises it starts it again and the replay is answered as the first time.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import faust
import numpy as np
from faust.streams import Stream
from faust.types import TP, StreamT

from fraudstream.adapters.coalescing_consumer import CoalescingConsumer
from fraudstream.adapters.leaving import leave
from fraudstream.adapters.process import crash
from fraudstream.adapters.publisher import Message
from fraudstream.agents.backlog import Backlog, Chunk
from fraudstream.agents.delivery import Delivery, Shipment, offsets_by_partition
from fraudstream.agents.quarantine import Quarantine
from fraudstream.agents.unpublishable import Unpublishable
from fraudstream.deciding.decider import Decided, Decider
from fraudstream.deciding.intake import DeadLetter, Intake, Parsed, Payments, Record, forwarded
from fraudstream.metrics import BatchReport

REPORT_AFTER_S = 0.002
"""Reporting takes a third of a millisecond; under load this puts it where the next micro-batch waits for the brokers."""


class Targets(NamedTuple):
    """Full names of the topics the agent writes."""

    decisions: str
    alerts: str
    dead_letters: str
    by_card: str
    changelog: str
    changelog_key: bytes
    """What its records say of the group that wrote them."""


Report = Callable[[BatchReport, Decided], None]


class Scoring:
    """Collects chunks from the stream while the deciding loop works."""

    def __init__(
        self,
        app: faust.App,
        intake: Intake,
        backlog: Backlog,
        quarantine: Quarantine,
        decider: Decider,
        delivery: Delivery,
        targets: Targets,
        report: Report,
    ) -> None:
        self.app = app
        self.intake = intake
        self.backlog = backlog
        self.quarantine = quarantine
        self.decider = decider
        self.delivery = delivery
        self.targets = targets
        self.report = report
        self._generation = -1
        self._next: dict[TP, int] = {}
        """Of the present assignment: the offset to decide next."""

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
            await asyncio.wait([deciding])  # it has a note to take back

    def _parsed_early(self, records: list[Record]) -> Parsed | None:
        """Parse while the loop waits for brokers; what fails unexpectedly fails again when it is decided, and is noted."""
        try:
            return self.intake.parse(records)
        except Exception:  # noqa: BLE001 - raised again by `_parsed`
            return None

    async def _decide_forever(self, stream: StreamT[Any]) -> None:
        try:
            while True:
                await self._finish(stream, await self.backlog.take(alone=self.quarantine.suspicious))
        except asyncio.CancelledError:
            self.quarantine.forget()
            raise
        except Exception as error:  # noqa: BLE001 - as above
            leave(error, "deciding payments")

    async def _finish(self, stream: StreamT[Any], taken: list[Chunk]) -> None:
        """Decide, deliver, write and acknowledge a micro-batch; chunks of partitions since lost are left alone.

        All are, once a rebalance has begun: it waits for the micro-batch in flight, and what was only collected is read
        again from the committed offsets by whoever has the partition then.
        """
        if cast(CoalescingConsumer, self.app.consumer).flow_active:
            chunks = self._undecided([chunk for chunk in taken if self._is_current(chunk)])
            if chunks:
                for portion in self.quarantine.portions(chunks):
                    await self._decide(portion)
            for chunk in taken:
                if self._is_current(chunk):  # else it belongs to the partition's new owner
                    await stream.ack(chunk.event)
        for chunk in taken:
            # Faust would wait for what is not ours any more, and for what lies before the committed offset.
            self.app.consumer.unacked.discard(chunk.event.message)

    def _undecided(self, chunks: list[Chunk]) -> list[Chunk]:
        """Leave out records before the committed offset or decided since: a chunk fetched before the seek may hold some."""
        generation = self.app.consumer_generation_id
        if generation != self._generation:
            self._generation, self._next = generation, {}
        consumer = cast(CoalescingConsumer, self.app.consumer)
        undecided = []
        for chunk in chunks:
            first = self._next.get(chunk.tp, max(0, consumer.committed_offset(chunk.tp)))
            self._next[chunk.tp] = max(first, chunk.records[-1].offset + 1)
            if chunk.records[0].offset < first:
                chunk = chunk.part([record for record in chunk.records if record.offset >= first])
            if chunk.records:
                undecided.append(chunk)
        return undecided

    async def _decide(self, portion: list[Chunk]) -> None:
        """Decide, deliver and write; nothing has an effect before all of it is decided."""
        with self.quarantine.in_flight(portion):
            chunks = [self._parsed(chunk) for chunk in portion]
            decided = await self.decider.decide(_payments(chunks))
            dead = [letter for _, parsed in chunks for letter in parsed.dead] + decided.conflicts
            sources = {chunk.tp: chunk.records[-1].offset for chunk in portion}
            shipment = self._shipment(chunks, decided, dead, sources)
            records = [chunk.records for chunk in portion]
            shipment.instead = Unpublishable(records, self.targets.dead_letters, self.targets.changelog, dead)
        started = time.perf_counter()
        receipts = await self.delivery.deliver(shipment)
        published = time.perf_counter()
        if all(map(self._is_current, portion)):
            for partition, update in decided.updates.items():
                own = {tp: offset for tp, offset in sources.items() if tp.partition == partition}
                changelog = receipts.get((self.targets.changelog, partition), [])
                self.decider.table.apply(partition, update, changelog, own)
        decided.stage_ms["parse"] = sum(chunk.parse_ms for chunk in portion)
        decided.stage_ms["publish"] = (published - started) * 1000
        decided.stage_ms["store"] = (time.perf_counter() - published) * 1000
        forwards = sum(len(parsed.misplaced) for _, parsed in chunks)
        later = asyncio.get_running_loop().call_later
        later(REPORT_AFTER_S, self._tell, time.time(), forwards, decided, dead, sources)

    def _parsed(self, chunk: Chunk) -> tuple[Chunk, Parsed]:
        """Return a chunk with what its records are."""
        return chunk, chunk.parsed or self.intake.parse(chunk.records)

    def _shipment(
        self,
        chunks: list[tuple[Chunk, Parsed]],
        decided: Decided,
        dead: list[DeadLetter],
        sources: dict[TP, int],
    ) -> Shipment:
        """Collect what the micro-batch publishes. Decisions keep the order and the partition of their payments."""
        shipment = Shipment(
            offsets=offsets_by_partition(sources),
            changelog_first=any(self._has_rekeyed(tp.partition) for tp in sources),
        )
        suspicious = (decided.frame["outcome"] != "approve").to_list()
        cards, records = decided.columns.cards, decided.columns.records
        outputs = {partition: shipment.output(partition) for partition in shipment.offsets}
        for card, record, value, alert in zip(cards, records, decided.encoded, suspicious, strict=True):
            message = Message(card.token.encode(), value)
            outbox = outputs[record.partition]
            outbox.add(self.targets.decisions, record.partition, message)
            if alert:
                outbox.add(self.targets.alerts, record.partition, message)
        for letter in dead:
            message = Message(None, letter.encode())
            outputs[letter.partition].add(self.targets.dead_letters, letter.partition, message)
        for chunk, parsed in chunks:
            for card, record in parsed.misplaced:
                outputs[chunk.tp.partition].add(self.targets.by_card, card.partition, forwarded(card, record))
        for partition, update in decided.updates.items():
            if update.delta:
                delta = Message(self.targets.changelog_key, update.delta)
                shipment.changelog.add(self.targets.changelog, partition, delta)
        return shipment

    def _has_rekeyed(self, partition: int) -> bool:
        """Tell whether a partition's cards may also come by the re-keyed topic: a replay may order the two differently."""
        return self.app.consumer.highwater(TP(self.targets.by_card, partition)) != 0

    def _is_current(self, chunk: Chunk) -> bool:
        """Tell whether the chunk belongs to the present assignment of partitions."""
        return bool(chunk.event.message.generation_id == self.app.consumer_generation_id)

    def _tell(self, finished_at: float, forwards: int, decided: Decided, *rest: Any) -> None:
        """Report the finished micro-batch to metrics and pages."""
        try:
            self.report(self._report_of(finished_at, forwards, decided, *rest), decided)
        except Exception:  # noqa: BLE001 - a worker that cannot say what it does must not go on
            crash("reporting failed")

    def _report_of(
        self,
        finished_at: float,
        forwards: int,
        decided: Decided,
        dead: list[DeadLetter],
        sources: dict[TP, int],
    ) -> BatchReport:
        timestamps = np.array([record.timestamp for record in decided.columns.records], dtype=np.float64)
        return BatchReport(
            payments=len(decided.encoded),
            outcomes=Counter(decided.frame["outcome"].to_list()),
            latency_ms=finished_at * 1000 - timestamps,
            finished_at=finished_at,
            degraded=decided.degraded,
            dead_letters=Counter(letter.reason for letter in dead),
            forwarded=forwards,
            stage_ms=decided.stage_ms,
            offsets={
                (tp.topic, tp.partition): (offset, self.app.consumer.highwater(tp))
                for tp, offset in sources.items()
            },
        )


def _payments(chunks: list[tuple[Chunk, Parsed]]) -> dict[int, Payments]:
    """Return the payments by partition, in order of arrival."""
    batch: dict[int, Payments] = {}
    for chunk, parsed in chunks:
        of_partition = batch.setdefault(chunk.tp.partition, Payments([], []))
        of_partition.payments.extend(parsed.valid.payments)
        of_partition.records.extend(parsed.valid.records)
    return batch
