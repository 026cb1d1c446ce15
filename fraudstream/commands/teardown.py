"""`fraudstream teardown`: takes an installation away."""

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import click

from fraudstream.adapters.extras import check_installed
from fraudstream.domain.errors import FraudstreamError
from fraudstream.settings import Settings

if TYPE_CHECKING:
    from fraudstream.installation.teardown import Kind, Thing

KINDS = ("topics", "state", "weekly", "models", "archive", "history", "database", "keys")


@click.command()
@click.option("--broker", help="Kafka bootstrap servers.  [default: FRAUDSTREAM_BROKER or localhost:9092]")
@click.option(
    "--only",
    "kinds",
    type=click.Choice(KINDS),
    multiple=True,
    help="Take only this away; repeatable.  [default: all but the keys, which nothing can bring back]",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Name the things, and remove nothing.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object; does not ask, so it needs --yes or --dry-run.",
)
def teardown(broker: str | None, kinds: tuple["Kind", ...], yes: bool, dry_run: bool, as_json: bool) -> None:
    """Remove what fraudstream has made, thing after thing, after naming all of it and asking.

    The order is topics, state, weekly aggregates, models, archive, history, database, keys. What is not there is passed over;
    buckets and servers are named and left. Stop all processes first.

    Exit codes: 0 removed, or nothing was there, 1 not removed, 2 workers still run, or no right, 75 no broker answers.
    """
    check_installed("sqlalchemy", "alembic", what="this", extra="api")
    from fraudstream.installation.teardown import KINDS as ORDER
    from fraudstream.installation.teardown import things

    if as_json and not (yes or dry_run):
        raise click.UsageError("--json does not ask: give --yes or --dry-run")
    settings = Settings.with_options(broker=broker)
    wanted = tuple(kind for kind in ORDER if kind in kinds or (not kinds and kind != "keys"))
    found = asyncio.run(things(settings, wanted))
    if not as_json:
        for each in found:
            click.echo(f"{each.kind:<9} {each.name}{f'  (left: {each.left})' if each.left else ''}")
    if not dry_run and any(not each.left for each in found):
        if not yes and not click.confirm("Remove all of this? It cannot be brought back", default=False):
            sys.exit(1)
        _remove(found, settings)
    if as_json:
        told = [{"kind": each.kind, "name": each.name, "left": each.left} for each in found]
        click.echo(json.dumps({"removed": not dry_run, "things": told}))
    elif not found:
        click.echo("there is nothing to remove", err=True)


def _remove(found: list["Thing"], settings: Settings) -> None:
    """Remove things in order; what is left after an error the next teardown removes."""
    from fraudstream.installation.teardown import remove

    for each in found:
        if each.left:
            continue
        try:
            asyncio.run(remove(each, settings))
        except (FraudstreamError, OSError):
            click.echo(f"stopped at {each.kind} {each.name}; give the command again", err=True)
            raise
        click.echo(f"removed {each.kind} {each.name}", err=True)
