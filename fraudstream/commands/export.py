"""`fraudstream export` and `fraudstream import files`: what people have made, as files and back again."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fraudstream.adapters.extras import check_installed
from fraudstream.settings import Settings

if TYPE_CHECKING:
    from fraudstream.installation.exporting import Kind

what_option = click.option(
    "--what",
    "kinds",
    type=click.Choice(["models", "lists", "users"]),
    multiple=True,
    default=("models", "lists", "users"),
    show_default=True,
    help="Models with their releases and drafts of rules, lists with snoozes, users without passwords; repeatable.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@what_option
@json_option
def export(directory: Path, kinds: tuple["Kind", ...], as_json: bool) -> None:
    """Write what people have made into the empty DIRECTORY, for: fraudstream import files.

    Exit codes: 0 written, 2 bad input, 75 a store, broker or database does not answer.
    """
    check_installed("sqlalchemy", "alembic", what="this", extra="api")
    from fraudstream.installation.exporting import export as write

    _show(asyncio.run(write(Settings(), directory, kinds)), "exported", as_json)


@click.command("files")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True))
@what_option
@json_option
def import_files(directory: Path, kinds: tuple["Kind", ...], as_json: bool) -> None:
    """Take over what `fraudstream export` has written into DIRECTORY. What is there already is not replaced.

    Running workers learn of the active release by: fraudstream releases publish. Users need an invitation.

    Exit codes: 0 taken over, 2 bad input, or a file of a model differs, 75 a store, broker or database does not answer.
    """
    check_installed("sqlalchemy", "alembic", what="this", extra="api")
    from fraudstream.installation.exporting import take_over

    _show(asyncio.run(take_over(Settings(), directory, kinds)), "new", as_json)


def _show(done: dict[str, int], word: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(done))
        return
    for kind, number in done.items():
        click.echo(f"{kind:<8} {number:,} {word}")
