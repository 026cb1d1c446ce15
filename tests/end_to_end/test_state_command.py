"""`fraudstream state verify|rebuild` beside a real worker's RocksDB, changelog and log."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from fraudstream import topics
from fraudstream.adapters.kafka.partition_logs import forget_records
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.windows.entries import Entry
from fraudstream.settings import Settings
from fraudstream.state.rebuild import rebuild_changelog
from fraudstream.state.verify import compare_all
from fraudstream.tables.activity_layout import OFFSET_KEY
from fraudstream.tables.activity_store import open_database
from fraudstream.tables.changelog_keys import made_for
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Worker, decisions_of, produce, settled
from tests.end_to_end.test_damaged_state import group_empty, partitions_of
from tests.end_to_end.test_worker import CARDS, encoded, payments
from tests.tables import damage
from tests.windows import LAYOUT


@pytest.fixture
def settings(kafka_settings: Settings) -> Settings:
    """Return settings whose restarts are quick."""
    return kafka_settings.model_copy(update={"session_timeout_s": 6.0, "web": False})


async def decided(settings: Settings, sent: list[dict[str, Any]]) -> None:
    """Let a worker decide payments, stop it, and wait until its group is empty."""
    unkeyed = {"tid": "unkeyed", "cc_num": CARDS[0], "amount": 1.0, "trans_ts": time.time() - 3000}
    await produce(settings, [encoded(payment) for payment in sent])
    await produce(settings, [(None, json.dumps(unkeyed).encode()), (None, b"[]")], partition=0)
    with Worker(settings):
        await settled(settings)
    await group_empty(settings)


async def test_intact_state_is_verified_and_damage_is_found_and_repaired(settings: Settings) -> None:
    """State without an entry, with one too many, unreadable; a changelog that lost its beginning: each is named."""
    await decided(settings, payments(2000, seed=41))
    sound = await compare_all(settings)
    assert 2001 == sum(each.changelog.entries for each in sound)
    assert 2001 == sum(each.disk.entries for each in sound if each.disk)
    assert all(each.clean for each in sound)

    first, second, third, fourth = partitions_of(settings)
    _change(first, second)
    damage.flip_a_bit(third)
    await _lose_half(settings, 3, fourth)
    shown = await asyncio.to_thread(fraudstream, settings, "state", "verify", "--json")
    rows = json.loads(shown.stdout)
    assert 1 == shown.returncode
    assert (0, 1, 1) == tuple(rows[0]["state"][how] for how in ("missing", "extra", "unequal"))
    assert rows[1]["state"]["missing"] > 0
    assert "orrupt" in rows[2]["damage"] or "mismatch" in rows[2]["damage"]
    assert rows[3]["changelog"]["missing"] > 0

    done = await asyncio.to_thread(fraudstream, settings, "state", "rebuild")
    assert 0 == done.returncode, done.stderr
    assert "4 partitions wiped" in done.stdout
    assert all(each.clean for each in await compare_all(settings))
    await decided(settings, payments(500, seed=42))
    assert all(each.clean and each.disk for each in await compare_all(settings))


def _change(first: Path, second: Path) -> None:
    """Change an amount, add a payment that does not exist, and delete a bucket."""
    database = open_database(first)
    key, bucket = next((key, value) for key, value in database.items() if not key.startswith(b"__"))
    entries = list(LAYOUT.unpack(bucket))
    entries[0] = entries[0]._replace(cents=entries[0].cents + 1)
    entries.append(entries[0]._replace(id_hash=1))
    database.put(key, b"".join(LAYOUT.pack(entry) for entry in entries))
    database.close()
    database = open_database(second)
    database.delete(next(key for key, _ in database.items() if not key.startswith(b"__")))
    database.close()


async def _lose_half(settings: Settings, partition: int, directory: Path) -> None:
    """Delete the changelog's records up to what the state has read."""
    database = open_database(directory)
    end = int(database.get(OFFSET_KEY)) + 1
    database.close()
    await forget_records(Kafka.of(settings), topics.changelog(settings).name, {partition: end})


async def test_a_changelog_with_entries_that_the_log_lacks_is_recreated(settings: Settings) -> None:
    """Another program wrote there, and deltas cannot be taken back. Repeating a rebuild writes nothing."""
    await decided(settings, payments(300, seed=43))
    foreign = bytes(16) + LAYOUT.pack(Entry(int((time.time() - 2500) * 1000), 1, 0, 7, 1 << 28))
    key = made_for(settings.partitions, LAYOUT)
    async with AIOKafkaProducer(**Kafka.of(settings).client) as producer:
        await producer.send_and_wait(topics.changelog(settings).name, foreign, key, partition=2)
    compared = await compare_all(settings)
    assert [0, 0, 1, 0] == [len(each.changelog.extra) for each in compared]

    assert [False, False, True, False] == [
        each.emptied for each in await rebuild_changelog(settings, compared)
    ]
    compared = await compare_all(settings)
    assert 301 == sum(each.changelog.entries for each in compared)
    assert all(each.changelog.clean for each in compared)
    assert [0, 0, 0, 0] == [each.written for each in await rebuild_changelog(settings, compared)]


async def test_a_running_worker_is_not_disturbed_and_a_killed_one_is_no_obstacle(settings: Settings) -> None:
    """A running worker is exit code 2 with a sentence; the end of a killed worker's session is waited for."""
    await produce(settings, [encoded(payment) for payment in payments(1, seed=1)])
    with Worker(settings) as worker:
        await decisions_of(settings, {"t1-0"})
        running = await asyncio.to_thread(fraudstream, settings, "state", "rebuild")
        worker.kill()
    killed = await asyncio.to_thread(fraudstream, settings, "state", "rebuild")

    assert (2, 0) == (running.returncode, killed.returncode)
    assert "are running" in running.stderr
