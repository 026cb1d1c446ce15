"""Running `fraudstream` as users do: a process of its own, with settings from the environment."""

import os
import subprocess
import sys
from pathlib import Path

from fraudstream.settings import Settings

COMMAND = (sys.executable, "-m", "fraudstream")


def environment(settings: Settings) -> dict[str, str]:
    """Return this process's environment with these settings in it."""
    given = settings.model_dump(exclude_none=True)
    return os.environ | {f"FRAUDSTREAM_{name.upper()}": str(value) for name, value in given.items()}


def fraudstream(
    settings: Settings, *arguments: str | Path, timeout_s: float = 60
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
