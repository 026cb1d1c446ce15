"""`fraudstream api-keys`: keys of programs that ask the API."""

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from fraudstream.adapters.extras import check_installed
from fraudstream.commands.group import Group
from fraudstream.domain.times import DAY_MS
from fraudstream.settings import Settings

if TYPE_CHECKING:
    from fraudstream.adapters.database.api_keys import ApiKeys

json_option = click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")


@click.group("api-keys", cls=Group)
def api_keys() -> None:
    """Make, list and revoke keys of programs that ask the API; the database holds only their hashes."""


@api_keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    default=("predict",),
    show_default=True,
    help="What it is for: predict, score, labels, lists or detectors; several times for several.",
)
@click.option(
    "--events-per-s",
    type=click.FloatRange(min=0, min_open=True),
    help="How many events a second it may send.",
)
@click.option("--days", type=click.IntRange(min=1), help="After how many days it expires.")
@json_option
def create(
    name: str, scopes: tuple[str, ...], events_per_s: float | None, days: int | None, as_json: bool
) -> None:
    """Make a key for the program NAME and print it. It is not shown again.

    Exit codes: 0 made, 2 bad input, 75 the database does not answer.
    """
    expires_at = None if days is None else time.time_ns() // 1_000_000 + days * DAY_MS
    key = _keys().create(name, scopes, events_per_s, expires_at)
    click.echo(json.dumps({"key": key}) if as_json else key)


@api_keys.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the keys, without their secrets.

    Exit codes: 0 listed, 75 the database does not answer.
    """
    found = _keys().all()
    if as_json:
        rows = [
            {
                "id": key.id,
                "name": key.name,
                "scopes": sorted(key.scopes),
                "events_per_s": key.events_per_s,
                "created_at": key.created_at,
                "expires_at": key.expires_at,
                "revoked_at": key.revoked_at,
            }
            for key in found
        ]
        click.echo(json.dumps(rows))
        return
    now_ms = time.time_ns() // 1_000_000
    for key in found:
        created = datetime.fromtimestamp(key.created_at / 1000, UTC).date()
        click.echo(
            f"{key.id}  {created}  {key.ended(now_ms) or 'valid':20}  {','.join(sorted(key.scopes)):20}  {key.name}"
        )
    if not found:
        click.echo("there are no keys; make one with: fraudstream api-keys create NAME", err=True)


@api_keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """End the key KEY_ID; processes of the API know it within ten seconds.

    Exit codes: 0 revoked, 2 there is no such key, 75 the database does not answer.
    """
    _keys().revoke(key_id)
    click.echo(f"{key_id} is revoked", err=True)


def _keys() -> "ApiKeys":
    check_installed("sqlalchemy", "alembic", what="this", extra="api")
    from fraudstream.adapters.database.api_keys import ApiKeys
    from fraudstream.adapters.database.engine import opened

    return ApiKeys(opened(Settings().database_url))
