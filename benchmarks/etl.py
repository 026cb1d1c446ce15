"""`python -m benchmarks.etl`: raw CSV in the shape of Kaggle's Sparkov files through `fraudstream etl`, with time and peak memory.

Simulated payments of two years with Sparkov's 22 columns and its count of rows without a name; with --garbage some of them have an
amount that is no number.
"""

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import polars as pl

from benchmarks.batch import GOAL_MB, GOAL_S, measured
from benchmarks.prepared import FRAUDSTREAM
from fraudstream.adapters.event_types import event_type_named
from fraudstream.world.generate import generate
from fraudstream.world.world import World

ROWS = 1_800_000
"""About those of fraudTrain.csv and fraudTest.csv together: 1,852,394."""

DAYS, CARDS = 730, 1000

ORDER = (
    *("", "trans_date_trans_time", "cc_num", "merchant", "category", "amt", "first", "last", "gender", "street", "city"),
    *("state", "zip", "lat", "long", "city_pop", "job", "dob", "trans_num", "unix_time", "merch_lat", "merch_long", "is_fraud"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured."""

    rows: int
    file_mb: float
    rejected: int
    seconds: float
    cpu_seconds: float
    peak_mb: float


def raw_csv(path: Path, rows: int, garbage: float) -> None:
    """Write a raw file."""
    world = World(seed=1, cards=CARDS, days=DAYS, payments=rows)
    with tempfile.TemporaryDirectory(prefix="fraudstream-etl-") as scratch:
        history = Path(scratch) / "history"
        generate(world, history, event_type_named("sparkov"))
        payments = pl.scan_parquet(history / "*" / "*.parquet").with_row_index("")
        spoilt = pl.col("").hash(seed=1) % 10_000 < round(garbage * 10_000)
        payments.with_columns(
            pl.from_epoch("event_time", "ms").dt.strftime("%Y-%m-%d %H:%M:%S").alias("trans_date_trans_time"),
            pl.when(spoilt).then(pl.lit("garbage")).otherwise(pl.col("amount").cast(pl.String)).alias("amt"),
            pl.col("tid").alias("trans_num"),
            pl.col("is_fraud").cast(pl.Int8),
        ).select(ORDER).sink_csv(path)


def run(rows: int, garbage: float) -> Figures:
    """Make a raw file, and files to train and test on of it."""
    with tempfile.TemporaryDirectory(prefix="fraudstream-etl-") as scratch:
        raw, out = Path(scratch) / "raw.csv", Path(scratch) / "out"
        raw_csv(raw, rows, garbage)
        command = [
            *FRAUDSTREAM,
            "etl",
            str(raw),
            "--event-type",
            "sparkov",
            "--out",
            str(out),
            "--gap",
            "14d",
        ]
        done = measured([*command, "--rejected-max", "1", "--json"], {})
        made = done.found
        assert made["rows"] == made["rejected"] + sum(file["events"] for file in made["files"].values())
        size_mb = round(raw.stat().st_size / 1e6, 1)
    return Figures(
        made["rows"],
        size_mb,
        made["rejected"],
        round(done.seconds, 2),
        round(done.cpu_s, 2),
        round(done.peak_mb),
    )


@click.command()
@click.option(
    "--rows", type=click.IntRange(min=1000), default=ROWS, show_default=True, help="Rows of the raw file."
)
@click.option(
    "--garbage", type=click.FloatRange(0, 0.9), default=0.0, show_default=True, help="Share of bad rows."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(rows: int, garbage: float, as_json: bool) -> None:
    """Measure `fraudstream etl`."""
    figures = run(rows, garbage)
    if as_json:
        click.echo(json.dumps(asdict(figures)))
        return
    click.echo(f"{figures.rows:,} rows, {figures.file_mb:,.0f} MB, {figures.rejected:,} rejected")
    click.echo(
        f"{figures.seconds:.1f} s (goal: {GOAL_S:.0f}), {figures.cpu_seconds:.1f} CPU s, {figures.peak_mb:,.0f} MB (goal: {GOAL_MB:,.0f})"
    )


if __name__ == "__main__":
    main()
