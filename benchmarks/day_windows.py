"""`python -m benchmarks.day_windows`: what windows of 24 hours cost, over a day with so many events of every entity.

The activity table on its RocksDB, without Kafka: events of all entities in turn, in micro-batches, each aggregated and written.
CPU per event is that of the last tenth, when nearly every entity has all its events of the day in state.
"""

import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import faust
import numpy as np
from faust.types import TP

from fraudstream.adapters.kafka.coalescing_consumer import coalesce
from fraudstream.adapters.kafka.log_losses import LogLosses
from fraudstream.adapters.kafka.publisher import Acknowledged
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.times import DAY_MS, HOUR_MS
from fraudstream.domain.windows.velocity import Windows
from fraudstream.tables.activity import ActivityTable
from fraudstream.tables.activity_batch import Arrivals

DECLARATION = """
name = "day"
[entity]
field = "account"
kind = "text"
[amount]
field = "amount"
currency = "EUR"
[variables]
shop = "string"
[velocity]
events_1d = { function = "count", window = "24h" }
spent_1d = { function = "sum", of = "amount", window = "24h" }
shops_1d = { function = "distinct", of = "shop", window = "24h" }
"""
"""Entries with one value beside the amount, of 40 bytes."""

SOURCE = TP("transactions", 0)
START_MS = 1_580_601_600_000
"""2020-02-02 00:00 UTC: the day is that of a bucket, which so becomes as long as it can."""
SHOPS = 1000
FULL_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured."""

    entities: int
    events: int
    entries: int
    """In the window of the last event: all of its entity's day."""
    disk_mb: float
    """Of the state, after the table was closed."""
    rss_mb: float
    """Most memory that the process has had, the making of events included."""
    cpu_us_per_event: float
    """Of the micro-batches at the end: median."""
    cpu_us_per_event_all: float
    """Of all of them: mean."""


def table_in(directory: Path, windows: Windows) -> ActivityTable:
    """Return a worker's table of one partition."""
    app = faust.App("day", broker="kafka://localhost:1", datadir=str(directory), store="rocksdb://")
    coalesce(app, [SOURCE.topic], [], 4096, LogLosses())
    return ActivityTable(
        app, allowed_lateness_ms=HOUR_MS, name="day", partitions=1, stall_timeout_s=60, windows=windows
    )


def micro_batches(entities: int, each: int, rows: int) -> Iterator[Arrivals]:
    """Yield a day in order of time; every entity has one event before any has the next, in another order each time."""
    chance = np.random.default_rng(1)
    tokens = np.arange(entities, dtype=">u8").astype("V8").repeat(2).view("V16")
    offset, events = 0, entities * each
    for _ in range(each):
        order = chance.permutation(entities)
        for first in range(0, entities, rows):
            who = order[first : first + rows]
            offsets = np.arange(offset, offset + len(who))
            offset += len(who)
            yield Arrivals(
                {0: len(who)},
                tokens[who].tolist(),
                (START_MS + offsets * DAY_MS // events).tolist(),
                chance.integers(100, 100_000, len(who)).tolist(),
                chance.integers(0, 2**63, len(who)).tolist(),
                offsets.tolist(),
                [chance.integers(0, SHOPS, len(who)).tolist()],
            )


def run(entities: int, each: int, rows: int, directory: Path) -> Figures:
    """Write a day and measure."""
    windows = Declaration(DECLARATION, "day.toml").read().windows
    table = table_in(directory, windows)
    took: list[float] = []
    spent_s, newest = 0.0, 0
    for number, arrivals in enumerate(micro_batches(entities, each, rows)):
        began = time.process_time()
        aggregates = table.aggregate(arrivals)
        update, last = aggregates.updates[0], arrivals.offset[-1]
        assert last is not None
        table.apply(0, update, [Acknowledged(number, 1)], {SOURCE: last})
        seconds = time.process_time() - began
        spent_s += seconds
        took.append(seconds / len(arrivals.entity))
        newest = int(
            aggregates.windows[[each.column.name for each in windows.velocities].index("events_1d")][-1]
        )
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table.store._db_for_partition(0).close()
    disk = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    full = took[-max(1, round(len(took) * FULL_SHARE)) :]
    events = entities * each
    return Figures(
        entities,
        events,
        newest,
        round(disk / 1e6, 1),
        round(rss_mb, 1),
        round(statistics.median(full) * 1e6, 2),
        round(spent_s / events * 1e6, 2),
    )


@click.command()
@click.option("--entities", type=click.IntRange(1), default=20_000, show_default=True)
@click.option("--events", type=click.IntRange(1), default=20, show_default=True, help="Of each entity.")
@click.option("--rows", type=click.IntRange(1), default=4096, show_default=True, help="Of a micro-batch.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(entities: int, events: int, rows: int, as_json: bool) -> None:
    """Measure windows of 24 hours; --entities 1000000 takes ten minutes and 1 GB of disk."""
    with tempfile.TemporaryDirectory(prefix="fraudstream-day-", dir=os.environ.get("TMPDIR")) as directory:
        figures = run(entities, events, rows, Path(directory))
    if as_json:
        click.echo(json.dumps(asdict(figures)))
        return
    for name, value in asdict(figures).items():
        click.echo(f"{name:22} {value:>14,}")


if __name__ == "__main__":
    main()
