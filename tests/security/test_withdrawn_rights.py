"""Rights that are missing or withdrawn, on a real broker: who waits for them, how long, and who says so."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from confluent_kafka.admin import ResourceType
from faust.types import TP

from fraudstream import topics
from fraudstream.acls import acls
from fraudstream.adapters.kafka.acls import give
from fraudstream.adapters.kafka.admin import administration
from fraudstream.adapters.kafka.outbox import Message, Outbox, nothing_instead
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.transactions import Transactions
from fraudstream.domain.errors import BrokerUnavailable, SetupError
from fraudstream.settings import Settings
from fraudstream.topics import outputs
from tests.commands.running import begin, fraudstream
from tests.denials import GROUP, READ, TOPIC, WRITE, allow, deny, withdraw
from tests.shared import PATIENCE_S

Principal = Callable[..., Settings]

LABEL = b'{"transaction_id": "a", "fraud": true, "known_at": 1580558400000}'


async def give_role(admin: Settings, principal: str, role: str) -> None:
    """Give a principal all that a role needs."""
    async with administration(Kafka.of(admin)) as client:
        await give(client, principal, acls(admin, role))


@contextlib.asynccontextmanager
async def publishing(settings: Settings, patience_s: float) -> AsyncIterator[Publisher]:
    """Yield a worker's publisher that has written a decision."""
    async with Publisher(Kafka.of(settings), "test", patience_s) as publisher:
        await publisher.publish(one_record(settings))
        yield publisher


def one_record(settings: Settings, name: str = "decisions", value: bytes = b"{}") -> Outbox:
    """Return an outbox with one record for a topic."""
    outbox = Outbox()
    outbox.add(settings.topic(name), 0, Message(None, value))
    return outbox


async def test_rights_to_write_that_are_given_back_are_used(principal: Principal, rights: Settings) -> None:
    """Nothing ends, nothing is lost, and what was refused arrives once."""
    settings = principal("worker")
    topic = settings.topic("decisions")
    async with publishing(settings, patience_s=120) as publisher:
        await asyncio.to_thread(withdraw, rights.broker, "User:worker", TOPIC, topic, WRITE)
        waiting = asyncio.create_task(publisher.publish(one_record(settings)))
        async with asyncio.timeout(PATIENCE_S):
            while not [each for each in publisher.problems() if "not authorised" in each.sentence]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        (problem,) = publisher.problems()
        still_waiting = not waiting.done()
        await give_role(rights, "User:worker", "worker")
        results = await waiting
        healthy = list(publisher.problems())

    assert still_waiting
    assert ("failing", "grant rights with: fraudstream topics acl") == (problem.severity, problem.remedy)
    assert f"not authorised by Kafka to write topic {topic}" in problem.sentence
    assert [1] == [each.base_offset for each in results[topic, 0]]
    assert [] == healthy


async def test_rights_to_write_that_are_not_given_back_are_waited_for_no_longer_than_told(
    principal: Principal, rights: Settings
) -> None:
    """Then it is a set-up error, which a supervisor does not restart."""
    settings = principal("worker")
    async with publishing(settings, patience_s=2.0) as publisher:
        await asyncio.to_thread(
            withdraw, rights.broker, "User:worker", TOPIC, settings.topic("decisions"), WRITE
        )
        with pytest.raises(SetupError, match="grant rights with: fraudstream topics acl") as refused:
            await publisher.publish(one_record(settings))

    assert not refused.value.later


async def commit_one(settings: Settings) -> None:
    """Decide a payment with outputs that are there exactly once."""
    transactions = Transactions(Kafka.of(settings), settings.app_id, outputs(settings), 60)
    try:
        await transactions.take_over([0])
        offsets = {0: {TP(settings.topic("transactions"), 0): 1}}
        await transactions.commit({0: one_record(settings)}, offsets, nothing_instead)
    finally:
        await transactions.stop()


@pytest.mark.parametrize(
    ("kind", "operation"), [(TOPIC, WRITE), (GROUP, READ), (ResourceType.TRANSACTIONAL_ID, WRITE)]
)
async def test_rights_of_exactly_once_outputs_may_be_given_back(
    principal: Principal, rights: Settings, kind: Any, operation: Any
) -> None:
    """A transaction cannot go on: the worker starts again (75), and again if the right is not back by then."""
    settings = principal("worker")
    name = settings.topic("decisions") if kind is TOPIC else f"{settings.app_id}{'-0' * (kind is not GROUP)}"
    await commit_one(settings)
    refused = ("User:worker", kind, name, operation)
    await asyncio.to_thread(deny, rights.broker, *refused)

    for _ in range(2):
        with pytest.raises(BrokerUnavailable, match="grant rights with: fraudstream topics acl"):
            await commit_one(settings)

    await asyncio.to_thread(allow, rights.broker, *refused)
    await commit_one(settings)


@pytest.mark.parametrize(("kind", "name"), [(TOPIC, "decisions"), (TOPIC, "labels"), (GROUP, "")])
async def test_an_archiver_without_a_right_is_a_sentence(
    principal: Principal, rights: Settings, kind: Any, name: str
) -> None:
    """Code 2, as for a bucket that refuses it, because waiting does not help."""
    settings = principal("payer")
    whole = settings.topic(name) if name else topics.archive_group(settings)
    await give_role(rights, "User:payer", "archiver")
    await asyncio.to_thread(withdraw, rights.broker, "User:payer", kind, whole, READ)
    async with Publisher(Kafka.of(rights), "test") as publisher:
        await publisher.publish(one_record(rights, name or "labels", LABEL))

    done = await asyncio.to_thread(fraudstream, settings, "archive", "run", "--once", timeout_s=120)

    assert 2 == done.returncode, done.stderr
    assert "grant rights with: fraudstream topics acl" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("kind", "name"), [(TOPIC, "labels"), (GROUP, "")], ids=["topic", "group"])
async def test_an_archiver_whose_rights_are_withdrawn_says_so_and_ends(
    principal: Principal, rights: Settings, kind: Any, name: str
) -> None:
    """It does not write on without ever committing."""
    settings = principal("payer", archive_interval_s=0.1)
    whole = settings.topic(name) if name else topics.archive_group(settings)
    await give_role(rights, "User:payer", "archiver")
    labels = one_record(settings, "labels", LABEL)
    with begin(settings, "archive", "run") as running:
        try:
            async with Publisher(Kafka.of(settings), "test") as publisher, asyncio.timeout(240):
                await publisher.publish(labels)
                while not list((settings.data_dir / "archive").rglob("*.parquet")):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
                await asyncio.to_thread(withdraw, rights.broker, "User:payer", kind, whole, READ)
                await publisher.publish(labels)
                said, _ = await asyncio.to_thread(running.communicate)
        finally:
            running.kill()

    assert 2 == running.returncode, said
    assert "grant rights with: fraudstream topics acl" in said
    assert "Traceback" not in said
