"""What our processes write, only their user reads: each test is a process, as a umask is."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fraudstream.settings import Settings
from tests.commands.running import fraudstream


def open_to_others(directory: Path) -> list[str]:
    """Return what others could read, write or enter below a directory, itself included."""
    return [
        f"{stat.filemode(path.stat().st_mode)} {path}"
        for path in (directory, *directory.rglob("*"))
        if path.stat().st_mode & 0o077
    ]


def test_a_commands_files_are_private(tmp_path: Path) -> None:
    """The history holds card numbers, so its directory and files are for their owner."""
    settings = Settings(_env_file=None, data_dir=tmp_path / "data")
    made = fraudstream(settings, "generate", "--cards", "50", "--days", "9")
    aggregated = fraudstream(settings, "aggregate")

    assert (0, 0) == (made.returncode, aggregated.returncode), made.stderr + aggregated.stderr
    assert len(list(settings.data_dir.rglob("*"))) > 10
    assert [] == open_to_others(settings.data_dir)


@pytest.mark.parametrize("module", ["fraudstream.cli", "fraudstream.worker"])
def test_both_start_ups_begin_with_private_files(module: str, small_world: Path, tmp_path: Path) -> None:
    """`fraudstream worker` and `faust -A fraudstream.worker worker`."""
    code = f"import {module} as m; getattr(m, 'main', lambda _: None)(['broker', '--help'])"
    probe = (
        f"import atexit, pathlib; atexit.register(lambda: pathlib.Path({str(tmp_path / 'made')!r}).touch())\n"
    )
    environment = os.environ | {"FRAUDSTREAM_DATA_DIR": str(small_world), "FRAUDSTREAM_WEB_PORT": "0"}
    subprocess.run(
        [sys.executable, "-c", probe + code], check=True, capture_output=True, env=environment, umask=0
    )

    assert 0o600 == stat.S_IMODE((tmp_path / "made").stat().st_mode)
