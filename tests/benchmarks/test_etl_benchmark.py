"""The benchmark of `fraudstream etl` runs, small."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_raw_file_with_bad_rows_is_made_and_measured() -> None:
    """About a tenth is rejected; all rows are accounted for, which the benchmark checks."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.etl", "--rows", "30000", "--garbage", "0.1", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    figures = json.loads(done.stdout)
    assert 30_000 == figures["rows"]
    assert 2_000 < figures["rejected"] < 4_000
    assert figures["peak_mb"] > 0
