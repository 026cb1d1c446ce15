"""`fraudstream topics`: create, list, describe and grow our topics, and print or give rights."""

import asyncio
import json
import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from fraudstream.acls import ROLES, Acl, acls
from fraudstream.adapters.kafka.acls import give
from fraudstream.adapters.kafka.admin import (
    KafkaTopic,
    administration,
    ensure_topics,
    existing_topics,
    topic_configs,
)
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.commands.group import Group
from fraudstream.domain.errors import SetupError
from fraudstream.domain.times import DAY_MS, HOUR_MS
from fraudstream.settings import Settings
from fraudstream.topics import Role, all_topics

broker_option = click.option("--broker", help="host:port of a Kafka broker.  [default: FRAUDSTREAM_BROKER]")
PRINCIPAL = re.compile(r"User:[^\s\x00-\x1f]{1,249}")
json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")


@click.group(cls=Group)
def topics() -> None:
    """Create, list, describe and grow the topics; print or grant rights to them."""


@topics.command()
@broker_option
@json_option
def create(broker: str | None, as_json: bool) -> None:
    """Create missing topics and check existing ones. Exit codes: 0 all fit, 2 they do not, 75 no broker."""
    settings = Settings.with_options(broker=broker)
    created = asyncio.run(ensure_topics(settings))
    if as_json:
        click.echo(json.dumps({"created": created}))
        return
    for name in created:
        click.echo(f"created {name}")
    existed = len(all_topics(settings)) - len(created)
    click.echo(f"{len(created)} created, {existed} existed already")


@topics.command("list")
@broker_option
@json_option
def list_(broker: str | None, as_json: bool) -> None:
    """List the topics: purpose, partitions (0: missing), and how long records are kept."""
    settings = Settings.with_options(broker=broker)
    wanted = all_topics(settings)
    found = asyncio.run(_existing(Kafka.of(settings), wanted))
    rows = [
        {
            "name": name,
            "purpose": topic.purpose,
            "partitions": found[name].partitions if name in found else 0,
            "retention_ms": topic.retention_ms,
        }
        for name, topic in wanted.items()
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    table = Table("topic", "partitions", "kept", "what it is for", box=None, pad_edge=False)
    for row in rows:
        retention = _span(int(str(row["retention_ms"])))
        table.add_row(str(row["name"]), str(row["partitions"] or "missing"), retention, str(row["purpose"]))
    Console().print(table)


@topics.command()
@click.argument("name")
@broker_option
@json_option
def describe(name: str, broker: str | None, as_json: bool) -> None:
    """Show a topic's partitions, replicas, leaders and configuration."""
    settings = Settings.with_options(broker=broker)
    topic, configs = asyncio.run(_described(Kafka.of(settings), (name, settings.topic(name))))
    if as_json:
        click.echo(json.dumps({**asdict(topic), "config": configs}))
        return
    for field, value in asdict(topic).items():
        click.echo(f"{field:<12} {value}")
    for key in sorted(configs):
        click.echo(f"{'config':<12} {key}={configs[key]}")


@topics.command()
@click.argument("partitions", type=click.IntRange(1, 1024))
@click.option(
    "--yes", is_flag=True, help="Do not ask for confirmation; Kafka cannot remove partitions again."
)
@broker_option
@json_option
def grow(partitions: int, yes: bool, broker: str | None, as_json: bool) -> None:
    """Increase all topics to this number of PARTITIONS and redistribute the workers' state among them.

    Stop all workers first. Payments that wait are decided afterwards, with the windows they would have had; it may be
    interrupted and run again. Then start all workers with FRAUDSTREAM_PARTITIONS set to the new number.

    Exit codes: 0 done, 1 not confirmed, 2 workers are running, or the topics cannot grow like this, 75 no broker.
    """
    settings = Settings.with_options(broker=broker)
    from fraudstream.commands.growing import ask_and_grow

    ask_and_grow(settings, partitions, yes=yes, as_json=as_json)


@topics.command(short_help="Print or grant the rights that a principal needs.")
@click.argument("role", type=click.Choice(list(ROLES)))
@click.argument("principal")
@click.option("--apply", is_flag=True, help="Grant the rights now, with the login in the settings.")
@broker_option
@json_option
def acl(role: Role, principal: str, apply: bool, broker: str | None, as_json: bool) -> None:
    """Print the rights that PRINCIPAL (e.g. User:fraudstream) needs in ROLE, as kafka-acls commands, or grant them.

    The brokers need an authorizer that denies by default. Give nobody else rights on the changelog and the workers' group:
    the changelog is the workers' state.

    Exit codes: 0 printed or granted, 2 not authorised by Kafka, 75 no broker.
    """
    settings = Settings.with_options(broker=broker)
    if not PRINCIPAL.fullmatch(principal):
        raise SetupError(f"{principal!r} is not a principal; write User:name")
    wanted = acls(settings, role)
    if apply:
        asyncio.run(_given(Kafka.of(settings), principal, wanted))
    if as_json:
        click.echo(
            json.dumps({"principal": principal, "given": apply, "acls": [asdict(each) for each in wanted]})
        )
        return
    for each in wanted:
        bootstrap = f"kafka-acls --bootstrap-server {settings.broker}"
        click.echo(
            each.command(principal) if apply else f"{bootstrap} {each.command(shlex.quote(principal))}"
        )
    if apply:
        click.echo(f"{principal} has the {len(wanted)} rights of a {role}: it {ROLES[role]}")


async def _given(kafka: Kafka, principal: str, wanted: Sequence[Acl]) -> None:
    async with administration(kafka) as admin:
        await give(admin, principal, wanted)


async def _existing(kafka: Kafka, names: Collection[str]) -> dict[str, KafkaTopic]:
    async with administration(kafka) as admin:
        return await existing_topics(admin, names)


async def _described(kafka: Kafka, names: tuple[str, ...]) -> tuple[KafkaTopic, dict[str, str]]:
    """Return the first of `names` that exists; SetupError if none does."""
    async with administration(kafka) as admin:
        found = await existing_topics(admin, names)
        for name in names:
            if name in found:
                return found[name], (await topic_configs(admin, [name]))[name]
    raise SetupError(f"there is no topic {names[0]}; create ours with: fraudstream topics create")


def _span(duration_ms: int) -> str:
    """Write a duration in days or hours."""
    if duration_ms % DAY_MS == 0:
        return f"{duration_ms // DAY_MS} d"
    return f"{duration_ms / HOUR_MS:g} h"
