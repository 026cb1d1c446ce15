"""`fraudstream predict`: the events of files, or one event."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fraudstream.adapters.extras import check_installed
from fraudstream.commands.engine_options import engine_options, spark_of
from fraudstream.commands.file_options import (
    column_option,
    encoding_option,
    named,
    one_character,
    time_options,
)
from fraudstream.commands.jobs import opened_jobs
from fraudstream.commands.predict_event import predict_event
from fraudstream.commands.progress import bar
from fraudstream.domain.errors import SetupError
from fraudstream.process.tuning import calm_garbage_collection

if TYPE_CHECKING:
    from fraudstream.adapters.spark import Spark
    from fraudstream.offline.etl.s3_inputs import Copies
    from fraudstream.predict.request import Request
    from fraudstream.predict.run import Engine, Predicted


@click.command()
@click.argument("inputs", metavar="[FILE]...", nargs=-1)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write: its name ends with .csv or .parquet.",
)
@click.option(
    "--event",
    type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True),
    help="Instead of files: a JSON file with one event (- for standard input), which workers decide now, asked through the API.",
)
@click.option("--url", help="With --event: address of the API.  [default: FRAUDSTREAM_API_HOST and _PORT]")
@click.option(
    "--api-key-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="With --event: file with a key of the API.",
)
@click.option(
    "--release",
    help="Release to decide with: a number, or `active`.  [default: the active one, or FRAUDSTREAM_MODEL if none is]",
)
@click.option("--model", help="Model version to decide with, by the rules of the event type.")
@click.option(
    "--event-type", help="Event type: a name, or the path of a file.  [default: FRAUDSTREAM_EVENT_TYPE]"
)
@click.option(
    "--weekly",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Directory with weekly aggregates, as `fraudstream aggregate` keeps them.  [default: the workers' store]",
)
@click.option(
    "--columns",
    "style",
    type=click.Choice(["fraudstream", "fraud-detector"]),
    default="fraudstream",
    show_default=True,
    help="Which columns are added: ours, or those that Amazon Fraud Detector adds.",
)
@column_option
@time_options
@click.option("--decimal-comma", is_flag=True, help="Numbers are written as 1.234,50.")
@encoding_option
@click.option(
    "--delimiter",
    callback=one_character,
    help="CSV: the character between cells.  [default: found in each file's first line]",
)
@engine_options()
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@click.option("--restart", is_flag=True, help="Begin anew, whatever an earlier run had finished.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def predict(
    inputs: tuple[str, ...],
    out: Path | None,
    event: Path | None,
    url: str | None,
    api_key_file: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Decide the events of every FILE: CSV (also .csv.gz) or Parquet, directories or patterns, also in S3 (s3://bucket/key).

    The output has all rows of the input in their order, all columns, and what was decided; a row that is no event is in it, too,
    with the reason. Rows are decided as if the files were all of the topic. A command that was killed goes on where it was when
    it is given again, by either engine; `fraudstream jobs` shows how far it is. With --event one event is decided by the workers now.

    Exit codes: 0 written, also if some rows were refused, 1 the job was cancelled, or no row could be decided (--event: the event
    was refused), 2 bad input or options, or the file is there, 75 a store or the API does not answer: the same command goes on.
    """
    if event is not None:
        if inputs or out or options["release"] or options["model"]:
            raise click.UsageError(
                "--event takes neither files nor --out, --release or --model: workers decide"
            )
        sys.exit(predict_event(event, url, api_key_file, as_json))
    if not inputs or out is None:
        raise click.UsageError("name files and --out, or one event with --event")
    if out.suffix not in (".csv", ".parquet"):
        raise click.UsageError(f"--out {out}: the name must end with .csv or .parquet")
    if options["release"] and options["model"]:
        raise click.UsageError("a release has a model of its own: give --release or --model, not both")
    check_installed("sqlalchemy", "alembic", what="a job", extra="api")
    from fraudstream.adapters.scratch import scratch
    from fraudstream.offline.etl.s3_inputs import Copies

    with scratch("fraudstream-predict-") as copied:
        copies = Copies(copied)
        try:
            done = _predicted(copies, inputs, out, options)
        except SetupError as error:
            raise SetupError(str(error).replace(f"{copied}/", "s3://")) from error
    if done is None:
        sys.exit(1)
    _show(done, out, as_json)
    sys.exit(0 if done.decided or not done.rows else 1)


