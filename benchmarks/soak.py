"""`python -m benchmarks.soak`: a day of payments in minutes; memory and disk must stay where they are.

Cards churn: every ten minutes of event time a third of them is replaced, so that state which is not forgotten piles up.
"""

import json
import random
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

import click

from benchmarks.lone_worker import LoneWorker, broker, payment, prepared_in, rss_mb, told
from fraudstream.domain.times import HOUR_MS
from fraudstream.domain.windows.entries import WINDOW_MS
from fraudstream.tables.activity_layout import CLOCK, CLOCK_KEY, KEY_BYTES, START, Clock
from fraudstream.tables.activity_store import open_database

HORIZON_S = 3600
STEP_MS = WINDOW_MS
CHURN = 3
"""Steps until all cards are others."""


@dataclass(frozen=True, slots=True)
class Soak:
    """What a soak found. A quarter is one of event time; the first begins when the kept horizon is full."""

    event_hours: float
    payments: int
    cards: int
    seconds: float
    rss_mb: list[float]
    """Mean of each quarter; buffers and caches of a fixed size fill up in the first."""
    rss_last_to_first: float
    rss_last_to_third: float
    disk_mb: list[float]
    disk_last_to_first: float
    disk_last_to_third: float
    kept_min: float
    """From the oldest bucket on disk to the newest payment."""
    kept_min_allowed: float


def soak(directory: Path, data_dir: Path, hours: float, per_step: int, cards_at_once: int) -> Soak:
    """Send steps of ten minutes one after the other, measuring after each."""
    steps = round(hours * HOUR_MS / STEP_MS)
    chance = random.Random(16)
    start_ms = (time.time_ns() // 1_000_000 - (steps + 1) * STEP_MS) // STEP_MS * STEP_MS
    rss: list[float] = []
    disk: list[float] = []
    prepared = prepared_in(data_dir, told)
    with broker(directory / "broker") as cluster:
        settings = {"FRAUDSTREAM_LATENESS_HORIZON_S": str(HORIZON_S), "FRAUDSTREAM_COMMIT_INTERVAL_S": "0.2"}
        worker = LoneWorker(cluster, prepared, directory, "soak", settings)
        worker.create_topics()
        began = time.monotonic()
        with worker.started() as child:
            for step in range(steps):
                oldest = step * cards_at_once // CHURN
                times = sorted(chance.randrange(STEP_MS) for _ in range(per_step))
                worker.send(
                    payment(
                        oldest + chance.randrange(cards_at_once),
                        start_ms + step * STEP_MS + at,
                        f"{step}-{number}",
                    )
                    for number, at in enumerate(times)
                )
                worker.wait(child, (step + 1) * per_step)
                rss.append(rss_mb(child))
                disk.append(worker.disk_mb())
                if step % 12 == 11:
                    told(
                        f"{(step + 1) * STEP_MS / HOUR_MS:.0f} h: {rss[-1]:.0f} MB memory, {disk[-1]:.1f} MB disk"
                    )
        seconds = time.monotonic() - began
    full = (HORIZON_S * 1000 + 2 * WINDOW_MS) // STEP_MS
    memory, space = _quarters(rss[full:]), _quarters(disk[full:])
    return Soak(
        hours,
        steps * per_step,
        steps * cards_at_once // CHURN,
        round(seconds, 1),
        *(memory, round(memory[3] / memory[0], 3), round(memory[3] / memory[2], 3)),
        *(space, round(space[3] / space[0], 3), round(space[3] / space[2], 3)),
        round(max(map(_kept_min, worker.partitions)), 1),
        (HORIZON_S * 1000 + 2 * WINDOW_MS + 3 * STEP_MS) / 60_000,
    )


def _quarters(series: list[float]) -> list[float]:
    """Return the means of the four quarters of a series."""
    length = len(series) // 4
    return [round(fmean(series[number * length : (number + 1) * length]), 2) for number in range(4)]


def _kept_min(partition: Path) -> float:
    """Return how far back a partition's oldest bucket lies behind its newest payment, in minutes."""
    database = open_database(partition)
    try:
        oldest = min(START.unpack_from(key)[0] for key in database.keys() if len(key) == KEY_BYTES)  # noqa: SIM118 - no dict
        newest = Clock._make(CLOCK.unpack(database.get(CLOCK_KEY))).watermark_ms
    finally:
        database.close()
    return float(newest - oldest) / 60_000


@click.command(help=__doc__)
@click.option("--hours", default=24.0, show_default=True, help="Event time.")
@click.option("--per-step", default=6_000, show_default=True, help="Payments in ten minutes.")
@click.option("--cards", default=9_000, show_default=True, help="Cards in use at once.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), default=Path(".fraudstream/benchmarks"), show_default=True
)
def main(hours: float, per_step: int, cards: int, as_json: bool, data_dir: Path) -> None:
    """Run a soak and print it."""
    with tempfile.TemporaryDirectory() as directory:
        found = soak(Path(directory), data_dir, hours, per_step, cards)
    if as_json:
        click.echo(json.dumps(asdict(found)))
        return
    for name, value in asdict(found).items():
        click.echo(f"{name:18} {value}")


if __name__ == "__main__":
    main()
