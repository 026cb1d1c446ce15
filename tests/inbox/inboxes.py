"""Inboxes as users run them: processes of their own, and files for them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

TIMEOUT_S = 240
ROWS = 40
AGAIN = 75


def raw_csv(rows: int = ROWS, first: int = 0) -> bytes:
    """Return payments as a file of another program, one in four of them fraud."""
    lines = ["cc_num,amount,trans_ts,tid,is_fraud,merchant,zip_code"]
    lines += [
        f"{4006080197832643 + row % 5},{10 + row},{1_580_688_000 + 60 * row},t{first + row},{row % 4 // 3},Shop,10115"
        for row in range(rows)
    ]
    return ("\n".join(lines) + "\n").encode()


def environment(data_dir: Path) -> dict[str, str]:
    """Return this process's environment with a data directory of the test's own."""
    return os.environ | {"FRAUDSTREAM_DATA_DIR": str(data_dir)}


def inbox(
    data_dir: Path, *arguments: str | Path, program: Sequence[str] = ("-m", "fraudstream", "inbox")
) -> subprocess.CompletedProcess[str]:
    """Run `fraudstream inbox` to its end."""
    return subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        env=environment(data_dir),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def killed(data_dir: Path, step: str, *arguments: str | Path) -> None:
    """Run it until it kills itself at a step."""
    done = inbox(data_dir, *arguments, program=("-m", "tests.inbox.killed_inbox", step))
    assert -9 == done.returncode, done.stderr


def settled(data_dir: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it, again while an action that an earlier one started has not ended."""
    deadline = time.monotonic() + TIMEOUT_S
    while (done := inbox(data_dir, *arguments)).returncode == AGAIN and time.monotonic() < deadline:
        time.sleep(0.5)
    return done


def records(data_dir: Path) -> list[dict[str, Any]]:
    """Return what is on record."""
    done = inbox(data_dir, "list", "--json")
    assert 0 == done.returncode, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def made_in(out: Path) -> list[str]:
    """Return the directories that an inbox's ETL has made."""
    return sorted(path.name for path in out.iterdir() if path.is_dir()) if out.exists() else []


def events_in(out: Path) -> list[str]:
    """Return the ids of all events in all made files."""
    files = sorted(out.glob("*/t*.parquet"))
    return sorted(event for file in files for event in pl.read_parquet(file)["EVENT_ID"])
