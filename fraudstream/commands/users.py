"""`fraudstream users`: who may log in to the console."""

import json
import secrets
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from fraudstream.adapters.extras import check_installed
from fraudstream.commands.group import Group
from fraudstream.domain.people import ROLE_WORDS, Role
from fraudstream.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

json_option = click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
role_option = click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.ANALYST.value,
    show_default=True,
    help="; ".join(f"{role}: {words}" for role, words in ROLE_WORDS.items()) + ".",
)


@click.group(cls=Group)
def users() -> None:
    """Add, invite, list and disable the people who may log in to the console."""


@users.command()
@click.argument("name")
@role_option
@click.option("--shown", default="", help="What others see instead of the name.")
@click.option(
    "--random-password", is_flag=True, help="Make a password and print it, instead of asking for one."
)
@json_option
def add(name: str, role: str, shown: str, random_password: bool, as_json: bool) -> None:
    """Add the user NAME with a password, which is asked for, or the first line of stdin.

    Exit codes: 0 added, 2 bad input, 75 the database does not answer.
    """
    engine = _opened()
    from fraudstream.adapters.database.audit import operator
    from fraudstream.adapters.database.people import People, normal
    from fraudstream.adapters.secrets import argon

    name = normal(name)
    password = secrets.token_urlsafe(15) if random_password else _password()
    People(engine).create(operator(), name, Role(role), shown, argon.hashed(password))
    if as_json:
        click.echo(
            json.dumps({"name": name, "role": role} | ({"password": password} if random_password else {}))
        )
        return
    if random_password:
        click.echo(password)
    click.echo(f"{name} can log in to the console as {role}", err=True)


@users.command()
@click.argument("name")
@role_option
@click.option("--shown", default="", help="What others see instead of the name.")
@json_option
def invite(name: str, role: str, shown: str, as_json: bool) -> None:
    """Print a link by which NAME sets a password. A user who is there already keeps the role and gets a new link.

    Exit codes: 0 invited, 2 bad input, 75 the database does not answer.
    """
    engine, settings = _opened(), Settings()
    from fraudstream.adapters.database.audit import operator
    from fraudstream.adapters.database.people import People
    from fraudstream.adapters.database.sessions import Sessions

    people = People(engine)
    if people.find(name) is None:
        people.create(operator(), name, Role(role), shown)
    token = Sessions(engine).invite(operator(), name, settings.console_invitation_days)
    start = settings.console_url or f"http://{settings.console_host}:{settings.console_port}"
    link = f"{start}/invitations/{token}"
    click.echo(json.dumps({"link": link}) if as_json else link)


@users.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the users.

    Exit codes: 0 listed, 75 the database does not answer.
    """
    engine = _opened()
    from fraudstream.adapters.database.people import People

    found = People(engine).all()
    if as_json:
        rows = [
            {
                "name": user.name,
                "shown": user.shown,
                "role": user.role,
                "state": user.state,
                "created_at": user.created_at,
                "disabled_at": user.disabled_at,
            }
            for user in found
        ]
        click.echo(json.dumps(rows))
        return
    for user in found:
        added = datetime.fromtimestamp(user.created_at / 1000, UTC).date()
        click.echo(f"{user.name:30}  {user.role:9}  {user.state:9}  {added}  {user.shown}")
    if not found:
        click.echo("there are no users; add one with: fraudstream users add NAME", err=True)


@users.command()
@click.argument("name")
def disable(name: str) -> None:
    """Let the user NAME in no more; whoever is logged in as NAME is logged out at once.

    Exit codes: 0 disabled, 2 there is no such user or nobody else is an admin, 75 the database does not answer.
    """
    engine = _opened()
    from fraudstream.adapters.database.audit import operator
    from fraudstream.adapters.database.people import People

    People(engine).disable(operator(), name)
    click.echo(f"{name} is disabled", err=True)


@users.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let the user NAME in again.

    Exit codes: 0 enabled, 2 there is no such user, 75 the database does not answer.
    """
    engine = _opened()
    from fraudstream.adapters.database.audit import operator
    from fraudstream.adapters.database.people import People

    People(engine).enable(operator(), name)
    click.echo(f"{name} is enabled", err=True)


@users.command()
@click.argument("name")
@click.argument("role", type=click.Choice([role.value for role in Role]))
def role(name: str, role: str) -> None:
    """Give the user NAME another ROLE, from the next request on.

    Exit codes: 0 given, 2 there is no such user or nobody else is an admin, 75 the database does not answer.
    """
    engine = _opened()
    from fraudstream.adapters.database.audit import operator
    from fraudstream.adapters.database.people import People

    People(engine).set_role(operator(), name, Role(role))
    click.echo(f"{name} has the role {role}", err=True)


@users.command()
@click.argument("name")
def password(name: str) -> None:
    """Set another password for the user NAME, which is asked for, or the first line of stdin; logs NAME out everywhere.

    Exit codes: 0 set, 2 bad input, 75 the database does not answer.
    """
    engine = _opened()
    from fraudstream.adapters.database.audit import operator
    from fraudstream.adapters.database.login_failures import LoginFailures
    from fraudstream.adapters.database.people import People
    from fraudstream.adapters.secrets import argon

    people = People(engine)
    user = people.named(name)
    people.set_password(operator(), user.name, argon.hashed(_password()))
    LoginFailures(engine).forget(user.name)
    click.echo(f"{user.name} has another password", err=True)


def _opened() -> "Engine":
    check_installed("sqlalchemy", "alembic", "argon2", what="this", extra="console")
    from fraudstream.adapters.database.engine import opened

    return opened(Settings().database_url)


def _password() -> str:
    """Ask twice without showing it, or read the first line of a pipe."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
