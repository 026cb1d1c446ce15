"""`fraudstream audit`: what people have changed, and whether nobody has changed that."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from fraudstream.adapters.extras import check_installed
from fraudstream.commands.group import Group
from fraudstream.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

json_option = click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")


@click.group(cls=Group)
def audit() -> None:
    """List what people have changed, and verify that nobody has changed the list."""


@audit.command("list")
@click.option("--person", help="Only what this person has changed.")
@click.option("--action", help="Only actions that begin so, such as case or people.role.")
@click.option("--subject", help="Only what was done to something with this in its name.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many entries.")
@json_option
def list_(person: str | None, action: str | None, subject: str | None, limit: int, as_json: bool) -> None:
    """List entries, the newest first.

    Exit codes: 0 listed, 75 the database does not answer.
    """
    engine = _opened()
    from fraudstream.adapters.database.audit import entries

    found = entries(engine, person, action, subject, limit=limit)
    if as_json:
        click.echo(json.dumps([asdict(each) | {"details": json.loads(each.details)} for each in found]))
        return
    for each in found:
        at = datetime.fromtimestamp(each.at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        details = "" if each.details == "{}" else f"  {each.details}"
        click.echo(f"{each.number:>7}  {at}  {each.person:24}  {each.action:20}  {each.subject}{details}")
    if not found:
        click.echo("no entries", err=True)


@audit.command()
@click.option(
    "--noted",
    help="NUMBER:HASH of an entry as an earlier run printed it: it must still be there, which also shows that none is missing at the end.",
)
@json_option
def verify(noted: str | None, as_json: bool) -> None:
    """Compute the hashes of all entries anew, and print number and hash of the last one.

    Exit codes: 0 nothing was changed, 1 an entry was changed or is missing, 2 wrong usage, 75 the database does not answer.
    """
    engine = _opened()
    from fraudstream.adapters.database.audit import Broken, verified

    found = verified(engine, noted)
    if isinstance(found, Broken):
        if as_json:
            click.echo(json.dumps({"ok": False, "entry": found.number, "why": found.why}))
        click.echo(f"entry {found.number} is broken: {found.why}", err=True)
        sys.exit(1)
    last = "" if found is None else f"{found.number}:{found.hash}"
    if as_json:
        click.echo(json.dumps({"ok": True, "entries": 0 if found is None else found.number, "last": last}))
    else:
        click.echo(f"nothing was changed; the last entry is {last}" if found else "there are no entries")


def _opened() -> "Engine":
    check_installed("sqlalchemy", "alembic", what="this", extra="console")
    from fraudstream.adapters.database.engine import opened

    return opened(Settings().database_url)
