"""`make canary`: exit code 0 if a canary's card number is nowhere but in the input, 1 if it is somewhere else."""

import asyncio
import json
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.demo.world import DemoWorld
from fraudstream.settings import Settings
from tests.canary.hunt import START_UPS, Places, facts, hunt, proven, total
from tests.canary.world import canary_and_other
from tests.commands.running import COMMAND, environment


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
def main(as_json: bool) -> None:
    """Search topics, RocksDB, files, logs, pages and metrics for the card number of payments a worker decided.

    Exit codes: 0 found only where it was put, 1 found elsewhere, or not even there.
    """
    with tempfile.TemporaryDirectory(prefix="fraudstream-canary-") as directory:
        settings = prepared(Path(directory) / "data")
        with EmbeddedBroker(Path(directory) / "broker") as broker:
            settings = settings.model_copy(update={"broker": broker.bootstrap})
            places = asyncio.run(_searched(settings))
    show(places)
    if as_json:
        click.echo(json.dumps(facts(places)))
    sys.exit(0 if proven(places) and not total(places) else 1)


def prepared(data_dir: Path) -> Settings:
    """Make the demo's smallest world and return settings for it."""
    settings = Settings(_env_file=None, data_dir=data_dir, topic_prefix=f"canary{uuid.uuid4().hex[:6]}-")
    for _name, command in DemoWorld.for_rate(1).commands():
        subprocess.run([*COMMAND, *command], env=environment(settings), check=True, stdout=subprocess.DEVNULL)
    return settings


async def _searched(settings: Settings) -> Places:
    await ensure_topics(settings)
    return await hunt(settings, *canary_and_other(settings), START_UPS)


def show(places: Places) -> None:
    """Print the table of places."""
    table = Table("place", "parts", "bytes", "tokens", "hits", box=None, pad_edge=False)
    for name, place in places.items():
        table.add_row(
            name, f"{place.parts:,}", f"{place.bytes_searched:,}", f"{place.tokens:,}", f"{place.hits:,}"
        )
    console = Console(width=100)
    console.print(table)
    for name, place in places.items():
        if place.hits and not name.startswith("input"):
            console.print(f"{name}: {', '.join(place.examples[:5])}")
    found = "found in every input, its token where the card is at home"
    lost = "NOT found where it was put, so the search proves nothing"
    console.print(f"the card number was {found if proven(places) else lost}; {total(places)} hits elsewhere")


if __name__ == "__main__":
    main()
