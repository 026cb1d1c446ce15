"""What end-to-end tests share: a worker process, a producer, a reader of topics, and the oracle over the log itself."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.tokens import partition_of
from fraudstream.settings import Settings
from tests.chaos.logs import Logs
from tests.shared import PATIENCE_S

ROOT = Path(__file__).parents[2]
Record = ConsumerRecord[bytes, bytes]


class Worker:
    """A worker as its own process; a context manager that ends it."""

    def __init__(
        self, settings: Settings, command: Sequence[str] = ("-m", "tests.end_to_end.counting_worker")
    ) -> None:
        given = settings.model_dump(exclude_none=True)
        self._environment = os.environ | {
            f"FRAUDSTREAM_{name.upper()}": str(value) for name, value in given.items()
        }
        self._command = [sys.executable, *command]
        self._log_path = settings.data_dir / f"worker-{time.monotonic_ns()}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        with self._log_path.open("wb") as log:
            self.process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stderr=log, stdout=log
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def kill(self) -> None:
        """Kill the worker with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    @property
    def log(self) -> str:
        """Return what the worker has logged."""
        return self._log_path.read_text()


async def produce(
    settings: Settings, values: Iterable[tuple[bytes | None, bytes | None]], partition: int | None = None
) -> None:
    """Send records (key, value) to `transactions`, in order, as aiokafka's default partitioner places them."""
    async with AIOKafkaProducer(
        **Kafka.of(settings).client, acks="all", linger_ms=5, max_request_size=2 << 20
    ) as producer:
        topic = settings.topic("transactions")
        sent = [await producer.send(topic, value, key=key, partition=partition) for key, value in values]
        await asyncio.gather(*sent)


class Reading:
    """A topic that is read from its beginning on; every record is fetched once, and what is written wakes who waits."""

    def __init__(self, consumer: AIOKafkaConsumer, places: Sequence[TopicPartition]) -> None:
        self._consumer = consumer
        self._places = places
        self.records: list[Record] = []

    async def fetch(self) -> None:
        """Wait for records, for a fifth of a second at most."""
        for fetched in (await self._consumer.getmany(timeout_ms=200)).values():
            self.records += fetched

    async def to_the_end(self) -> list[Record]:
        """Read to the present end."""
        ends = await self._consumer.end_offsets(self._places)
        while any([await self._consumer.position(place) < ends[place] for place in self._places]):
            await self.fetch()
        return self.records

    async def until(
        self, enough: Callable[[list[Record]], bool], timeout_s: float = PATIENCE_S
    ) -> list[Record]:
        """Read until there is enough and not on to the end."""
        deadline = time.monotonic() + timeout_s
        while not enough(self.records):
            assert time.monotonic() < deadline, f"{len(self.records)} records are not enough"
            await self.fetch()
        return self.records


@asynccontextmanager
async def reading(
    settings: Settings, name: str, isolation: str = "read_uncommitted"
) -> AsyncIterator[Reading]:
    """Yield a topic to read."""
    async with AIOKafkaConsumer(
        **Kafka.of(settings).client,
        fetch_max_wait_ms=50,
        isolation_level=isolation,
        auto_offset_reset="earliest",
    ) as consumer:
        topic = settings.topic(name)
        places = [TopicPartition(topic, partition) for partition in range(settings.partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        yield Reading(consumer, places)


async def read_all(settings: Settings, name: str, isolation: str = "read_uncommitted") -> list[Record]:
    """Read a topic from its beginning to its present end."""
    async with reading(settings, name, isolation) as topic:
        return await topic.to_the_end()


async def read_all_committed(settings: Settings, name: str) -> list[Record]:
    """Read all that committed transactions have written to a topic."""
    logs = Logs(settings.broker, settings, committed_only=True)
    await logs.transactions_ended(name)
    return await logs.read(name)


async def decided_more(settings: Settings, worker: Worker, payments: int) -> None:
    """Return as soon as so many more payments are decided, by a worker in the middle of a backlog."""

    def enough(records: list[Record]) -> bool:
        assert worker.process is not None
        assert worker.process.poll() is None, worker.log
        return len(records) >= before + payments

    async with reading(settings, "decisions") as topic:
        before = len(await topic.to_the_end())
        await topic.until(enough)


async def decisions_of(
    settings: Settings, ids: set[str], timeout_s: float = PATIENCE_S
) -> list[dict[str, Any]]:
    """Wait until every id is decided and return all decisions, duplicates included."""
    decisions: list[dict[str, Any]] = []
    missing = set(ids)

    def decided(records: list[Record]) -> bool:
        new = [json.loads(record.value) for record in records[len(decisions) :]]
        decisions.extend(new)
        missing.difference_update(decision["transaction_id"] for decision in new)
        return not missing

    async with reading(settings, "decisions") as topic:
        await topic.until(decided, timeout_s)
        assert decided(await topic.to_the_end())
    return decisions


async def settled(settings: Settings, timeout_s: float = PATIENCE_S) -> None:
    """Wait until every source offset is committed: then all that follows is published, duplicates and alerts too.

    A decision of every payment is not enough: a micro-batch publishes to several topics at once.
    """
    logs = Logs(settings.broker, settings, committed_only=settings.exactly_once_outputs)
    assert 0 == await logs.settled(timeout_s), "payments were not committed"


async def expected_windows(settings: Settings) -> dict[str, tuple[int, float]]:
    """Return (count, mean) of the ten minutes of every payment in the log, keyed topics only: the oracle."""
    seen: dict[int, list[tuple[int, int]]] = {}
    expected: dict[str, tuple[int, float]] = {}
    for record in sorted(
        await read_all(settings, "transactions"), key=lambda record: (record.partition, record.offset)
    ):
        payment = json.loads(record.value)
        assert record.partition == partition_of(str(payment["cc_num"]), settings.partitions)
        if payment["tid"] in expected:
            continue
        now, cents = round(payment["trans_ts"] * 1000), round(payment["amount"] * 100)
        earlier = seen.setdefault(payment["cc_num"], [])
        window = [paid for at, paid in earlier if now - 600_000 <= at <= now] + [cents]
        expected[payment["tid"]] = (len(window), sum(window) / (len(window) * 100))
        earlier.append((now, cents))
    return expected
