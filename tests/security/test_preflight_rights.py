"""`fraudstream preflight` on a real broker with an authorizer: which right a login lacks, and the command that gives it."""

import asyncio
import json
import shlex
from collections.abc import Callable

from confluent_kafka.admin import ResourceType

from fraudstream import topics
from fraudstream.acls import ROLES, Acl, acls, commands
from fraudstream.adapters.kafka.acls import give
from fraudstream.adapters.kafka.admin import administration
from fraudstream.adapters.kafka.granted import missing_rights
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.installation.rights import rights as looked
from fraudstream.installation.steps import State
from fraudstream.settings import Settings
from fraudstream.topics import Role
from tests.commands.running import fraudstream
from tests.denials import GROUP, READ, TOPIC, WRITE, allow, deny, withdraw

Principal = Callable[..., Settings]
TRANSACTIONS = ResourceType.TRANSACTIONAL_ID


async def missing(settings: Settings, role: Role) -> list[Acl]:
    """Return which rights of a role a login does not have."""
    async with administration(Kafka.of(settings)) as admin:
        return await missing_rights(admin, acls(settings, role))


async def test_no_right_of_a_role_is_missing_once_all_are_given(
    principal: Principal, rights: Settings
) -> None:
    """And before that every one is, for a login that nobody gave anything; an administrator lacks none."""
    stranger = principal("stranger")
    before = await missing(stranger, "worker")
    for role in ROLES:
        async with administration(Kafka.of(rights)) as client:
            await give(client, "User:stranger", acls(rights, role))
        assert [] == await missing(stranger, role)
        assert [] == await missing(rights, role)

    assert acls(rights, "worker") == before


async def test_every_right_that_is_refused_is_found(principal: Principal, rights: Settings) -> None:
    """Also where a rule refuses what another one allows. Who may not begin transactions is told both rights to them."""
    worker = principal("worker")
    read, write = worker.topic(topics.TRANSACTIONS.name), worker.topic(topics.DECISIONS.name)
    refused = [
        (TOPIC, read, READ),
        (TOPIC, write, WRITE),
        (GROUP, worker.app_id, READ),
        (TRANSACTIONS, f"{worker.app_id}-0", WRITE),
    ]
    for each in refused:
        await asyncio.to_thread(deny, rights.broker, "User:worker", *each)
    found = await missing(worker, "worker")
    for each in refused:
        await asyncio.to_thread(allow, rights.broker, "User:worker", *each)

    assert [
        Acl("topic", read, "Read"),
        Acl("topic", write, "Write"),
        Acl("group", worker.app_id, "Read"),
        Acl("transactional-id", worker.app_id, "Write", prefixed=True),
        Acl("transactional-id", worker.app_id, "Describe", prefixed=True),
    ] == found
    assert [] == await missing(worker, "worker")


async def test_rights_are_known_of_topics_and_groups_that_are_not_there(
    principal: Principal, rights: Settings
) -> None:
    """So they can be given, and looked at, before anything is made; looking makes nothing."""
    worker, admin = (
        settings.model_copy(update={"topic_prefix": "absent-", "app_id": "absent"})
        for settings in (principal("worker"), rights)
    )
    before = await missing(worker, "worker")
    async with administration(Kafka.of(admin)) as client:
        await give(client, "User:worker", acls(admin, "worker"))
        after = await missing(worker, "worker")
        there = [name for name in await client.list_topics() if name.startswith("absent")]

    assert acls(worker, "worker") == before
    assert ([], []) == (after, there)


async def test_workers_need_no_transactions_but_for_outputs_exactly_once(
    principal: Principal, rights: Settings
) -> None:
    """A worker that never begins one may lack the right."""
    name = rights.app_id
    refused = ("User:worker", TRANSACTIONS, f"{name}-0", WRITE)
    await asyncio.to_thread(deny, rights.broker, *refused)
    without = await looked(principal("worker"), "worker")
    (with_them,) = await looked(principal("worker", exactly_once_outputs=True), "worker")
    await asyncio.to_thread(allow, rights.broker, *refused)

    assert [State.OK] == [each.state for each in without]
    assert f"User:worker as worker may not: Write, Describe on transactional-id {name}" == with_them.found
    assert with_them.command.endswith(f"--transactional-id {name} --resource-pattern-type prefixed")


def test_preflight_says_which_right_is_missing_and_how_to_give_it(
    principal: Principal, rights: Settings
) -> None:
    """For the roles that it is asked about; the command gives what was missing, as kafka-acls reads it."""
    name = rights.topic(topics.LABELS.name)
    withdraw(rights.broker, "User:payer", TOPIC, name, WRITE)
    payer = principal("payer")
    done = fraudstream(payer, "preflight", "--role", "producer", "--role", "reader", "--json", timeout_s=120)
    steps = [each for each in json.loads(done.stdout)["steps"] if each["name"] == "rights"]

    expected = (
        f"kafka-acls --bootstrap-server {payer.broker} --add --allow-principal User:payer "
        f"--operation Write --topic {name}"
    )
    assert 1 == done.returncode, done.stderr
    assert ["missing", "ok"] == [each["state"] for each in steps]
    assert f"User:payer as producer may not: Write on topic {name}" == steps[0]["found"]
    assert expected == steps[0]["command"]


def test_topics_with_the_same_rights_share_a_command() -> None:
    """All rights of a role are given by a handful of commands, none of them twice."""
    settings = Settings(_env_file=None)
    wanted = acls(settings, "worker")
    made = commands(wanted, "User:CN=a worker", settings.broker)

    assert sorted(map(str, wanted)) == sorted(str(acl) for given in made.values() for acl in given)
    assert len(made) < 10
    for command, given in made.items():
        words = shlex.split(command)
        assert "User:CN=a worker" == words[words.index("--allow-principal") + 1]
        assert {acl.name for acl in given} == {
            words[at + 1] for at, word in enumerate(words) if word == f"--{given[0].resource}"
        }
        assert {acl.operation for acl in given} == {
            words[at + 1] for at, word in enumerate(words) if word == "--operation"
        }
