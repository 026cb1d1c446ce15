"""A worker whose machine runs out of file handles, space or memory: never a set-up error, so it is started again."""

import subprocess
import sys
from pathlib import Path

import pytest

from fraudstream.process.exits import EXIT_CODES, FINAL
from fraudstream.settings import Settings
from tests.commands.running import environment


def limited(settings: Settings, limit: str) -> tuple[int, str]:
    """Start a worker under a limit of the shell's `ulimit`; return its exit code and what it printed."""
    command = f'ulimit {limit} && exec "$0" -m fraudstream worker'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("-n 12", "too many files are open; raise the limit (ulimit -n, LimitNOFILE)"),
        ("-n 36", "too many files are open; raise the limit (ulimit -n, LimitNOFILE)"),
        ("-f 8", "a file has reached the limit of file sizes; raise it (ulimit -f, LimitFSIZE)"),
    ],
    ids=["files, at the first", "files, at the brokers or the state", "space"],
)
def test_what_runs_out_is_said_and_started_again(
    world_settings: Settings, tmp_path: Path, limit: str, said: str
) -> None:
    """Code 75, and what to raise."""
    code, printed = limited(world_settings.model_copy(update={"state_dir": tmp_path / "state"}), limit)

    assert 75 == code, printed
    assert said in printed


def test_a_worker_without_memory_is_started_again(small_world: Path, tmp_path: Path) -> None:
    """Libraries abort then, so a signal ends it."""
    settings = Settings(
        _env_file=None, data_dir=small_world, state_dir=tmp_path / "state", broker="127.0.0.1:9", web_port=0
    )
    code, printed = limited(settings, "-v 400000")

    assert code not in FINAL, printed
    assert code in EXIT_CODES or code < 0, printed
