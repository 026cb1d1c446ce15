"""A weekly store that is down, slow or wrong costs payments their week, and nothing else."""

import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from fraudstream.domain.tokens import Tokenizer
from fraudstream.domain.weekly import Week, midnight_before
from fraudstream.process.ports import free_port
from fraudstream.settings import Settings
from tests.end_to_end.harness import Worker, decisions_of, produce
from tests.fake_feature_store.server import FakeFeatureStore
from tests.sagemaker import GROUP, credentials, filled, opened

CARDS = [4_006_080_000_000_000 + number * 7_919 for number in range(40)]
WEEK = Week(25, 40.5)

Weeks = set[tuple[int, float, tuple[str, ...]]]
"""The different (count, mean, degraded) of some decisions."""


@pytest.fixture
async def store(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeFeatureStore]:
    """Yield a Feature Store; the weeks come later, they need the settings' card tokens."""
    credentials(monkeypatch)
    async with FakeFeatureStore() as serving:
        yield serving


@pytest.fixture
def settings(kafka_settings: Settings, store: FakeFeatureStore) -> Settings:
    """Return settings of a worker that looks every card up for every micro-batch."""
    return kafka_settings.model_copy(
        update={
            "weekly_store": f"sagemaker://{GROUP}",
            "weekly_endpoint_url": store.url,
            "weekly_region": "us-east-1",
            "weekly_cache_cards": 0,
            "lookup_timeout_ms": 300,  # on a busy machine a good answer takes a while
            "web_port": free_port("127.0.0.1"),
        }
    )


@pytest.fixture
async def worker(settings: Settings, store: FakeFeatureStore) -> AsyncIterator[Worker]:
    """Yield a running worker whose cards all have the same week, as of today."""
    tokenizer = Tokenizer(settings.card_token_key())
    weeks = {tokenizer.token(str(card)): WEEK for card in CARDS}
    async with opened(store) as filling:
        await filled(filling, {midnight_before(time.time_ns() // 1_000_000): weeks})
    with Worker(settings) as running:
        yield running


async def decided(settings: Settings) -> list[dict[str, Any]]:
    """Send a payment of every card, now; return the decisions, one each."""
    sent = {uuid.uuid4().hex: card for card in CARDS}
    now = time.time()
    payments = [{"tid": tid, "cc_num": card, "amount": 12.5, "trans_ts": now} for tid, card in sent.items()]
    await produce(settings, [(str(one["cc_num"]).encode(), json.dumps(one).encode()) for one in payments])
    decisions = await decisions_of(settings, set(sent))
    ours = [decision for decision in decisions if decision["transaction_id"] in sent]
    assert len(sent) == len(ours)
    return ours


def weekly(decisions: list[dict[str, Any]]) -> Weeks:
    """Return what some decisions say of their weeks."""
    return {
        (
            decision["features"]["num_trans_last_1w"],
            decision["features"]["avg_amt_last_1w"],
            tuple(why for why in decision["degraded"] if why.startswith("weekly")),
        )
        for decision in decisions
    }


async def decided_until(settings: Settings, true: Callable[[Weeks], bool], timeout_s: float = 60) -> Weeks:
    """Send payments until it is so of their weeks: on a slow machine an answer may come too late, whatever it says."""
    deadline = time.monotonic() + timeout_s
    while not true(weeks := weekly(await decided(settings))):
        assert time.monotonic() < deadline, weeks
    return weeks


async def found_again(settings: Settings) -> None:
    """Wait until payments have their week: the worker's trial has found the store answering."""
    await decided_until(settings, lambda weeks: weeks == {(WEEK.payments, WEEK.mean_amount, ())})


def refused(weeks: Weeks) -> bool:
    """Tell whether an answer of the store was refused."""
    return any("weekly-refused" in degraded for _, _, degraded in weeks)


@pytest.mark.usefixtures("worker")
async def test_every_payment_is_decided_whatever_the_store_does(
    settings: Settings, store: FakeFeatureStore
) -> None:
    """With the week while the store answers, without it and marked while it does not, and with it again afterwards."""
    await found_again(settings)
    for faults, refuses in (
        ({"refusing": True}, False),
        ({"latency_ms": 5000}, False),
        ({"throttling": True}, False),
        ({"garbage": "no-json"}, False),
        ({"garbage": "nan"}, True),
        ({"garbage": "other-card"}, True),
    ):
        await store.change(**faults)
        without = await decided_until(settings, refused if refuses else any)
        await store.change()
        await found_again(settings)

        assert {(0, 0.0)} == {(count, mean) for count, mean, _ in without}
        assert all(degraded for _, _, degraded in without)
        assert refuses == refused(without)


@pytest.mark.usefixtures("worker")
async def test_what_became_of_the_lookups_is_counted(settings: Settings, store: FakeFeatureStore) -> None:
    """The metrics show the state of the store."""
    await found_again(settings)
    await store.change(garbage="negative")
    await decided_until(settings, lambda weeks: {(0, 0.0, ("weekly-refused",))} == weeks)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{settings.web_port}/metrics") as answer,
    ):
        metrics = dict(line.rsplit(" ", 1) for line in (await answer.text()).splitlines() if line[0] != "#")

    assert float(metrics['fraudstream_weekly_cards_total{result="weekly-refused"}']) >= len(CARDS)
    assert float(metrics['fraudstream_weekly_cards_total{result="store"}']) >= len(CARDS)
    assert float(metrics['fraudstream_weekly_calls_total{result="answered"}']) >= 1
    assert 0 == float(metrics["fraudstream_weekly_breaker_state"])
