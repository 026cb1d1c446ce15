"""`fraudstream web-user`: give somebody a name and a password for the pages."""

import sys
from pathlib import Path

import click

from fraudstream.adapters.secrets.password_files import NAME, PASSWORD_CHARACTERS_MIN, password_hash, put_user
from fraudstream.domain.errors import FraudstreamError
from fraudstream.settings import Settings


@click.command("web-user")
@click.argument("name")
@click.option(
    "--file",
    "users_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Users file to write to; a line with the same name is replaced.  [default: FRAUDSTREAM_WEB_USERS_FILE, else the line is printed]",
)
def web_user(name: str, users_file: Path | None) -> None:
    """Ask for a password (or read the first line of stdin) and write a line for user NAME to the users file.

    The file holds only a salted scrypt hash. Restart the workers afterwards: they read the file at their start.
    """
    if not NAME.fullmatch(name):
        raise FraudstreamError("a name is 1 to 64 letters, digits or one of _ . @ -")
    password = _password()
    if len(password) < PASSWORD_CHARACTERS_MIN:
        raise FraudstreamError(
            f"the password is too short; use at least {PASSWORD_CHARACTERS_MIN} characters"
        )
    hashed = password_hash(password)
    place = users_file or Settings().web_users_file
    if place is None:
        click.echo(f"{name}:{hashed}")
        return
    try:
        put_user(place, name, hashed)
    except (OSError, UnicodeDecodeError) as error:
        raise FraudstreamError(f"the users file {place} cannot be written; is it yours?") from error
    click.echo(f"{name} can log in once the workers are restarted: {place}", err=True)


def _password() -> str:
    """Ask twice without showing it, or read the first line of a pipe."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
