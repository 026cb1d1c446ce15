"""Seeded traffic: honest payments, and the ways in which a producer can be wrong.

Event time runs `SPEED` times as fast as the clock, so that half a minute of test is a quarter of an hour of payments:
windows fill, empty and expire.
"""

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from fraudstream.domain.tokens import partition_of

SPEED = 30
PAYMENTS_PER_S = 400
CARDS = 120
REFUNDS_TO_CENTS = 1_500
"""Amounts begin this far below zero: 3 of 100 are refunds."""
BEGIN_S_AGO = 8 * 3600
"""At the usual speed; longer ago the faster time runs."""
RESENT_AFTER_S_MAX = 300
"""Event time until a repetition, so that it meets another micro-batch, another commit, another worker."""

KNOWN_FOR_S = 600
"""A payment not later than this is still known when it is repeated: allowed lateness and window are 1200 s in most experiments.
An id that comes again when its ten minutes are gone is a new payment; when exactly they go depends on commits."""


class Sent(NamedTuple):
    """A record as a producer sends it; without a partition the key decides."""

    key: bytes | None
    value: bytes | None
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class Spice:
    """How much of each kind of wrong input the traffic has, as shares of the payments."""

    repeated: float = 0.02
    conflicting: float = 0.0
    late: float = 0.0
    disordered_s: float = 5.0
    """Payments are shuffled within this many seconds of event time."""
    simultaneous: float = 0.0
    poisoned: float = 0.0
    burst: int = 0
    """Poison records in a row, now and then."""
    speed: int = SPEED
    """Seconds of event time in a second."""
    churn: float = 0.0
    """How often a card is replaced by a new one, as a share of the payments."""
    unkeyed: float = 0.0
    """Sent without a key to a wrong partition, of cards that are only sent so."""
    untimed: float = 0.0
    """Without a time of their own: the record's counts. For traffic as fast as the clock."""


POISON: tuple[Callable[[int], bytes | None], ...] = (
    lambda card: None,
    lambda card: b"",
    lambda card: b"not json",
    lambda card: b"\xff\xfe{}",
    lambda card: b"null",
    lambda card: b"[]",
    lambda card: b'{"cc_num": %d, "amount": NaN}' % card,
    lambda card: b"[" * 5000 + b"]" * 5000,
    lambda card: b'{"cc_num": %d, "amount": "ten"}' % card,
    lambda card: b'{"cc_num": %d, "amount": true}' % card,
    lambda card: b'{"cc_num": 1.5, "amount": 1}',
    lambda card: b'{"cc_num": "12 34", "amount": 1, "trans_ts": 1600000000}',
    lambda card: b'{"cc_num": %d, "amount": -1e12, "trans_ts": 1600000000}' % card,
    lambda card: b'{"cc_num": %d, "amount": 1e12, "trans_ts": 1600000000}' % card,
    lambda card: b'{"amount": 1}',
    lambda card: b'{"cc_num": %d, "amount": 1, "merchant": [1]}' % card,
    lambda card: b'{"cc_num": %d, "amount": 1, "trans_ts": 1}' % card,
    lambda card: b'{"cc_num": %d, "amount": 1, "trans_ts": 99999999999}' % card,
    lambda card: b'{"cc_num": %d, "amount": 1, "merchant": "%s"}' % (card, b"x" * 70_000),
    lambda card: b"x" * 900_000,
)


