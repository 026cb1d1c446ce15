"""`fraudstream dataset`: what a model learns from, for a notebook."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fraudstream.commands.engine_options import Engine, engine_options, spark_of
from fraudstream.commands.gap_warning import warn_of_gaps
from fraudstream.commands.history_place import history_option, payments_at
from fraudstream.domain.errors import SetupError

if TYPE_CHECKING:
    from fraudstream.adapters.spark import Spark
    from fraudstream.offline.written_dataset import Engine as DatasetEngine


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Directory to write.",
)
@history_option()
@click.option(
    "--label-delay-days",
    "gap_days",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Leave out so many days before the test: their frauds were mostly not known when it begins.",
)
@click.option(
    "--leave-out",
    "left_out",
    multiple=True,
    help="Variable or feature that is not wanted, such as a name; repeatable.",
)
@engine_options()
@click.option("--force", is_flag=True, help="Replace the directory if it is not empty.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def dataset(
    out: Path,
    history: str | None,
    gap_days: int,
    left_out: tuple[str, ...],
    engine: Engine,
    master: str,
    force: bool,
    as_json: bool,
) -> None:
    """Write a labelled dataset as Parquet: events to learn from and later ones to test with, with everything that was known at each.

    Features are those of the worker, to the last bit. Beside train.parquet and test.parquet it writes columns.json and README.md, which
    describe every column, and manifest.json with the hashes. Entities and ids are left out; variables, with names or addresses
    among them, stay unless --leave-out names them.

    Exit codes: 0 written, 2 no history, too little fraud in it, or the directory is not empty.
    """
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.offline.whole_directory import holds_something
    from fraudstream.offline.written_dataset import DatasetRequest, written
    from fraudstream.settings import Settings

    if holds_something(out) and not force:
        raise SetupError(f"{out} is not empty; name another directory, or replace it with --force")
    settings = Settings()
    event_type = event_type_named(settings.event_type)
    if not as_json:
        click.echo("computing point-in-time features of each payment ...", err=True)
    with payments_at(history, settings.history_dir) as source, spark_of(engine, master, "dataset") as spark:
        asked = DatasetRequest(
            source.absolute(),
            settings.partitions,
            settings.lateness_horizon_s * 1000,
            event_type,
            gap_days,
            left_out,
        )
        try:
            manifest = written(out, asked, _engine(spark))
        except OSError as error:
            raise SetupError(f"{out} cannot be written ({error.strerror})") from error
    warn_of_gaps(manifest["history"])
    if as_json:
        click.echo(json.dumps(manifest))
        return
    for name in ("train", "test"):
        part = manifest[name]
        click.echo(
            f"{part['file']:<14} {part['rows']:>12,} events, {part['fraud']:,} frauds, {part['first'][:10]} to {part['last'][:10]}"
        )
    click.echo(f"in {out}")


def _engine(spark: "Spark | None") -> "DatasetEngine":
    """Return what does the work."""
    from fraudstream.offline.written_dataset import in_this_process

    if spark is None:
        return in_this_process
    from fraudstream.offline.dataset_on_spark import OnSpark

    return OnSpark(spark)
