"""Rights in Kafka, on a real broker whose authorizer refuses what nobody allowed."""

import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from fraudstream import topics
from fraudstream.acls import ROLES, acls
from fraudstream.adapters.kafka.admin import administration, existing_topics, topic_configs
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.denials import GROUP, READ, TOPIC, deny

Principal = Callable[..., Settings]


async def write(settings: Settings, topic: str, transactional_id: str | None = None) -> None:
    """Write one record as this principal."""
    producer = AIOKafkaProducer(
        **Kafka.of(settings).client, acks="all", request_timeout_ms=6000, transactional_id=transactional_id
    )
    async with AsyncExitStack() as stack:
        await producer.start()
        stack.push_async_callback(producer.stop)
        if transactional_id is not None:
            await stack.enter_async_context(producer.transaction())
        await producer.send_and_wait(topic, b"{}", partition=0)


async def read(settings: Settings, topic: str) -> None:
    """Read a topic as this principal, without a group."""
    async with AIOKafkaConsumer(**Kafka.of(settings).client, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.getmany(timeout_ms=3000)


async def join(settings: Settings, group: str) -> None:
    """Join a group as this principal."""
    topic = settings.topic(topics.DECISIONS.name)
    async with AIOKafkaConsumer(topic, **Kafka.of(settings).client, group_id=group) as consumer:
        await consumer.getmany(timeout_ms=3000)


def worker_only(settings: Settings) -> dict[str, Callable[[Settings], Awaitable[None]]]:
    """Return what only the worker may do."""
    return {
        "write the changelog": lambda who: write(who, topics.changelog(settings).name),
        "read the changelog": lambda who: read(who, topics.changelog(settings).name),
        "write decisions": lambda who: write(who, settings.topic(topics.DECISIONS.name)),
        "write alerts": lambda who: write(who, settings.topic(topics.ALERTS.name)),
        "repartition payments": lambda who: write(who, settings.topic(topics.REPARTITIONED.name)),
        "read payments": lambda who: read(who, settings.topic(topics.TRANSACTIONS.name)),
    }


async def test_nobody_else_does_what_the_worker_does(principal: Principal, rights: Settings) -> None:
    """Not even those who send payments and read decisions, and may look at every topic."""
    payer = principal("payer")
    for act in worker_only(payer).values():
        with pytest.raises(TopicAuthorizationFailedError):
            await act(payer)
    with pytest.raises(GroupAuthorizationFailedError):
        await join(payer, payer.app_id)
    with pytest.raises(TransactionalIdAuthorizationFailed):
        await write(payer, payer.topic(topics.TRANSACTIONS.name), f"{payer.app_id}-0")


async def test_a_login_without_rights_can_do_nothing(principal: Principal, rights: Settings) -> None:
    """It does not even learn which topics there are."""
    stranger = principal("stranger")
    with pytest.raises(KafkaError):
        await write(stranger, topics.changelog(stranger).name)
    async with administration(Kafka.of(stranger)) as admin:
        assert [] == await admin.list_topics()
        assert {} == await existing_topics(admin, topics.all_topics(stranger))


async def test_the_worker_does_all_of_it(principal: Principal, rights: Settings) -> None:
    """The same requests as those refused above, and transactions under its own names."""
    worker = principal("worker")
    for act in worker_only(worker).values():
        await act(worker)
    await write(worker, worker.topic(topics.ALERTS.name), f"{worker.app_id}-0")
    with pytest.raises(TransactionalIdAuthorizationFailed):
        await write(worker, worker.topic(topics.ALERTS.name), "somebody-else-0")
    with pytest.raises(TopicAuthorizationFailedError):
        await write(worker, worker.topic(topics.LABELS.name))


async def test_the_payer_sends_and_reads_what_it_should(principal: Principal, rights: Settings) -> None:
    """Two roles of one principal."""
    payer = principal("payer")
    await write(payer, payer.topic(topics.TRANSACTIONS.name))
    await write(payer, payer.topic(topics.LABELS.name))
    await read(payer, payer.topic(topics.DECISIONS.name))


async def test_a_login_without_rights_is_told_why_no_topic_can_be_seen(
    principal: Principal, rights: Settings
) -> None:
    """The sentence names the command that gives rights."""
    stranger = principal("stranger")
    async with administration(Kafka.of(stranger)) as admin:
        with pytest.raises(SetupError, match="grant rights with: fraudstream topics acl"):
            await topic_configs(admin, [stranger.topic(topics.DECISIONS.name)])


def test_the_command_gives_rights(principal: Principal, rights: Settings) -> None:
    """What it applies is enough to find the topics fitting."""
    settings = principal("stranger")
    before = fraudstream(settings, "topics", "create")
    given = fraudstream(rights, "topics", "acl", "reader", "User:stranger", "--apply", "--json")
    after = fraudstream(settings, "topics", "create")

    assert (2, 0, 0) == (before.returncode, given.returncode, after.returncode), after.stderr
    assert len(acls(rights, "reader")) == len(json.loads(given.stdout)["acls"])


def test_only_an_administrator_gives_rights(principal: Principal, rights: Settings) -> None:
    """The worker cannot."""
    refused = fraudstream(principal("worker"), "topics", "acl", "worker", "User:stranger", "--apply")

    assert 2 == refused.returncode
    assert "Kafka refuses to grant User:stranger" in refused.stderr


def test_the_rights_are_printed_as_kafka_acls_wants_them(principal: Principal) -> None:
    """For who gives rights with Kafka's own tools."""
    settings = principal("worker", app_id="fraudstream", topic_prefix="")
    lines = fraudstream(settings, "topics", "acl", "worker", "User:fraudstream").stdout.splitlines()
    refused = fraudstream(settings, "topics", "acl", "worker", "fraudstream")
    expected = (
        "--add --allow-principal User:fraudstream --operation Write --topic fraudstream-activity-changelog"
    )

    assert f"kafka-acls --bootstrap-server {settings.broker} {expected}" in lines
    assert any("--transactional-id fraudstream --resource-pattern-type prefixed" in line for line in lines)
    assert (2, "Error: 'fraudstream' is not a principal; write User:name\n") == (
        refused.returncode,
        refused.stderr,
    )


def test_only_the_worker_has_rights_on_its_state() -> None:
    """Whatever roles there will be."""
    settings = Settings(_env_file=None)
    log = topics.changelog(settings).name
    own = {topics.archive_group(settings), topics.console_group(settings), topics.resending(settings)}
    writers = {
        role
        for role in ROLES
        for acl in acls(settings, role)
        if acl.operation in {"Read", "Write"}
        and (acl.name == log or (acl.resource != "topic" and acl.name not in own))
    }

    assert {"worker"} == writers


@pytest.mark.parametrize("kind", [TOPIC, GROUP], ids=["topic", "group"])
def test_a_worker_that_may_not_read_says_so_and_may_be_started_again(
    principal: Principal, rights: Settings, small_world: Path, kind: Any
) -> None:
    """With code 75, so that a supervisor restarts it and it continues when the right is given back."""
    name = rights.topic(topics.TRANSACTIONS.name) if kind is TOPIC else rights.app_id
    deny(rights.broker, "User:worker", kind, name, READ)

    ended = fraudstream(principal("worker", data_dir=small_world), "worker", timeout_s=120)

    assert 75 == ended.returncode, ended.stderr
    assert "grant rights with: fraudstream topics acl" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
