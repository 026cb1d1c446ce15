"""The benchmark of windows of a day runs, small."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENTRY_BYTES = 40


def test_a_day_of_every_entity_is_in_its_window_and_on_disk() -> None:
    """Each event finds all of its entity's day; every one of them is kept."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.day_windows", "--entities", "500", "--events", "6", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    figures = json.loads(done.stdout)
    assert (500, 3000, 6) == (figures["entities"], figures["events"], figures["entries"])
    assert figures["disk_mb"] >= 3000 * ENTRY_BYTES / 1e6 / 2  # compressed, or not
    assert figures["cpu_us_per_event"] > 0
    assert figures["rss_mb"] > 0
