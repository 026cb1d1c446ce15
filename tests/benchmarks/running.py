"""Runs a benchmark as a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def printed(module: str, *arguments: str, timeout_s: float) -> tuple[Any, str]:
    """Run `python -m MODULE ... --json` to its end; return the object on its last line, and all that it printed."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stdout