class Traffic:
    """Makes records one after the other; the same seed makes the same records, relative to its beginning."""

    def __init__(self, seed: str, spice: Spice, partitions: int, cards: int = CARDS) -> None:
        self._chance = random.Random(seed)
        self._spice = spice
        self._partitions = partitions
        self.cards = [self._new_card() for _ in range(cards)]
        self._strays = [5_000_000_000_000_000 + self._chance.randrange(10**14) for _ in range(cards // 10)]
        self._now_s = time.time() - BEGIN_S_AGO * spice.speed / SPEED
        self._made = 0
        self._again: deque[tuple[float, Sent]] = deque()
        self.queue: deque[Sent] = deque()

    def next(self) -> Sent:
        """Return the next record."""
        if self.queue:
            return self.queue.popleft()
        self._now_s += self._spice.speed / PAYMENTS_PER_S
        if self._again and self._again[0][0] <= self._now_s:
            return self._again.popleft()[1]
        spice, draw = self._spice, self._chance.random
        if spice.burst and draw() < 1 / 4000:
            self.queue.extend(self._poison() for _ in range(spice.burst))
        if draw() < spice.poisoned:
            return self._poison()
        payment = self._payment()
        if draw() < spice.unkeyed:
            return self._stray(payment | {"cc_num": self._chance.choice(self._strays)})
        certainly_kept = payment.get("trans_ts", 0) > self._now_s - KNOWN_FOR_S
        if certainly_kept and draw() < spice.repeated:
            self._later(payment)
        if certainly_kept and draw() < spice.conflicting:
            self._later(payment | self._contradiction(payment))
        return keyed(payment)

    def _payment(self) -> dict[str, Any]:
        spice, draw = self._spice, self._chance.random
        at_s = self._now_s + self._chance.uniform(-spice.disordered_s, spice.disordered_s)
        if draw() < spice.late:
            at_s -= self._chance.choice((400, 900, 1500, 7200))
        if draw() < spice.simultaneous:
            at_s = at_s - at_s % 30
        self._made += 1
        if draw() < spice.churn:
            self.cards[self._chance.randrange(len(self.cards))] = self._new_card()
        payment = {
            "tid": f"t{self._made}",
            "cc_num": self._chance.choice(self.cards),
            "amount": self._chance.randrange(-REFUNDS_TO_CENTS, 50_000) / 100,
        }
        return payment if draw() < spice.untimed else payment | {"trans_ts": round(at_s, 3)}

    def _later(self, payment: dict[str, Any]) -> None:
        """Send this, too, some time from now."""
        at_s = self._now_s + self._chance.uniform(0, RESENT_AFTER_S_MAX)
        self._again.append((max(at_s, self._again[-1][0] if self._again else 0), keyed(payment)))

    def _contradiction(self, payment: dict[str, Any]) -> dict[str, float]:
        if self._chance.random() < 0.5:
            return {"amount": payment["amount"] + 1.0}
        return {"trans_ts": round(payment["trans_ts"] + self._chance.uniform(-500, 500), 3)}

    def _new_card(self) -> int:
        return 4_000_000_000_000_000 + self._chance.randrange(10**14)

    def _stray(self, payment: dict[str, Any]) -> Sent:
        home = partition_of(str(payment["cc_num"]), self._partitions)
        away = (home + self._chance.randrange(1, self._partitions)) % self._partitions
        return Sent(None, json.dumps(payment).encode(), away)

    def _poison(self) -> Sent:
        card = self._chance.choice(self.cards)
        return Sent(str(card).encode(), self._chance.choice(POISON)(card))


def keyed(payment: dict[str, Any]) -> Sent:
    """Return a payment as a keyed producer sends it."""
    return Sent(str(payment["cc_num"]).encode(), json.dumps(payment).encode())


def home_of(sent: Sent, partitions: int) -> int:
    """Return the partition a record goes to."""
    if sent.partition is not None:
        return sent.partition
    return partition_of((sent.key or b"").decode(), partitions)


class Pump:
    """Sends traffic at a steady rate in the background until told to stop; brokers may come and go meanwhile."""

    def __init__(self, bootstrap: str, topic: str, traffic: Traffic, partitions: int) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._traffic = traffic
        self._partitions = partitions
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._compression: str | None = None
        self._due_s = 0.0
        self._quiet = False
        self._burst = 0

    def start(self) -> None:
        """Begin, or go on."""
        self._stopping.clear()
        self._task = asyncio.create_task(self._run(), name="traffic")

    async def stop(self) -> None:
        """End once all that was handed over is delivered."""
        if self._task is not None:
            self._stopping.set()
            await self._task
            self._task = None

    async def compress(self, codec: str | None) -> None:
        """Go on as another producer would, which compresses its batches."""
        await self.stop()
        self._compression = codec
        self.start()

    async def widen(self, partitions: int) -> None:
        """Go on as producers do that have learned of more partitions."""
        await self.stop()
        self._partitions = partitions
        self.start()

    def quieten(self) -> None:
        """Send nothing more for a while."""
        self._quiet = True

    def burst(self, records: int) -> None:
        """Send so many at once, in spite of the quiet."""
        self._burst += records

    def resume(self) -> None:
        """Go on at the usual rate."""
        self._quiet = False

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                async with AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    acks="all",
                    enable_idempotence=True,
                    compression_type=self._compression,
                    linger_ms=5,
                    max_request_size=2 << 20,
                    request_timeout_ms=10_000,
                ) as producer:
                    await self._send(producer)
            except KafkaError:  # the log says what arrived, and the oracle reads the log
                await asyncio.sleep(0.5)

    async def _send(self, producer: AIOKafkaProducer) -> None:
        self._due_s, sent = time.monotonic(), []
        try:
            while not self._stopping.is_set():
                for _ in range(self._wanted()):
                    record = self._traffic.next()
                    place = home_of(record, self._partitions)
                    sent.append(
                        await producer.send(self._topic, record.value, key=record.key, partition=place)
                    )
                if len(sent) > 2 * PAYMENTS_PER_S:
                    await asyncio.gather(*sent)
                    sent.clear()
                await asyncio.sleep(0.01)
        finally:
            await asyncio.gather(*sent, return_exceptions=True)

    def _wanted(self) -> int:
        """Return how many records are due."""
        now_s = time.monotonic()
        wanted, self._burst = self._burst, 0
        if self._quiet:
            self._due_s = now_s
            return wanted
        due = int((now_s - self._due_s) * PAYMENTS_PER_S)
        self._due_s += due / PAYMENTS_PER_S
        return wanted + due
