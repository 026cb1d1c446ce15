"""Kafka as the benchmark uses it: topics, a preloaded backlog, ends of topics, and decisions read back.

Written with confluent-kafka, whose C library disturbs what is measured less than a Python client would.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from confluent_kafka import (  # type: ignore[import-untyped]
    Consumer,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec  # type: ignore[import-untyped]

from benchmarks.children import BenchmarkFailed
from benchmarks.traffic import Record

REQUEST_TIMEOUT_S = 30.0
READ_AT_ONCE = 10_000
SILENCE_MAX_S = 20.0
LEADER_POLL_S = 0.1

Ends = dict[int, int]
"""Partition -> offset after its last record."""


class Cluster:
    """One Kafka and what is done with it."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self.bootstrap = bootstrap
        self.partitions = partitions
        self._admin = AdminClient({**QUIET, "bootstrap.servers": bootstrap})

    def create(self, topics: dict[str, dict[str, str]]) -> None:
        """Create topics with their configuration; their partitions have leaders when this returns."""
        wanted = [NewTopic(name, self.partitions, 1, config=config) for name, config in topics.items()]
        for answer in self._admin.create_topics(wanted, operation_timeout=REQUEST_TIMEOUT_S).values():
            answer.result()
        for name in topics:
            self._await_leaders(name)

    def _await_leaders(self, topic: str) -> None:
        """Wait until a new topic can be read: it is known some time before its partitions have leaders.

        Each time by a new client, because one that has found no leaders remembers that for half a minute.
        """
        deadline = time.monotonic() + REQUEST_TIMEOUT_S
        while True:
            try:
                Cluster(self.bootstrap, self.partitions).ends(topic)
                return
            except KafkaException as error:
                if time.monotonic() > deadline:
                    raise BenchmarkFailed(f"the topic {topic} could not be read: {error}") from error
            time.sleep(LEADER_POLL_S)

    def ends(self, topic: str) -> Ends:
        """Return where the partitions of a topic end now."""
        asked = {TopicPartition(topic, number): OffsetSpec.latest() for number in range(self.partitions)}
        answers = self._admin.list_offsets(asked, request_timeout=REQUEST_TIMEOUT_S)
        return {place.partition: answer.result().offset for place, answer in answers.items()}

    def forget(self, topic: str) -> None:
        """Delete all records of a topic, to free the disk."""
        upto = [TopicPartition(topic, number, end) for number, end in self.ends(topic).items()]
        for answer in self._admin.delete_records(upto).values():
            answer.result()

    def preload(self, topic: str, records: Iterable[Record], on_sent: Callable[[int], None]) -> None:
        """Write records in order and wait until all are acknowledged by the broker."""
        producer = Producer({**PRODUCER, "bootstrap.servers": self.bootstrap, "linger.ms": 20})
        sent = 0
        for key, value, partition in records:
            while True:
                try:
                    producer.produce(topic, value, key, partition)
                    break
                except BufferError:
                    producer.poll(0.05)
            sent += 1
            if sent % READ_AT_ONCE == 0:
                on_sent(READ_AT_ONCE)
        if producer.flush(REQUEST_TIMEOUT_S):
            raise BenchmarkFailed("the broker did not take the whole backlog")
        on_sent(sent % READ_AT_ONCE)

    def read(self, topic: str, start: Ends, end: Ends) -> Iterator[list[Message]]:
        """Yield the records between two sets of offsets, many at a time; partitions in no particular order."""
        consumer = reader(self.bootstrap, topic, start)
        left = sum(end[number] - start[number] for number in end)
        heard = time.monotonic()
        try:
            while left > 0:
                fetched = consumer.consume(min(READ_AT_ONCE, left), 1.0)
                wanted = [message for message in fetched if message.error() is None]
                if wanted:
                    heard = time.monotonic()
                elif time.monotonic() - heard > SILENCE_MAX_S:
                    raise BenchmarkFailed(f"{left} records of {topic} could not be read back")
                left -= len(wanted)
                yield wanted
        finally:
            consumer.close()


QUIET = {"log_level": 2}
"""librdkafka's log on standard error: what goes wrong for good is raised anyway."""

PRODUCER: dict[str, Any] = {
    **QUIET,
    "enable.idempotence": True,
    "acks": "all",
    "queue.buffering.max.messages": 200_000,
}


def reader(bootstrap: str, topic: str, start: Ends) -> Consumer:
    """Return a consumer of a whole topic from these offsets on, without a group."""
    consumer = Consumer(
        {
            **QUIET,
            "bootstrap.servers": bootstrap,
            "group.id": "benchmark-reader",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 100,
            "fetch.queue.backoff.ms": 5,
        }
    )
    consumer.assign([TopicPartition(topic, number, offset) for number, offset in start.items()])
    return consumer
