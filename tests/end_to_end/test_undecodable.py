"""Damaged batches, put into the brokers' logs while they are down: an outcome for each, and nothing after them is lost."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fraudstream import topics
from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.adapters.broker.config import LOG_DIR
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.domain.tokens import partition_of
from fraudstream.process.exits import EXIT_SETUP
from fraudstream.settings import Settings
from tests import segments
from tests.archive_rows import MONDAY_MS
from tests.archive_rows import encoded as archive_row
from tests.commands.running import fraudstream
from tests.end_to_end.harness import (
    Worker,
    decisions_of,
    expected_windows,
    produce,
    read_all,
    settled,
)
from tests.end_to_end.test_damaged_state import ended
from tests.end_to_end.test_worker import encoded, payments, windows
from tests.shared import own_settings

CARD = 4_006_080_000_000_000
PARTITIONS = 2
HOME = partition_of(str(CARD), PARTITIONS)


@pytest.fixture
async def settings(own_broker: EmbeddedBroker, tmp_path: Path) -> Settings:
    """Return settings of a test alone, with its topics created."""
    settings = own_settings(
        own_broker.bootstrap, tmp_path / "data", partitions=PARTITIONS, session_timeout_s=6.0, web=False
    )
    await ensure_topics(settings)
    return settings


def payment(number: int) -> bytes:
    """Return a payment of the card whose partition is damaged."""
    paid = {"tid": f"p{number}", "cc_num": CARD, "amount": 1 + number, "trans_ts": time.time() - 60 + number}
    return json.dumps(paid).encode()


def oddities() -> tuple[list[bytes], dict[int, str]]:
    """Return batches of a log from offset 0 on, and the reasons of those offsets that become dead letters."""
    now_ms = int(time.time() * 1000)
    raws: list[bytes] = []
    dead: dict[int, str] = {}

    def add(raw: bytes, reason: str | None = None) -> None:
        base, after = int.from_bytes(raw[:8], "big"), segments.next_offset(raw)
        dead.update(dict.fromkeys(range(base, after), reason) if reason else {})
        raws.append(raw)

    def here(count: int, **given: Any) -> bytes:
        base = segments.next_offset(raws[-1]) if raws else 0
        return segments.batch(
            base, [payment(base + number) for number in range(count)], given.pop("at_ms", now_ms), **given
        )

    for codec in segments.CODECS:
        add(here(3, codec=codec))
        add(segments.with_wrong_checksum(here(3, codec=codec)), "undecodable")
        if codec != "none":
            add(segments.with_damaged_contents(here(2, codec=codec)), "undecodable")
    add(segments.with_codec(here(1), 6), "undecodable")
    add(segments.with_headers_not_utf8(here(2, headers=[("name", None), ("name", b"\xff")])))
    add(segments.without_records(here(3)))
    add(here(1, at_ms=-1), "no-timestamp")
    add(here(1, at_ms=1), "time-in-future")
    return [*raws, here(2)], dead


async def test_damaged_batches_have_an_outcome_and_nothing_after_them_is_lost(
    own_broker: EmbeddedBroker, settings: Settings
) -> None:
    """Every codec, wrong checksums, contents that do not decompress, a codec nobody knows; then the worker goes on."""
    raws, dead = oddities()
    end = segments.next_offset(raws[-1])
    own_broker.stop()
    segments.append(own_broker.data_dir, settings.topic("transactions"), HOME, raws)
    own_broker.start()
    empty = {int.from_bytes(raw[:8], "big") for raw in raws if len(raw) == segments.HEADER_BYTES}
    gone = {offset for base in empty for offset in range(base, base + 3)}
    later = json.dumps({"tid": "later", "cc_num": CARD, "amount": 1}).encode()

    with Worker(settings) as worker:
        await produce(settings, [(str(CARD).encode(), later)])
        decisions = await decisions_of(settings, {"later"})
        await settled(settings)
        assert worker.process is not None
        assert worker.process.poll() is None, worker.log
    letters = [json.loads(record.value) for record in await read_all(settings, "dead-letters")]

    assert sorted(dead.items()) == sorted((letter["offset"], letter["reason"]) for letter in letters)
    assert sorted(set(range(end + 1)) - dead.keys() - gone) == sorted(
        decision["source"]["offset"] for decision in decisions
    )
    assert {("", HOME)} == {
        (letter["payload"], letter["partition"]) for letter in letters if letter["reason"] == "undecodable"
    }


async def test_a_damaged_changelog_is_refused_and_rebuilt(
    own_broker: EmbeddedBroker, settings: Settings
) -> None:
    """State that began from it would miss payments; `state rebuild` makes it anew from the log."""
    sent = payments(600, seed=41)
    await produce(settings, [encoded(each) for each in sent[:300]])
    with Worker(settings):
        await decisions_of(settings, {each["tid"] for each in sent[:300]})
        await settled(settings)
    own_broker.stop()
    damaged = _damage_largest_batch(own_broker.data_dir, topics.changelog(settings).name)
    own_broker.start()
    shutil.rmtree(settings.worker_state_dir)
    with Worker(settings) as worker:
        assert EXIT_SETUP == await ended(worker), worker.log
    assert f"records of partition {damaged} that cannot be decoded" in worker.log
    assert "fraudstream state rebuild" in worker.log

    fraudstream(settings, "state", "rebuild")
    await produce(settings, [encoded(each) for each in sent[300:]])
    with Worker(settings):
        decisions = await decisions_of(settings, {each["tid"] for each in sent})
    assert await expected_windows(settings) == windows(decisions)


async def test_damaged_decisions_are_left_out_of_the_archive_and_named(
    own_broker: EmbeddedBroker, settings: Settings
) -> None:
    """All others are in it, and the archiver does not stop over them."""
    rows = [archive_row(number, event_time=MONDAY_MS) for number in range(6)]
    now_ms = int(time.time() * 1000)
    raws = [
        segments.batch(2 * number, rows[2 * number : 2 * number + 2], now_ms, "zstd") for number in range(3)
    ]
    raws[1] = segments.with_damaged_contents(raws[1])
    own_broker.stop()
    segments.append(own_broker.data_dir, settings.topic("decisions"), 0, raws)
    own_broker.start()
    said = fraudstream(settings, "archive", "run", "--once")
    archived = pl.read_parquet(f"{settings.archive_place}/date=*/*.parquet")

    assert [0, 1, 4, 5] == sorted(archived["decision_offset"].to_list())
    assert (
        f"not archived, because {settings.topic('decisions')} partition 0 offset 3 is damaged" in said.stderr
    )


def _damage_largest_batch(data_dir: Path, topic: str) -> int:
    """Give the largest batch of a topic a wrong checksum; return its partition."""
    logs = (data_dir / LOG_DIR).glob(f"{topic}-*/*.log")
    log = max(logs, key=lambda path: path.stat().st_size)
    raw, begin, found = log.read_bytes(), 0, (0, 0)
    while begin < len(raw):
        end = begin + 12 + int.from_bytes(raw[begin + 8 : begin + 12], "big")
        found = max(found, (end - begin, end))
        begin = end
    log.write_bytes(raw[: found[1] - 1] + bytes([raw[found[1] - 1] ^ 1]) + raw[found[1] :])
    return int(log.parent.name.rpartition("-")[2])
