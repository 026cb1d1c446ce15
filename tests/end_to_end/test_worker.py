"""One worker, one broker: every payment is decided once, exactly, whatever else is in the topic."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from fraudstream.domain.tokens import partition_of
from fraudstream.process.ports import free_port
from fraudstream.settings import Settings
from tests.end_to_end.harness import (
    Worker,
    decided_more,
    decisions_of,
    expected_windows,
    produce,
    read_all,
    settled,
)
from tests.shared import PATIENCE_S

CARDS = [4_006_080_000_000_000 + number * 7_919 for number in range(60)]


@pytest.fixture
def settings(kafka_settings: Settings) -> Settings:
    """Return settings whose restarts are quick."""
    return kafka_settings.model_copy(update={"session_timeout_s": 6.0, "web": False})


@pytest.fixture
def worker(settings: Settings) -> Iterator[Worker]:
    """Yield a running worker."""
    with Worker(settings) as running:
        yield running


def payments(count: int, seed: int) -> list[dict[str, Any]]:
    """Return payments of many cards over twenty minutes, somewhat out of order, a few sent twice."""
    chance = random.Random(seed)
    start = time.time() - 3600
    made = [
        {
            "tid": f"t{seed}-{number}",
            "cc_num": chance.choice(CARDS),
            "amount": chance.randrange(1, 50_000) / 100,
            "trans_ts": round(start + number * 1200 / count + chance.uniform(-5, 5), 3),
        }
        for number in range(count)
    ]
    return made + chance.sample(made, count // 50)


def encoded(payment: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return key and value as a keyed producer sends them."""
    return str(payment["cc_num"]).encode(), json.dumps(payment).encode()


def windows(decisions: list[dict[str, Any]]) -> dict[str, tuple[int, float]]:
    """Return (count, mean) by id; two decisions of one id must agree."""
    found: dict[str, tuple[int, float]] = {}
    for decision in decisions:
        features = decision["features"]
        window = (features["num_trans_last_10m"], features["avg_amt_last_10m"])
        assert found.setdefault(decision["transaction_id"], window) == window
    return found


async def test_keyed_payments_are_decided_exactly(settings: Settings, worker: Worker) -> None:
    """Counts and means equal an oracle over the log; alerts are the decisions that are not approved."""
    sent = payments(3000, seed=1)
    await produce(settings, [encoded(payment) for payment in sent])
    await settled(settings)
    decisions = await decisions_of(settings, {payment["tid"] for payment in sent})
    alerts = [json.loads(record.value) for record in await read_all(settings, "fraud-alerts")]

    assert await expected_windows(settings) == windows(decisions)
    assert len(sent) == len(decisions)
    assert Counter(d["transaction_id"] for d in decisions if d["outcome"] != "approve") == Counter(
        alert["transaction_id"] for alert in alerts
    )
    assert [] == await read_all(settings, "dead-letters")


async def test_a_decision_says_everything_and_never_the_card_number(
    settings: Settings, worker: Worker
) -> None:
    """The published form on which consumers rely."""
    number = CARDS[0]
    first = {
        "tid": "a",
        "cc_num": number,
        "amount": 12.5,
        "trans_ts": time.time() - 60,
        "merchant": "Corner shop",
    }
    second = first | {"tid": "b", "amount": 7.0, "trans_ts": first["trans_ts"] + 2}
    await produce(settings, [encoded(first), encoded(second)])
    decided = {d["transaction_id"]: d for d in await decisions_of(settings, {"a", "b"})}
    alert = decided["b"]

    assert ("approve", "block") == (decided["a"]["outcome"], alert["outcome"])
    assert (2, 9.75) == (alert["features"]["num_trans_last_10m"], alert["features"]["avg_amt_last_10m"])
    assert ["2 payments within one minute"] == alert["reasons"]
    assert ["very-likely-fraud", "likely-fraud"] == alert["rules"]
    assert (900, True, []) == (alert["score"], alert["fraud"], alert["degraded"])
    assert {"merchant": "Corner shop", "zip_code": None} == alert["variables"]
    assert str(number)[-4:] == alert["card_last4"]
    assert {"queued", "activity", "weekly", "decide"} == alert["timing_ms"].keys()
    assert settings.topic("transactions") == alert["source"]["topic"]
    for name in ("decisions", "fraud-alerts"):
        for record in await read_all(settings, name):
            assert str(number).encode() not in (record.key or b"") + (record.value or b"")
            assert alert["card"].encode() == record.key


