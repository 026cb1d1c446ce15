"""Temporary directories go with their process, or with the next one."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from fraudstream.adapters.scratch import LOCK, scratch

PREFIX = "fraudstream-test-"
HOLDS = f"""
import sys, time
from fraudstream.adapters.scratch import scratch

with scratch({PREFIX!r}) as directory:
    (directory / "large.csv").write_text("x")
    print(directory, flush=True)
    time.sleep(600)
"""


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is a directory without a lock, which somebody may just be making."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    holders = [subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE) for _ in range(2)]
    try:
        held = [Path(holder.stdout.readline().decode().strip()) for holder in holders if holder.stdout]
        os.kill(holders[0].pid, signal.SIGKILL)
        holders[0].wait()
        (tmp_path / f"{PREFIX}new").mkdir()

        with scratch(PREFIX) as own:
            there = {path.name for path in tmp_path.iterdir()}
            assert [LOCK] == [path.name for path in own.iterdir()]
    finally:
        holders[1].kill()
        holders[1].wait()

    assert {own.name, held[1].name, f"{PREFIX}new"} == there
    assert not own.exists()
