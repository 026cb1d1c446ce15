"""`fraudstream etl`: raw files become files to train and test on."""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from fraudstream.commands.engine_options import Engine, engine_options, spark_of
from fraudstream.commands.file_options import (
    column_option,
    encoding_option,
    fraud_value_option,
    named,
    one_character,
    time_options,
)
from fraudstream.commands.progress import bar
from fraudstream.domain.errors import SetupError

if TYPE_CHECKING:
    from fraudstream.adapters.spark import Spark
    from fraudstream.offline.column_names import Columns
    from fraudstream.offline.etl.make import EtlRequest, Made
    from fraudstream.offline.etl.s3_inputs import Copies

KINDS_SHOWN = 20


class Span(click.ParamType):
    """A length of time, in milliseconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return milliseconds."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d{1,6})([hdw])", str(value))
        if found is None:
            self.fail(f"{value!r} is not a length of time; write it as 12h, 14d or 2w", param, ctx)
        hours = {"h": 1, "d": 24, "w": 7 * 24}[found[2]]
        return int(found[1]) * hours * 3_600_000


class Moment(click.ParamType):
    """A day or a moment in ISO 8601, in epoch milliseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return epoch milliseconds."""
        from fraudstream.domain.times import moment_ms

        if isinstance(value, int):
            return value
        try:
            return moment_ms(str(value))
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is not a day or a moment; write it as 2020-06-21 or 2020-06-21T12:00:00Z",
                param,
                ctx,
            )


@click.command()
@click.argument("inputs", nargs=-1, required=True)
@click.option(
    "--event-type", help="Event type: a name, or the path of a file.  [default: FRAUDSTREAM_EVENT_TYPE]"
)
@click.option(
    "--out",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Directory to write to.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["parquet", "csv"]),
    default="parquet",
    show_default=True,
    help="Of the files made.",
)
@click.option(
    "--test-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of events, the latest, to test on.",
)
@click.option("--cut", type=Moment(), help="First day or moment (UTC) to test on, instead of --test-share.")
@click.option(
    "--gap",
    type=Span(),
    default="0d",
    show_default=True,
    help="How long labels take, e.g. 14d: events so long before the cut are in a file of their own.",
)
@column_option
@click.option("--absent", multiple=True, help="Declared column that the files do not have, repeatable.")
@fraud_value_option("those of the event type")
@time_options
@click.option("--decimal-comma", is_flag=True, help="Numbers are written as 1.234,50.")
@encoding_option
@click.option(
    "--delimiter",
    callback=one_character,
    help="CSV: the character between cells.  [default: found in each file's first line]",
)
@click.option(
    "--rejected-max",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="Share of rows that may be rejected.",
)
@click.option(
    "--rejected",
    "rejected_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File in which rejected rows are listed.  [default: <out>.rejected.csv]",
)
@engine_options()
@click.option("--force", is_flag=True, help="Replace everything in the directory if it holds something else.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def etl(
    inputs: tuple[str, ...],
    directory: Path,
    engine: Engine,
    master: str,
    force: bool,
    as_json: bool,
    **reading: Any,
) -> None:
    """Make files to train and test on of raw INPUTS: CSV (also .csv.gz), Parquet or NDJSON files, directories or patterns, also in S3 (s3://bucket/key).

    Both have typed variables in the order of the event type, then EVENT_ID, ENTITY_ID, ENTITY_TYPE, EVENT_TIMESTAMP (ISO 8601, UTC) and
    EVENT_LABEL (fraud or legit). Every row is in one of the files, or listed as rejected with line, column and reason.

    Exit codes: 0 made, 2 too many rows rejected, bad input, or the directory holds something else, 75 no space is left.
    """
    from fraudstream.adapters.scratch import scratch
    from fraudstream.offline.etl.s3_inputs import Copies

    with scratch("fraudstream-etl-") as copied, spark_of(engine, master, "etl") as spark:
        copies = Copies(copied)
        try:
            request, done = _made(copies, spark, inputs, directory, force, reading)
        except SetupError as error:
            raise SetupError(str(error).replace(f"{copied}/", "s3://")) from error
    if as_json:
        listed = str(request.rejected_file) if done.rejected else None
        click.echo(json.dumps({**asdict(done), "directory": str(directory), "rejected_file": listed}))
    else:
        _show(done, directory, request.rejected_file, click.echo)


def _made(
    copies: "Copies",
    spark: "Spark | None",
    inputs: Sequence[str],
    directory: Path,
    force: bool,
    reading: Mapping[str, Any],
) -> tuple["EtlRequest", "Made"]:
    """Read the inputs and make the files; return what was asked for, too."""
    from fraudstream.offline.etl.inputs import input_files
    from fraudstream.offline.etl.make import EtlListener, make

    files = input_files(copies.local(inputs))
    given = {file.absolute(): file for file in files}

    def place(path: Path) -> str:
        return copies.place(given[path])

    request = replace(_request(list(given), directory, **reading), place=place)
    if spark is not None:
        from fraudstream.offline.etl.on_spark import OnSpark

        request = replace(request, engine=OnSpark(spark))

    def columns(path: Path, found: "Columns") -> None:
        for sentence in found.sentences():
            click.echo(f"{place(path)}: {sentence}", err=True)

    with bar("Reading, bytes", sum(file.stat().st_size for file in files)) as advance:
        return request, make(request, directory, force=force, listener=EtlListener(columns, advance))


def _request(
    files: Sequence[Path],
    directory: Path,
    *,
    event_type: str | None,
    form: Literal["parquet", "csv"],
    test_share: float,
    cut: int | None,
    gap: int,
    columns: tuple[tuple[str, str], ...],
    absent: tuple[str, ...],
    fraud_values: tuple[str, ...],
    time_unit: Any,
    time_zone: str,
    time_format: str | None,
    decimal_comma: bool,
    encoding: str,
    delimiter: str | None,
    rejected_max: float,
    rejected_file: Path | None,
) -> "EtlRequest":
    """Return what to make."""
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.offline.column_names import check_targets
    from fraudstream.offline.etl.columns import check_absent
    from fraudstream.offline.etl.make import EtlRequest
    from fraudstream.offline.etl.split import Split
    from fraudstream.offline.import_rows import Judge
    from fraudstream.offline.written_times import Times
    from fraudstream.settings import Settings

    declared = event_type_named(event_type or Settings().event_type)
    names = named(columns)
    check_targets(names, declared)
    check_absent(absent, declared)
    times = Times(time_unit, time_zone, time_format)
    judge = Judge(declared, times, time.time_ns() // 1_000_000, fraud_values, decimal_comma)
    listed = rejected_file or directory.absolute().with_name(f"{directory.absolute().name}.rejected.csv")
    split = Split(test_share, cut, gap)
    return EtlRequest(files, names, judge, split, listed, encoding, delimiter, form, absent, rejected_max)


def _show(done: "Made", directory: Path, rejected_file: Path, say: Callable[[str], None]) -> None:
    """Print what was made, and what was wrong."""
    for part, file in done.files.items():
        say(
            f"{part:<5} {file['events']:>12,} events, {file['fraud']:,} of them fraud, in {directory / file['file']}"
        )
    say(
        f"{done.rows:,} rows in, {done.rows - done.rejected:,} out, {done.rejected:,} rejected; the test begins at {done.cut}"
    )
    for warning in done.warnings:
        click.echo(f"Warning: {warning}", err=True)
    if not done.rejected:
        return
    say(f"rejected, listed in {rejected_file}:")
    say(f"{'rows':>10}  {'first line':>10}  {'reason':<18} what is wrong with the first, and the file")
    for kind in done.wrong[:KINDS_SHOWN]:
        say(
            f"{kind['rows']:>10,}  {kind['first_line']:>10,}  {kind['reason']:<18} {kind['example']} ({kind['file']}) {kind['hint']}".rstrip()
        )
    if len(done.wrong) > KINDS_SHOWN:
        say(f"... and {len(done.wrong) - KINDS_SHOWN:,} more kinds")