async def test_payments_without_a_key_are_counted_with_their_card(settings: Settings, worker: Worker) -> None:
    """They land anywhere and are repartitioned to the partition their card names, with their first place as id."""
    start = time.time() - 60
    burst = [{"cc_num": CARDS[1], "amount": 1.0 + n, "trans_ts": start + n} for n in range(8)]
    home = partition_of(str(CARDS[1]), settings.partitions)
    away = (home + 1) % settings.partitions
    await produce(settings, [(None, json.dumps(payment).encode()) for payment in burst], partition=away)
    topic = settings.topic("transactions")
    decisions = await decisions_of(settings, {f"{topic}-{away}-{offset}" for offset in range(8)})

    assert [1, 2, 3, 4, 5, 6, 7, 8] == [d["features"]["num_trans_last_10m"] for d in decisions]
    assert {home} == {record.partition for record in await read_all(settings, "decisions")}
    assert {settings.topic("transactions-by-card")} == {d["source"]["topic"] for d in decisions}
    moved = await read_all(settings, "transactions-by-card")
    assert {d["card"].encode() for d in decisions} <= {record.key for record in moved}
    assert not any(record.key is None or str(CARDS[1]).encode() in record.key for record in moved)


async def test_bad_records_are_dead_letters_and_nothing_else_is_lost(
    settings: Settings, worker: Worker
) -> None:
    """A thousand in a row, of every kind, between good ones."""
    number = CARDS[2]
    bad: list[tuple[bytes | None, str]] = [
        (None, "empty"),
        (b"not json", "not-json"),
        (b'{"cc_num": %d, "amount": NaN}' % number, "not-json"),
        (b'{"cc_num": %d, "amount": "ten"}' % number, "invalid-field"),
        (b'{"cc_num": %d, "amount": -1e12}' % number, "amount-absurd"),
        (b'{"cc_num": %d, "amount": 1e12}' % number, "amount-absurd"),
        (b'{"amount": 1}', "invalid-field"),
        (b'{"cc_num": %d, "amount": 1, "merchant": [1]}' % number, "invalid-field"),
        (b'{"cc_num": %d, "amount": 1, "trans_ts": 1}' % number, "time-ancient"),
        (b'{"cc_num": %d, "amount": 1, "trans_ts": 9999999999}' % number, "time-in-future"),
        (b"x" * 1_000_000, "too-large"),
    ]
    good = [
        {"tid": f"good-{n}", "cc_num": number, "amount": 5.0, "trans_ts": time.time() - 30 + n}
        for n in range(3)
    ]
    key = str(number).encode()
    many = [(key, value) for value, _ in bad] + [(key, b"[]")] * 1000
    await produce(settings, [encoded(good[0]), *many, encoded(good[1])])
    await decisions_of(settings, {"good-0", "good-1"})
    started = time.monotonic()
    await produce(settings, [encoded(good[2])])
    decisions = await decisions_of(settings, {"good-2"})
    letters = [json.loads(record.value) for record in await read_all(settings, "dead-letters")]

    assert [1, 2, 3] == [d["features"]["num_trans_last_10m"] for d in decisions]
    assert time.monotonic() - started < PATIENCE_S / 3
    assert [reason for _, reason in bad] + ["invalid-field"] * 1000 == [
        letter["reason"] for letter in letters
    ]
    assert {(settings.topic("transactions"), n) for n in range(1, 1012)} == {
        (letter["topic"], letter["offset"]) for letter in letters
    }
    assert not any(str(number) in json.dumps(letter) for letter in letters)


