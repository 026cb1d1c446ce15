"""Sends on a schedule, open loop: a payment leaves when it is due, whether or not earlier ones were acknowledged."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from aiokafka.errors import KafkaError

from fraudstream.adapters.kafka.publisher import Outbox, ProduceResults, Publisher
from fraudstream.domain.errors import SetupError
from fraudstream.traffic.encoder import EncodedBatch
from fraudstream.traffic.tally import Tally

IN_FLIGHT_MAX = 100_000
"""Most payments handed over and not acknowledged. At this bound sending waits and falls behind, to save memory."""

TICK_S = 0.002
"""Payments due within this time leave together; a wake-up for each would cap the rate at a few thousand a second."""

LAST_ANSWERS_S = 15.0
"""How long to wait at the end for outstanding acknowledgements."""


@dataclass(slots=True)
class _Part:
    """Payments that were handed over together."""

    payments: int
    acknowledged: bool = False


class Sender:
    """Publishes payments and labels, keeps the tally, and reports what Kafka has acknowledged."""

    def __init__(
        self,
        publisher: Publisher,
        payments_topic: str,
        labels_topic: str,
        tally: Tally,
        stop: asyncio.Event,
        *,
        on_acknowledged: Callable[[int], None] = lambda payments: None,
        stop_on_error: bool = False,
    ) -> None:
        """`on_acknowledged(n)` is called for the next n payments, in order and without a gap.

        `stop` ends the sending; with `stop_on_error` a payment that Kafka does not take sets it.
        """
        self.tally = tally
        self.stop = stop
        self._publisher = publisher
        self._payments_topic = payments_topic
        self._labels_topic = labels_topic
        self._on_acknowledged = on_acknowledged
        self._stop_on_error = stop_on_error
        self._parts: deque[_Part] = deque()
        self._waiting: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._room.set()

    async def send(self, batch: EncodedBatch, start: int, end: int) -> None:
        """Hand over batch[start:end]; return before Kafka answers, unless too much is unacknowledged."""
        outbox = Outbox()
        for message, partition in zip(batch.messages[start:end], batch.partitions[start:end], strict=True):
            outbox.add(self._payments_topic, partition, message)
        for partition, message in (*batch.labels[start:end], *(batch.known if start == 0 else ())):
            outbox.add(self._labels_topic, partition, message)
        part = _Part(end - start)
        self._parts.append(part)
        self.tally.in_flight += part.payments
        try:
            results = await self._publisher.send(outbox)
        except SetupError as error:  # larger than its topic takes: refused as by the brokers
            results = asyncio.get_running_loop().create_future()
            results.set_exception(error)
        task = asyncio.create_task(self._await_answer(part, results))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        if self.tally.in_flight >= IN_FLIGHT_MAX:
            self._room.clear()
            await self._room.wait()

    async def finish(self) -> None:
        """Wait for outstanding answers; what Kafka has not answered after LAST_ANSWERS_S counts as an error."""
        if self._waiting:
            _, silent = await asyncio.wait(self._waiting, timeout=LAST_ANSWERS_S)
            for task in silent:
                task.cancel()
            await asyncio.gather(*silent, return_exceptions=True)
        self.tally.errors += self.tally.in_flight
        self.tally.in_flight = 0

    async def _await_answer(self, part: _Part, results: Awaitable[ProduceResults]) -> None:
        try:
            await results
        except (KafkaError, SetupError, TimeoutError) as error:
            self.tally.errors += part.payments
            self.tally.last_error = str(error) or type(error).__name__
            if self._stop_on_error:
                self.stop.set()
        else:
            self.tally.sent += part.payments
            part.acknowledged = True
            self._advance()
        self.tally.in_flight -= part.payments
        if self.tally.in_flight < IN_FLIGHT_MAX:
            self._room.set()

    def _advance(self) -> None:
        """Report what is acknowledged without a gap since the beginning."""
        acknowledged = 0
        while self._parts and self._parts[0].acknowledged:
            acknowledged += self._parts.popleft().payments
        if acknowledged:
            self._on_acknowledged(acknowledged)


async def send_all(batches: Iterator[EncodedBatch], sender: Sender, start_ms: int | None = None) -> None:
    """Send every payment when it is due, until all are sent or the sender is told to stop.

    The schedule starts at once, or at `start_ms` (epoch ms). The next batch is made in a thread while the present one is
    sent.
    """
    batch = await asyncio.to_thread(next, batches, None)
    if start_ms is not None:
        await asyncio.sleep(start_ms / 1000 - time.time())
    sender.tally.begin()
    try:
        while batch is not None and not sender.stop.is_set():
            ahead = asyncio.create_task(asyncio.to_thread(next, batches, None))
            try:
                await _send_when_due(batch, sender)
            finally:
                batch = await ahead
    finally:
        await sender.finish()


async def _send_when_due(batch: EncodedBatch, sender: Sender) -> None:
    if batch.due_s is None:
        await sender.send(batch, 0, len(batch))
        return
    tally, sent = sender.tally, 0
    while sent < len(batch) and not sender.stop.is_set():
        elapsed_s = time.monotonic() - tally.started
        due = int(batch.due_s.searchsorted(elapsed_s, side="right"))
        if due > sent:
            tally.lag(elapsed_s - float(batch.due_s[sent]))
            await sender.send(batch, sent, due)
            sent = due
        else:
            with contextlib.suppress(TimeoutError):
                wait_s = max(float(batch.due_s[sent]) - elapsed_s, TICK_S)
                await asyncio.wait_for(sender.stop.wait(), wait_s)
