"""The check of the logs, for which a rebalance waits, sends as many requests for many partitions as for a few."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient

from fraudstream import topics
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.kafka.log_losses import LogLosses
from fraudstream.adapters.kafka.partition_logs import partition_logs
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from fraudstream.state import preflight
from fraudstream.state.preflight import LogCheck
from fraudstream.state.rebuild import rebuild_changelog
from fraudstream.state.verify import compare_all
from fraudstream.tables.log_checks import Remembered, look_on
from tests.end_to_end.harness import produce
from tests.end_to_end.test_worker import encoded, payments

MANY = 16

CONNECTIONS = 2
"""Of one who looks at logs: one that reads, one of the group."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return how often the brokers were asked since, by kind of request, and how often somebody connected."""
    counted: Counter[str] = Counter()
    send, start = AIOKafkaClient.send, AIOKafkaConsumer.start

    async def counted_send(client: Any, node: Any, request: Any, **given: Any) -> Any:
        counted[type(request).__name__] += 1
        return await send(client, node, request, **given)

    async def counted_start(consumer: Any) -> None:
        counted["connections"] += 1
        await start(consumer)

    monkeypatch.setattr(AIOKafkaClient, "send", counted_send)
    monkeypatch.setattr(AIOKafkaConsumer, "start", counted_start)
    return counted


async def decided(settings: Settings) -> dict[int, Remembered]:
    """Make logs with payments in all partitions, a changelog of them, and commit them; return what a worker remembers."""
    await ensure_topics(settings)
    await produce(settings, [encoded(payment) for payment in payments(600, seed=71)])
    source, log = settings.topic(topics.TRANSACTIONS.name), topics.changelog(settings).name
    numbers = range(settings.partitions)
    async with partition_logs(Kafka.of(settings), settings.app_id) as logs:
        spans = await logs.spans([(source, number) for number in numbers])
        await logs.commit({place: span.end for place, span in spans.items()})
    await rebuild_changelog(settings, await compare_all(settings))
    async with partition_logs(Kafka.of(settings), settings.app_id) as logs:
        ends = await logs.spans([(log, number) for number in numbers])
    return {
        number: Remembered(ends[log, number].end - 1 if ends[log, number].end else None, -1)
        for number in numbers
    }


async def test_a_check_of_many_partitions_sends_no_more_requests_than_one_of_a_few(
    fresh_settings: Settings, asked: Counter[str]
) -> None:
    """Before a recovery, with a state and without one, and while payments are decided."""
    totals = list[list[int]]()
    for partitions in (2, MANY):
        update = {"partitions": partitions, "app_id": f"{fresh_settings.app_id}-{partitions}"}
        settings = fresh_settings.model_copy(update=update | {"topic_prefix": f"{update['app_id']}-"})
        remembered = await decided(settings)
        check = LogCheck(settings, LogLosses())
        nothing = dict.fromkeys(remembered, Remembered(None, -1))
        before, running = check.before_recovery, check.while_running
        totals.append([])
        for look, given in ((before, remembered), (before, nothing), (running, remembered)):
            asked.clear()
            await look(given)
            totals[-1].append(asked.total())
        await check.close()

    few, many = totals
    assert [True] * 3 == [more <= less + 4 for less, more in zip(few, many, strict=True)], totals


async def test_the_checks_of_a_running_worker_share_a_connection_until_something_is_wrong(
    kafka_settings: Settings, asked: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A difference is confirmed on a new connection: the first one may lead to a broker that is no longer the leader."""
    monkeypatch.setattr(preflight, "CONFIRM_AFTER_S", 0.1)
    remembered = await decided(kafka_settings)
    check = LogCheck(kafka_settings, LogLosses())
    asked.clear()
    for _ in range(3):
        await check.while_running(remembered)
    assert CONNECTIONS == asked["connections"]

    lost = remembered | {0: Remembered(remembered[0].changelog_offset, counted_to=1_000_000)}
    with pytest.raises(SetupError, match="the state has a payment at offset 1000000"):
        await check.while_running(lost)
    assert 2 * CONNECTIONS == asked["connections"]
    await check.while_running(remembered)
    assert 3 * CONNECTIONS == asked["connections"]
    await check.close()


class Closable:
    """A check that nothing is ever wrong with."""

    def __init__(self) -> None:
        self.closed = False

    async def before_recovery(self, remembered: Mapping[int, Remembered]) -> set[int]:
        """Find nothing."""
        return set()

    async def while_running(self, remembered: Mapping[int, Remembered]) -> None:
        """Find nothing."""

    async def close(self) -> None:
        """Take note."""
        self.closed = True


async def test_the_repeated_checks_disconnect_when_the_worker_stops() -> None:
    """Also during the wait between two checks."""
    check = Closable()
    looking = asyncio.create_task(look_on(check, dict, lambda: False))
    await asyncio.sleep(0)
    looking.cancel()
    await asyncio.wait([looking])

    assert check.closed
