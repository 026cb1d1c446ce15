"""What every run needs and no run should wait for twice: a world, its weekly aggregates, and a model trained on it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from benchmarks.children import BenchmarkFailed
from benchmarks.plan import Plan
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.registry import Registry
from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.settings import Settings
from fraudstream.world.generate import generate
from fraudstream.world.world import World

FRAUDSTREAM = (sys.executable, "-c", "from fraudstream.cli import main; main()")
"""The `fraudstream` command of the Python that runs the benchmark, whatever the search path finds."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Where the parts of a run are."""

    data_dir: Path
    first_day: date
    """The first day that is replayed; the days before it are the history."""
    days: int

    @property
    def settings(self) -> Settings:
        """The worker's settings as far as they say where things are."""
        return Settings(_env_file=None, data_dir=self.data_dir)

    @property
    def weekly_json(self) -> Path:
        """Weekly aggregates as a peer loads them: midnight -> card number -> [count, mean amount]."""
        return self.data_dir / "weekly-by-card-number.json"

    @property
    def model_dir(self) -> Path:
        """The model version in use."""
        return Path(self.settings.models_place) / "card" / str(Registry.of(self.settings).resolve())


def prepare(plan: Plan, data_dir: Path, say: Say) -> Prepared:
    """Generate, aggregate and train with the project's own commands, unless the directory has it all already."""
    world = World(seed=plan.seed, cards=plan.cards, days=plan.days, payments=plan.payments)
    first_day = world.start + timedelta(days=plan.history_days)
    prepared = Prepared(data_dir, first_day, plan.traffic_days)
    say("payments of the world")
    generated = generate(world, prepared.settings.history_dir)
    done, wanted = data_dir / "prepared", " ".join(event_type_named("card").features)
    if generated.already_there and done.exists() and done.read_text() == wanted:
        return prepared
    for number in range(plan.traffic_days):
        midnight = first_day + timedelta(days=number)
        say(f"weekly aggregates as of {midnight}")
        run_command(data_dir, "aggregate", "--as-of", str(midnight))
    write_weekly_json(prepared)
    say("training the model")
    run_command(data_dir, "train", "--activate", "always")
    prepared.settings.card_token_key()
    done.write_text(wanted)
    return prepared


def run_command(data_dir: Path, *arguments: str, **variables: str) -> None:
    """Run one of the project's commands on the benchmark's data."""
    environment = {**os.environ, "FRAUDSTREAM_DATA_DIR": str(data_dir), **variables}
    done = subprocess.run(
        [*FRAUDSTREAM, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BenchmarkFailed(
            f"fraudstream {' '.join(arguments)} failed: {(done.stderr or done.stdout).strip()[-500:]}"
        )


def write_weekly_json(prepared: Prepared) -> None:
    """Compute the weeks from the history once more, by card number, for the peer that keeps them in a dictionary."""
    files = sorted(prepared.settings.history_dir.glob("date=*/*.parquet"))
    history = pl.scan_parquet(files, hive_partitioning=False).select("cc_num", "amount", "event_time")
    weeks: dict[str, dict[str, list[float]]] = {}
    for number in range(prepared.days):
        midnight = midnight_ms(prepared.first_day + timedelta(days=number))
        week = (
            history.filter(pl.col("event_time").is_between(midnight - 7 * DAY_MS, midnight, closed="left"))
            .group_by(pl.col("cc_num").cast(pl.String))
            .agg(count=pl.len(), mean=(pl.col("amount") * 100).round().sum() / (pl.len() * 100))
            .collect()
        )
        weeks[str(midnight)] = {card: [count, mean] for card, count, mean in week.iter_rows()}
    prepared.weekly_json.write_text(json.dumps(weeks))
