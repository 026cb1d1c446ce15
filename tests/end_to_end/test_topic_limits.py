"""Topics that accept less at once than a backlog's batches, with a real worker."""

import asyncio
import json
import time

import pytest

from fraudstream import topics
from fraudstream.settings import Settings
from tests.end_to_end.harness import Worker, decisions_of, expected_windows, produce, read_all, settled
from tests.end_to_end.test_worker import CARDS, encoded
from tests.topic_settings import configure

LIMIT = 131_072
PAYMENTS = 6000


def payments(numbers: range) -> list[dict[str, object]]:
    """Return payments of a few cards, a tenth of a second apart."""
    start = time.time() - 1200
    return [
        {"tid": f"p{n}", "cc_num": CARDS[n % len(CARDS)], "amount": 5.0 + n % 90, "trans_ts": start + n / 10}
        for n in numbers
    ]


async def limit(settings: Settings, most: int, *names: str) -> None:
    """Lower the limit of topics, by name or of the changelog."""
    for name in names:
        topic = topics.changelog(settings).name if name == "changelog" else settings.topic(name)
        await configure(settings, topic, max_message_bytes=most)


@pytest.mark.parametrize("once", [False, True], ids=["at least once", "exactly once"])
async def test_a_backlog_is_decided_though_the_topics_take_little_at_once(
    kafka_settings: Settings, once: bool
) -> None:
    """6,000 payments wait for a worker whose decisions and changelog may not exceed 131,072 bytes."""
    settings = kafka_settings.model_copy(update={"web": False, "exactly_once_outputs": once})
    await limit(settings, LIMIT, "decisions", "changelog")
    await produce(settings, [encoded(payment) for payment in payments(range(PAYMENTS))])
    with Worker(settings) as worker:
        decisions = await decisions_of(settings, {f"p{n}" for n in range(PAYMENTS)}, timeout_s=120)
        await settled(settings)
    told = {d["transaction_id"]: d["features"]["num_trans_last_10m"] for d in decisions}

    assert {tid: count for tid, (count, _) in (await expected_windows(settings)).items()} == told
    assert PAYMENTS == len(decisions)
    assert "exiting" not in worker.log


async def test_limits_lowered_below_a_single_delta_batch_while_it_runs(kafka_settings: Settings) -> None:
    """The worker halves what is refused and goes on; its state can be rebuilt from what it wrote."""
    settings = kafka_settings.model_copy(update={"web": False})
    with Worker(settings) as worker:
        await produce(settings, [encoded(payment) for payment in payments(range(100))])
        await decisions_of(settings, {f"p{n}" for n in range(100)}, timeout_s=120)
        await limit(settings, 5000, "decisions", "changelog", "fraud-alerts", "dead-letters")
        await produce(settings, [encoded(payment) for payment in payments(range(100, 3000))])
        await decisions_of(settings, {f"p{n}" for n in range(3000)}, timeout_s=120)
        await settled(settings)
        assert worker.process is not None
        still_running = worker.process.poll() is None
    elsewhere = settings.model_copy(update={"state_dir": settings.data_dir / "empty"})
    with Worker(elsewhere):
        await produce(
            settings, [encoded({**payments(range(1))[0], "tid": "last", "trans_ts": time.time() - 901})]
        )
        (last,) = [d for d in await decisions_of(settings, {"last"}) if d["transaction_id"] == "last"]

    assert still_running
    assert "takes" not in worker.log
    assert (await expected_windows(settings))["last"][0] == last["features"]["num_trans_last_10m"]


async def test_a_payment_that_cannot_be_repartitioned_is_a_dead_letter(kafka_settings: Settings) -> None:
    """The repartitioned topic takes less than `transactions`: reason and detail say topic and limit, the rest is decided."""
    settings = kafka_settings.model_copy(update={"web": False})
    repartitioned = settings.topic("transactions-by-card")
    await limit(settings, 5000, "transactions-by-card")
    sent = payments(range(40))
    large = json.dumps(sent[7]).encode()[:-1] + b" " * 6000 + b"}"
    values = [(None, large if n == 7 else json.dumps(payment).encode()) for n, payment in enumerate(sent)]
    await produce(settings, values, partition=0)
    with Worker(settings):
        await decisions_of(settings, {f"p{n}" for n in range(40)} - {"p7"}, timeout_s=120)
        await settled(settings)
    (letter,) = [json.loads(record.value or b"") for record in await read_all(settings, "dead-letters")]

    assert ("unpublishable", 7) == (letter["reason"], letter["offset"])
    assert f"larger than topic {repartitioned} accepts (max.message.bytes=5000)" in letter["detail"]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"max_message_bytes": 500}, "accepts at most 500 bytes (max.message.bytes=500)"),
        ({"min_insync_replicas": 3}, "min.insync.replicas=3, but it has 1 replicas"),
    ],
    ids=["no record fits", "too few replicas"],
)
async def test_a_topic_that_cannot_be_written_is_code_2_at_the_start(
    kafka_settings: Settings, config: dict[str, int], said: str
) -> None:
    """With topic, limit and remedy."""
    topic = kafka_settings.topic("decisions")
    await configure(kafka_settings, topic, **config)
    with Worker(
        kafka_settings.model_copy(update={"web": False}), ("-m", "fraudstream", "topics", "create")
    ) as worker:
        assert worker.process is not None
        code = await asyncio.to_thread(worker.process.wait, 60)

    assert 2 == code
    assert topic in worker.log
    assert said in worker.log
    assert "kafka-configs --alter --entity-type topics --entity-name" in worker.log
