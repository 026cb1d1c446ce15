"""A disk that fills while files are made."""

import os
import subprocess
import sys
from pathlib import Path

from tests.offline.etl.making import nothing_in, raw_file, rows


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    """Code 75: a later start may find room."""
    raw = raw_file(tmp_path / "raw.csv", *rows(20_000))
    command = 'ulimit -f 100 && exec "$0" -m fraudstream etl "$1" --event-type sparkov --out "$2"'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, str(raw), str(tmp_path / "out")],
        env=os.environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert 75 == done.returncode, done.stderr
    assert "a file has reached the limit of file sizes" in done.stderr
    assert nothing_in(tmp_path, "raw.csv")