@pytest.mark.parametrize("keep_state", [True, False], ids=["same-disk", "empty-disk"])
async def test_a_killed_worker_loses_nothing_and_counts_nothing_twice(
    settings: Settings, keep_state: bool
) -> None:
    """Killed in the middle of a backlog, twice; with its RocksDB and without, the changelog alone being enough."""
    sent = payments(30_000, seed=7)
    ids = {payment["tid"] for payment in sent}
    await produce(settings, [encoded(payment) for payment in sent])
    for _ in range(2):
        with Worker(settings.model_copy(update={"batch_rows_max": 256})) as doomed:
            await decided_more(settings, doomed, 3000)
            doomed.kill()
        if not keep_state:
            for file in sorted(settings.worker_state_dir.rglob("*"), reverse=True):
                file.rmdir() if file.is_dir() else file.unlink()
    with Worker(settings):
        decisions = await decisions_of(settings, ids)

    assert await expected_windows(settings) == windows(decisions)


async def test_two_workers_share_the_partitions_and_stay_exact(settings: Settings) -> None:
    """One joins and one leaves while payments come."""
    second = settings.model_copy(update={"state_dir": settings.data_dir / "state" / "second"})
    sent = payments(9000, seed=3)
    with Worker(second) as leaving:
        await produce(settings, [encoded(payment) for payment in sent[:3000]])
        await decisions_of(settings, {payment["tid"] for payment in sent[:3000]})
        with Worker(settings):
            for start in range(3000, len(sent), 600):
                await produce(settings, [encoded(payment) for payment in sent[start : start + 600]])
                if start == 6000:
                    leaving.__exit__(None, None, None)
            decisions = await decisions_of(settings, {payment["tid"] for payment in sent})

    assert await expected_windows(settings) == windows(decisions)


async def test_pages_health_and_metrics_tell_of_the_worker(settings: Settings) -> None:
    """The dashboard's numbers, a card's ten minutes and Prometheus see the same payments."""
    pages_at = {"web_port": free_port("127.0.0.1"), "web_base_path": "/fraud", "web_hosts": "pay.example.com"}
    with_pages = settings.model_copy(update={"web": True, **pages_at})
    base = f"http://127.0.0.1:{with_pages.web_port}/fraud"
    start = time.time() - 60
    burst = [{"tid": f"w{n}", "cc_num": CARDS[3], "amount": 2.0, "trans_ts": start + n} for n in range(5)]
    with Worker(with_pages):
        await produce(with_pages, [encoded(payment) for payment in burst])
        decisions = await decisions_of(with_pages, {f"w{n}" for n in range(5)})
        async with aiohttp.ClientSession() as session:

            async def get(path: str) -> str:
                async with session.get(base + path, headers={"Host": "pay.example.com"}) as response:
                    assert 200 == response.status, await response.text()
                    return await response.text()

            async def finished() -> dict[str, Any]:
                """A decision is read by others a moment before the worker has written its own state."""
                async with asyncio.timeout(PATIENCE_S):
                    while True:
                        card: dict[str, Any] = json.loads(await get(f"/api/v1/cards/{decisions[0]['card']}"))
                        if len(card["ten_minutes"]["payments"]) == len(burst):
                            return card
                        await asyncio.sleep(0.05)

            card = await finished()
            metrics = await get("/metrics")
            decision = json.loads(await get("/api/v1/decisions/w4"))
            pages = [await get(path) for path in ("/", "/alerts", "/health", "/decisions/w4")]

    assert all('href="/fraud/alerts"' in page for page in pages[:2])
    assert 5 == len(card["ten_minutes"]["payments"])
    assert "block" == decision["decision"]["outcome"]
    assert 'fraudstream_payments_total{outcome="block"} 4.0' in metrics
    assert not any(str(CARDS[3]) in text for text in [*pages, metrics])
