"""`fraudstream topics`: make our topics and look at them."""

import asyncio
import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from fraudstream.adapters.kafka_admin import (
    KafkaTopic,
    administration,
    ensure_topics,
    existing_topics,
    topic_configs,
)
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from fraudstream.topics import DAY_MS, HOUR_MS, all_topics

broker_option = click.option("--broker", help="host:port of a Kafka broker.  [default: FRAUDSTREAM_BROKER]")
json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")


@click.group()
def topics() -> None:
    """Make the topics and look at them."""


@topics.command()
@broker_option
@json_option
def create(broker: str | None, as_json: bool) -> None:
    """Create the topics that are missing and check those that exist. Exit codes: 0 all fit, 2 they do not."""
    settings = Settings()
    created = asyncio.run(ensure_topics(broker or settings.broker, settings))
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
    """List our topics: what they are for, partitions (0: missing), and how long records are kept."""
    settings = Settings()
    found = asyncio.run(_existing(broker or settings.broker))
    rows = [
        {
            "name": name,
            "purpose": topic.purpose,
            "partitions": found[name].partitions if name in found else 0,
            "retention_ms": topic.retention_ms,
        }
        for name, topic in all_topics(settings).items()
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
    """Show one topic as Kafka has it: partitions, replicas, leaders and configuration."""
    settings = Settings()
    topic, configs = asyncio.run(_described(broker or settings.broker, (name, settings.topic(name))))
    if as_json:
        click.echo(json.dumps({**asdict(topic), "config": configs}))
        return
    for field, value in asdict(topic).items():
        click.echo(f"{field:<12} {value}")
    for key in sorted(configs):
        click.echo(f"{'config':<12} {key}={configs[key]}")


async def _existing(bootstrap: str) -> dict[str, KafkaTopic]:
    async with administration(bootstrap) as admin:
        return await existing_topics(admin)


async def _described(bootstrap: str, names: tuple[str, ...]) -> tuple[KafkaTopic, dict[str, str]]:
    """Return the first of `names` that exists; SetupError if none does."""
    async with administration(bootstrap) as admin:
        found = await existing_topics(admin)
        for name in names:
            if name in found:
                return found[name], (await topic_configs(admin, [name]))[name]
    raise SetupError(f"there is no topic {names[0]}; create ours with: fraudstream topics create")


def _span(duration_ms: int) -> str:
    """Write a duration in days or hours."""
    if duration_ms % DAY_MS == 0:
        return f"{duration_ms // DAY_MS} d"
    return f"{duration_ms / HOUR_MS:g} h"
