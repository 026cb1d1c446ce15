"""transactions, transactions-by-card -> decisions, fraud-alerts, dead-letters (and transactions-by-card).

One loop decides micro-batches, one after the other:

    take -> decide (reads state) -> publish decisions, alerts, dead letters and the changelog, all awaited
         -> write state and changelog offset in one RocksDB batch -> acknowledge the source

Nothing is acknowledged that is not durable. An unexpected error ends the process before the acknowledgement
(exit code 70); whoever supervises it starts it again and the replay is answered as the first time.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import faust
import numpy as np
from faust.streams import Stream
from faust.types import TP, EventT, StreamT

from fraudstream.adapters.process import crash
from fraudstream.adapters.publisher import Message, Outbox, Publisher
from fraudstream.agents.deciding import Decided, Decider
from fraudstream.agents.intake import DeadLetter, Intake, Parsed, Payments, forwarded
from fraudstream.metrics import BatchReport

PASSES_PER_CHUNK = 2
"""Passes of the event loop from Faust's queue to ours."""


REPORT_AFTER_S = 0.002
"""Reporting takes a third of a millisecond; under load this puts it where the next micro-batch waits for the brokers."""


class Targets(NamedTuple):
    """Full names of the topics the agent writes."""

    decisions: str
    alerts: str
    dead_letters: str
    by_card: str
    changelog: str


class Chunk(NamedTuple):
    """A parsed chunk and the Faust event it came in."""

    event: EventT[Any]
    parsed: Parsed
    parse_ms: float


Report = Callable[[BatchReport, Decided], None]


