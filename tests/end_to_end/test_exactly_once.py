"""FRAUDSTREAM_EXACTLY_ONCE_OUTPUTS: who reads committed sees each decision once, whatever happens to the workers."""

import json
import signal
from collections import Counter

import pytest

from fraudstream.settings import Settings
from tests.end_to_end.harness import Worker, expected_windows, produce, read_all, reading, settled
from tests.end_to_end.test_worker import CARDS, encoded, payments, windows
from tests.shared import PATIENCE_S

COMMITTED = "read_committed"


@pytest.fixture
def settings(kafka_settings: Settings) -> Settings:
    """Return settings with transactions, small micro-batches and quick restarts."""
    return kafka_settings.model_copy(
        update={
            "session_timeout_s": 6.0,
            "web": False,
            "exactly_once_outputs": True,
            "batch_rows_max": 128,
            "chunk_rows_max": 64,
        }
    )


async def decided(settings: Settings, at_least: int) -> list[str]:
    """Wait for so many decisions and return the ids of all."""
    async with reading(settings, "decisions", COMMITTED) as topic:
        await topic.until(lambda found: len(found) >= at_least, PATIENCE_S)
        return [json.loads(record.value or b"")["transaction_id"] for record in await topic.to_the_end()]


async def assert_decided_once(settings: Settings, ids: Counter[str]) -> None:
    """Every record of the log has one committed decision, and every alert is committed once; all of them exact."""
    committed = Counter(await decided(settings, ids.total()))
    await settled(settings)
    decisions = [
        json.loads(record.value or b"") for record in await read_all(settings, "decisions", COMMITTED)
    ]
    alerts = [
        json.loads(record.value or b"") for record in await read_all(settings, "fraud-alerts", COMMITTED)
    ]

    assert ids == committed
    assert await expected_windows(settings) == windows(decisions)
    assert Counter(d["transaction_id"] for d in decisions if d["outcome"] != "approve") == Counter(
        alert["transaction_id"] for alert in alerts
    )


async def test_a_killed_workers_half_published_decisions_never_count(settings: Settings) -> None:
    """Two kills in a backlog: what was sent and not committed is aborted by the successor and decided again."""
    sent = payments(8_000, seed=11)
    await produce(settings, [encoded(payment) for payment in sent])
    for _ in range(2):
        with Worker(settings) as doomed:
            before = len(await read_all(settings, "decisions", COMMITTED))
            await decided(settings, before + 1000)
            doomed.kill()
    with Worker(settings):
        await assert_decided_once(settings, Counter(payment["tid"] for payment in sent))


async def test_a_worker_that_was_paused_too_long_cannot_publish(settings: Settings) -> None:
    """Stopped past the session timeout, its successor decides; awake again it is fenced."""
    sent = payments(20_000, seed=12)
    await produce(settings, [encoded(payment) for payment in sent])
    with Worker(settings) as zombie:
        await decided(settings, 1000)
        assert zombie.process is not None
        zombie.process.send_signal(signal.SIGSTOP)
        paused_at = len(await read_all(settings, "decisions", COMMITTED))
        successor = settings.model_copy(update={"state_dir": settings.data_dir / "state" / "successor"})
        with Worker(successor):
            await decided(settings, paused_at + 1000)
            zombie.process.send_signal(signal.SIGCONT)
            await assert_decided_once(settings, Counter(payment["tid"] for payment in sent))


async def test_repartitioned_payments_are_decided_once(settings: Settings) -> None:
    """Unkeyed payments pass two transactions: the one that repartitions them, the one that decides them."""
    values = [(None, encoded(payment)[1]) for payment in payments(2_000, seed=13)]
    await produce(settings, values)
    with Worker(settings):
        ids = Counter(await decided(settings, len(values)))

    assert Counter(json.loads(value)["tid"] for _, value in values) == ids
    assert {str(card)[-4:] for card in CARDS} >= {
        json.loads(record.value or b"")["card_last4"]
        for record in await read_all(settings, "decisions", COMMITTED)
    }