def _predicted(
    copies: "Copies", inputs: Sequence[str], out: Path, options: dict[str, Any]
) -> "Predicted | None":
    """Make the file; None if the job was cancelled."""
    from fraudstream.adapters.database.jobs import Cancelled
    from fraudstream.offline.etl.inputs import input_files
    from fraudstream.predict.directory import opened
    from fraudstream.predict.run import digest

    files = input_files(copies.local(inputs))
    force, restart = options.pop("force"), options.pop("restart")
    engine, master = options.pop("engine"), options.pop("master")
    asked = _request(files, **options)
    prediction = asked.prediction()
    decided_by = prediction.chosen
    request = {
        "files": [[file.stat().st_size, digest(file)] for file in files],
        "options": {name: str(value) for name, value in options.items()},
        "event type": prediction.event_type.name,
        "model": decided_by.detector.model.version,
        "rules": decided_by.detector.ruleset.version,
        "threshold": decided_by.detector.fraud_threshold,
        "release": decided_by.release,
    }
    title = f"{copies.place(files[0])}{f' and {len(files) - 1} more' if files[1:] else ''} -> {out}"
    with (
        opened(out.absolute(), request, force=force, restart=restart) as directory,
        bar("Deciding", prediction.files.total) as advance,
        spark_of(engine, master, "predict") as spark,
    ):
        calm_garbage_collection()
        click.echo(f"job {directory.job}; fraudstream jobs show {directory.job}", err=True)
        try:
            return prediction.run(
                directory, opened_jobs(), title, advance, _engine(spark, asked.decided_by(decided_by))
            )
        except Cancelled as cancelled:
            click.echo(f"{cancelled}; the same command goes on with it", err=True)
            return None


def _engine(spark: "Spark | None", asked: "Request") -> "Engine":
    """Return what decides."""
    from fraudstream.predict.run import in_this_process

    if spark is None:
        return in_this_process
    from fraudstream.predict.on_spark import OnSpark

    return OnSpark(spark, asked)


def _request(
    files: Sequence[Path],
    *,
    event_type: str | None,
    columns: tuple[tuple[str, str], ...],
    time_unit: Any,
    time_zone: str,
    time_format: str | None,
    **options: Any,
) -> "Request":
    """Return what is asked for."""
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.offline.column_names import check_targets
    from fraudstream.offline.written_times import Times
    from fraudstream.predict.request import Request
    from fraudstream.settings import Settings

    settings = Settings.with_options(event_type=event_type)
    declared = event_type_named(settings.event_type)
    check_targets(named(columns), declared)
    paths, now_ms = [path.absolute() for path in files], time.time_ns() // 1_000_000
    times = Times(time_unit, time_zone, time_format)
    return Request(settings, declared, paths, now_ms, columns=columns, times=times, **options)


def _show(done: "Predicted", out: Path, as_json: bool) -> None:
    if as_json:
        told = {
            "job": done.job,
            "file": str(out),
            "rows": done.rows,
            "decided": done.decided,
            "refused": done.refused,
            "outcomes": dict(done.outcomes),
            "reasons": dict(done.reasons),
            "taken_over": done.taken_over,
        }
        click.echo(json.dumps(told))
        return
    click.echo(f"{out}: {done.sentence()}")
    for outcome, rows in done.outcomes.most_common():
        click.echo(f"  {outcome:<24} {rows:>12,}")
    for reason, rows in done.reasons.most_common():
        click.echo(f"  refused: {reason:<15} {rows:>12,}")
