"""Running `fraudstream` as users do: a process of its own, with settings from the environment."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from fraudstream.cli import cli
from fraudstream.settings import Settings
from tests.shared import PATIENCE_S

COMMAND = (sys.executable, "-m", "fraudstream")


def parse(words: Iterable[str]) -> None:
    """Let the command of ours that is called so parse its arguments, and do nothing else; raises UsageError."""
    command: click.Command = cli
    arguments = list(words)
    while isinstance(command, click.Group):
        name, found, arguments = command.resolve_command(click.Context(cli), arguments)
        assert found is not None, name
        command = found
    command.make_context(str(command.name), arguments)


def environment(settings: Settings) -> dict[str, str]:
    """Return this process's environment with these settings in it."""
    given = settings.model_dump(exclude_none=True)
    return os.environ | {f"FRAUDSTREAM_{name.upper()}": str(value) for name, value in given.items()}


def fraudstream(
    settings: Settings, *arguments: str | Path, timeout_s: float = PATIENCE_S
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def begin(settings: Settings, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start a command; the caller ends it."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