class Scoring:
    """The state of the agent between the collecting stream and the deciding loop."""

    def __init__(
        self,
        app: faust.App,
        intake: Intake,
        decider: Decider,
        publisher: Publisher,
        targets: Targets,
        report: Report,
        *,
        batch_rows_max: int,
        pending_rows_max: int,
        linger_ms: float,
    ) -> None:
        self.app = app
        self.intake = intake
        self.decider = decider
        self.publisher = publisher
        self.targets = targets
        self.report = report
        self._batch_rows_max = batch_rows_max
        self._pending_rows_max = pending_rows_max
        self._linger_s = linger_ms / 1000
        self._pending: deque[Chunk] = deque()
        self._pending_rows = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    async def run(self, stream: StreamT[Any]) -> None:
        """Collect chunks from the stream while the deciding loop works; the agent's body."""
        source = cast(Stream[Any], stream).noack()
        deciding = asyncio.create_task(self._decide_forever(stream), name="deciding")
        try:
            async for event in source.events():
                started = time.perf_counter()
                parsed = self.intake.parse(event.value)
                self._pending.append(Chunk(event, parsed, (time.perf_counter() - started) * 1000))
                self._pending_rows += len(event.value)
                self._arrived.set()
                if self._pending_rows >= self._pending_rows_max:
                    self._room.clear()
                    await self._room.wait()
        except Exception:  # noqa: BLE001 - whatever it is, nothing may be acknowledged after it
            crash("reading transactions failed")
        finally:
            deciding.cancel()

    async def _decide_forever(self, stream: StreamT[Any]) -> None:
        try:
            while True:
                await self._arrived.wait()
                if self._pending_rows < self._batch_rows_max:
                    await asyncio.sleep(self._linger_s)
                    await self._settled()
                chunks = self._take()
                if chunks:
                    await self._finish(stream, chunks)
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 - as above
            crash("deciding payments failed")

    async def _settled(self) -> None:
        """Wait until all chunks of one fetch are here: without it a fetch becomes two micro-batches, and p99 a half more.

        They arrive in passes of the event loop that follow each other at once, so this costs no time of its own.
        """
        rows = -1
        while rows != self._pending_rows and self._pending_rows < self._batch_rows_max:
            rows = self._pending_rows
            for _ in range(PASSES_PER_CHUNK):
                await asyncio.sleep(0)

    def _take(self) -> list[Chunk]:
        """Take whole chunks up to the size of a micro-batch; those of partitions since lost are dropped."""
        taken: list[Chunk] = []
        rows = 0
        while self._pending and (
            not taken or rows + len(self._pending[0].event.value) <= self._batch_rows_max
        ):
            chunk = self._pending.popleft()
            self._pending_rows -= len(chunk.event.value)
            if self._is_current(chunk):
                taken.append(chunk)
                rows += len(chunk.event.value)
            else:
                self._forget(chunk)
        if not self._pending:
            self._arrived.clear()
        self._room.set()
        return taken

    async def _finish(self, stream: StreamT[Any], chunks: list[Chunk]) -> None:
        """Decide, publish, write and acknowledge one micro-batch."""
        batch: dict[int, Payments] = {}
        for chunk in chunks:
            valid = batch.setdefault(chunk.event.message.partition, Payments([], []))
            valid.payments.extend(chunk.parsed.valid.payments)
            valid.records.extend(chunk.parsed.valid.records)
        decided = await self.decider.decide(batch)
        dead = [letter for chunk in chunks for letter in chunk.parsed.dead] + decided.conflicts
        started = time.perf_counter()
        acknowledged = await self.publisher.publish(self._outbox(chunks, decided, dead))
        published = time.perf_counter()
        sources = {chunk.event.message.tp: chunk.event.message.offset for chunk in chunks}
        if all(self._is_current(chunk) for chunk in chunks):
            for partition, update in decided.updates.items():
                own = {tp: offset for tp, offset in sources.items() if tp.partition == partition}
                changelog = acknowledged.get((self.targets.changelog, partition), [])
                self.decider.table.apply(partition, update, changelog, own)
        for chunk in chunks:
            if self._is_current(chunk):
                await stream.ack(chunk.event)
            else:
                self._forget(chunk)
        decided.stage_ms["parse"] = sum(chunk.parse_ms for chunk in chunks)
        decided.stage_ms["publish"] = (published - started) * 1000
        decided.stage_ms["store"] = (time.perf_counter() - published) * 1000
        later = asyncio.get_running_loop().call_later
        later(REPORT_AFTER_S, self._tell, time.time(), chunks, decided, dead, sources)

    def _outbox(self, chunks: list[Chunk], decided: Decided, dead: list[DeadLetter]) -> Outbox:
        """Collect what the micro-batch publishes. Decisions keep the order and the partition of their payments."""
        outbox = Outbox()
        suspicious = (decided.frame["outcome"] != "approve").to_list()
        cards, records = decided.columns.cards, decided.columns.records
        for card, record, value, alert in zip(cards, records, decided.encoded, suspicious, strict=True):
            message = Message(card.token.encode(), value)
            outbox.add(self.targets.decisions, record.partition, message)
            if alert:
                outbox.add(self.targets.alerts, record.partition, message)
        for letter in dead:
            outbox.add(self.targets.dead_letters, letter.partition, Message(None, letter.encode()))
        for chunk in chunks:
            for partition, record in chunk.parsed.misplaced:
                outbox.add(self.targets.by_card, partition, forwarded(record))
        for partition, update in decided.updates.items():
            if update.delta:
                outbox.add(self.targets.changelog, partition, Message(None, update.delta))
        return outbox

    def _is_current(self, chunk: Chunk) -> bool:
        """Tell whether the chunk belongs to the present assignment of partitions."""
        return bool(chunk.event.message.generation_id == self.app.consumer_generation_id)

    def _forget(self, chunk: Chunk) -> None:
        """Leave a chunk to the partition's new owner: neither acknowledged nor waited for."""
        self.app.consumer.unacked.discard(chunk.event.message)

    def _tell(self, finished_at: float, chunks: list[Chunk], decided: Decided, *rest: Any) -> None:
        """Report the finished micro-batch to metrics and pages."""
        try:
            self.report(self._report_of(finished_at, chunks, decided, *rest), decided)
        except Exception:  # noqa: BLE001 - a worker that cannot say what it does must not go on
            crash("reporting failed")

    def _report_of(
        self,
        finished_at: float,
        chunks: list[Chunk],
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
            forwarded=sum(len(chunk.parsed.misplaced) for chunk in chunks),
            stage_ms=decided.stage_ms,
            offsets={
                (tp.topic, tp.partition): (offset, self.app.consumer.highwater(tp))
                for tp, offset in sources.items()
            },
        )
