"""What producers in other languages send: every codec, headers, null keys; and topics that compress what the worker writes."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from confluent_kafka import Producer

from fraudstream import topics
from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.broker.config import LOG_DIR
from fraudstream.adapters.broker.jars import classpath, kept
from fraudstream.adapters.broker.java import find_java
from fraudstream.adapters.broker.lock import Jar, locked
from fraudstream.agents.archiving import Archiver
from fraudstream.domain.tokens import partition_of
from fraudstream.settings import Settings
from tests import segments
from tests.end_to_end.harness import Worker, decisions_of, expected_windows, settled
from tests.end_to_end.test_worker import payments, windows
from tests.shared import Broker
from tests.topic_settings import configure

TOOLS = Jar(
    f"org.apache.kafka:kafka-tools:{locked().kafka}",
    615926,
    "cb7aedcd2e418b86079c4b35257c8e37800eea84723c78c8b90f535bd589888e",
)
CONSOLE = "org.apache.kafka.tools.ConsoleProducer"
HEADERS = [("trace", b"\xff\x00"), ("nothing", None)]

Sent = tuple[str, int, str | None, bytes]
"""Codec, partition, key and value."""


@pytest.fixture
def settings(kafka_settings: Settings) -> Settings:
    """Return settings whose restarts are quick."""
    return kafka_settings.model_copy(update={"session_timeout_s": 6.0, "web": False})


def librdkafka(settings: Settings, records: Sequence[Sent]) -> None:
    """Send by the library that producers in C, C++, Go, Python, C# and many others are made of."""
    for codec in segments.CODECS:
        producer = Producer(
            {"bootstrap.servers": settings.broker, "compression.type": codec, "linger.ms": 50}
        )
        for _, partition, key, value in (record for record in records if record[0] == codec):
            producer.produce(settings.topic("transactions"), value, key, partition, headers=HEADERS)
        assert 0 == producer.flush(30)


def java(settings: Settings, records: Sequence[Sent]) -> None:
    """Send by Kafka's own library: its console producer, which chooses the partition by the key."""
    jars = os.pathsep.join(map(str, [*classpath(), *kept([TOOLS])]))
    reader = ["--property", "parse.key=true", "--property", "parse.headers=true"]
    where = ["--bootstrap-server", settings.broker, "--topic", settings.topic("transactions")]
    for codec in segments.CODECS:
        lines = [
            f"trace:abc,nothing:\t{key}\t{value.decode()}" for name, _, key, value in records if name == codec
        ]
        done = subprocess.run(
            [find_java().path, "-cp", jars, CONSOLE, *where, "--compression-codec", codec, *reader],
            input="\n".join(lines).encode(),
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert 0 == done.returncode, done.stderr.decode()


def by_codec(sent: Sequence[dict[str, Any]], partitions: int, *, keyed: bool = False) -> list[Sent]:
    """Return payments as records, a stretch of each codec, every third without a key if not all are to be `keyed`."""
    of_each = -(-len(sent) // len(segments.CODECS))
    codecs = [codec for codec in segments.CODECS for _ in range(of_each)]
    return [
        (
            codec,
            partition_of(str(payment["cc_num"]), partitions),
            str(payment["cc_num"]) if keyed or number % 3 else None,
            json.dumps(payment).encode(),
        )
        for number, (codec, payment) in enumerate(zip(codecs, sent, strict=False))
    ]


def codecs_in(broker: Broker, topic: str) -> set[str]:
    """Return the codecs of the record batches that a broker keeps of a topic."""
    names, found = {number: name for name, number in segments.CODECS.items()}, set()
    for log in (broker.data_dir / LOG_DIR).glob(f"{topic}-*/*.log"):
        raw, at = log.read_bytes(), 0
        while at + segments.HEADER_BYTES <= len(raw) and raw[at + 8 : at + 12] != bytes(4):
            found.add(names[raw[at + segments.ATTRIBUTES_OFFSET + 1] & 7])
            at += 12 + int.from_bytes(raw[at + 8 : at + 12], "big")
    return found


async def test_every_codec_of_foreign_producers_is_decided(settings: Settings, broker: Broker) -> None:
    """Exactly, with headers that nobody expects, and without keys."""
    sent = payments(600, seed=91)
    first, second = sent[:300], sent[300:]
    await asyncio.to_thread(librdkafka, settings, by_codec(first, settings.partitions))
    await asyncio.to_thread(java, settings, by_codec(second, settings.partitions, keyed=True))
    assert set(segments.CODECS) == codecs_in(broker, settings.topic("transactions"))

    with Worker(settings):
        decisions = await decisions_of(settings, {payment["tid"] for payment in sent})
    assert await expected_windows(settings) == windows(decisions)


async def test_topics_may_compress_what_the_worker_writes(settings: Settings, broker: Broker) -> None:
    """`compression.type` is the brokers' business: a state that is read from such a changelog is exact, and so is an archive."""
    changelog, decisions = topics.changelog(settings).name, settings.topic("decisions")
    await configure(settings, decisions, compression_type="zstd")
    await configure(settings, changelog, compression_type="snappy")
    sent = payments(600, seed=92)
    first, second = by_codec(sent[:300], settings.partitions), by_codec(sent[300:], settings.partitions)
    await asyncio.to_thread(librdkafka, settings, first)
    with Worker(settings):
        await settled(settings)
    shutil.rmtree(settings.worker_state_dir)
    await asyncio.to_thread(librdkafka, settings, second)
    with Worker(settings):
        found = await decisions_of(settings, {payment["tid"] for payment in sent})

    assert await expected_windows(settings) == windows(found)
    assert ({"zstd"}, {"snappy"}) == (codecs_in(broker, decisions), codecs_in(broker, changelog))
    async with LocalObjects(Path(settings.archive_place)) as objects:
        await Archiver(settings, objects).run(asyncio.Event(), once=True)
    archived = pl.read_parquet(f"{settings.archive_place}/date=*/*.parquet")
    assert sorted(each["transaction_id"] for each in found) == sorted(archived["transaction_id"])
