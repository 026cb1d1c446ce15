"""A million rows decided by `fraudstream predict`, with a trained model, the weekly aggregates of every night and every window."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.batch import measured
from benchmarks.prepared import FRAUDSTREAM, Prepared, Say, run_command
from fraudstream.settings import Settings
from fraudstream.world.generate import generate
from fraudstream.world.world import World

ROWS = 1_000_000
CARDS, PER_CARD_DAY = 20_000, 3.55
WEEK_DAYS = 7
KEPT_MIN = 2
"""Nights that a weekly store keeps at least; few rows are of one day."""
COLUMNS = ("tid", "cc_num", "amount", "event_time", "merchant")


def world_of(rows: int) -> World:
    """Return a world of a week to look back on, and then days with at least so many payments."""
    days = WEEK_DAYS + 1 + round(rows / (CARDS * PER_CARD_DAY))
    return World(seed=1, cards=CARDS, days=days, payments=round(CARDS * PER_CARD_DAY * days))


def file_of(data_dir: Path, path: Path, rows: int, say: Say) -> None:
    """Write so many payments as CSV, in the order of their time, and the weekly aggregates of every night among them."""
    world, settings = world_of(rows), Settings(_env_file=None, data_dir=data_dir)
    say("payments to predict")
    generate(world, settings.history_dir)
    days = [str(world.start + timedelta(days=day)) for day in range(WEEK_DAYS, world.days)]
    for day in days:
        if not (settings.weekly_dir / f"{day}.json").exists():
            say(f"weekly aggregates as of {day}")
            run_command(
                data_dir,
                "aggregate",
                "--as-of",
                day,
                "--force",
                FRAUDSTREAM_WEEKLY_KEPT=str(max(KEPT_MIN, len(days))),
            )
    files = [str(settings.history_dir / f"date={day}" / "*.parquet") for day in days]
    payments = pl.scan_parquet(files, hive_partitioning=False).select(COLUMNS)
    payments.sort("event_time").head(rows).sink_csv(path)


def batch(prepared: Prepared, data_dir: Path, scratch: Path, rows: int, say: Say) -> dict[str, Any]:
    """Return how long it takes, with the CPU of all its processes, and the most memory."""
    path = scratch / "rows.csv"
    file_of(data_dir, path, rows, say)
    say(f"{rows:,} rows")
    environment = {
        "FRAUDSTREAM_DATA_DIR": str(data_dir),
        "FRAUDSTREAM_MODELS": prepared.settings.models_place,
    }
    command = [*FRAUDSTREAM, "predict", str(path), "--out", str(scratch / "decided.csv"), "--force", "--json"]
    done = measured(command, environment)
    assert rows == done.found["decided"], done.found
    figures = {"seconds": round(done.seconds, 1), "cpu_seconds": round(done.cpu_s, 1)}
    return {"rows": rows, **figures, "peak_mb": round(done.peak_mb)}
