"""`fraudstream preflight`: whether all that workers need is there."""

import asyncio
import json
import sys
from dataclasses import asdict

import click

from fraudstream.acls import ROLES
from fraudstream.adapters.extras import check_installed
from fraudstream.settings import Settings
from fraudstream.topics import Role


@click.command()
@click.option("--broker", help="Kafka bootstrap servers.  [default: FRAUDSTREAM_BROKER or localhost:9092]")
@click.option(
    "--role",
    "roles",
    type=click.Choice(list(ROLES)),
    multiple=True,
    default=["worker"],
    show_default=True,
    help="What the login in the settings is for: whether it has the rights in Kafka of this role. May be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def preflight(broker: str | None, roles: tuple[Role, ...], as_json: bool) -> None:
    """Look at each step that comes before deciding: what is there, what is missing, and the command that makes it.

    Nothing is changed, except that a database of an earlier release is upgraded.

    Exit codes: 0 workers can decide, 1 something is missing, 2 bad settings, 75 something does not answer.
    """
    check_installed("sqlalchemy", "alembic", what="this", extra="api")
    from fraudstream.installation.preflight import looked
    from fraudstream.installation.steps import State

    steps = asyncio.run(looked(Settings.with_options(broker=broker), roles))
    states = {each.state for each in steps}
    if as_json:
        ready = not states & {State.MISSING, State.AWAY}
        click.echo(json.dumps({"ready": ready, "steps": [asdict(each) for each in steps]}))
    else:
        for each in steps:
            click.echo(f"{each.state:<8} {each.name:<18} {each.found}")
            if each.command and each.state is not State.OK:
                click.echo(f"{'':<8} {'':<18} -> {each.command}")
    sys.exit(1 if State.MISSING in states else 75 if State.AWAY in states else 0)
