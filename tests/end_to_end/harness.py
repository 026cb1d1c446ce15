"""What end-to-end tests share: a worker process, a producer, a reader of topics, and the oracle over the log itself."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.tokens import partition_of
from fraudstream.settings import Settings
from tests.chaos.logs import Logs

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


async def read_all(settings: Settings, name: str, isolation: str = "read_uncommitted") -> list[Record]:
    """Read a topic from its beginning to its present end."""
    topic = settings.topic(name)
    async with AIOKafkaConsumer(
        **Kafka.of(settings).client, fetch_max_wait_ms=50, isolation_level=isolation
    ) as consumer:
        partitions = [TopicPartition(topic, partition) for partition in range(settings.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        records: list[Record] = []
        while any([await consumer.position(place) < ends[place] for place in partitions]):
            for fetched in (await consumer.getmany(timeout_ms=200)).values():
                records += fetched
    return records


async def decisions_of(settings: Settings, ids: set[str], timeout_s: float = 60) -> list[dict[str, Any]]:
    """Wait until every id is decided and return all decisions, duplicates included."""
    deadline = time.monotonic() + timeout_s
    while True:
        decisions = [json.loads(record.value) for record in await read_all(settings, "decisions")]
        missing = ids - {decision["transaction_id"] for decision in decisions}
        if not missing:
            return decisions
        assert time.monotonic() < deadline, f"{len(missing)} of {len(ids)} payments were not decided"
        await asyncio.sleep(0.2)


async def settled(settings: Settings, timeout_s: float = 60) -> None:
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
