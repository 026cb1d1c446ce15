"""The `fraudstream` command: a table of commands, each imported only when it is asked for.

Importing lazily keeps `fraudstream --help` instant and lets a worker run without the offline libraries.
"""

import importlib
import sys
from collections.abc import Sequence

import click

from fraudstream.domain.errors import FraudstreamError

COMMANDS = {
    "demo": "demo:demo",
    "acceptance": "acceptance:acceptance",
    "broker": "broker:broker",
    "topics": "topics:topics",
    "worker": "worker:worker",
    "produce": "produce:produce",
    "generate": "generate:generate",
    "aggregate": "aggregate:aggregate",
    "train": "train:train",
}
"""Command -> `module:object` below fraudstream.commands, in the order a newcomer meets them."""


class LazyGroup(click.Group):
    """A click group that imports a command's module when the command is looked up."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of the table, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command, or None if there is no such name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(f"fraudstream.commands.{module}"), name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fraudstream")
def cli() -> None:
    """Decide card payments in a stream: exact ten-minute windows, weekly aggregates, XGBoost and rules."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an error a user can mend is one sentence and exit code 2."""
    try:
        cli.main(args=arguments, prog_name="fraudstream")
    except FraudstreamError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
