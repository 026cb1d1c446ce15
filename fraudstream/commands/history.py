"""`fraudstream history`: payments of one's own as a history to aggregate, train and replay."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fraudstream.commands.file_options import (
    column_option,
    delimiter_option,
    encoding_option,
    fraud_value_option,
    named,
    time_options,
)
from fraudstream.commands.group import Group
from fraudstream.commands.progress import bar

if TYPE_CHECKING:
    from fraudstream.offline.column_names import Columns
    from fraudstream.offline.csv_rows import BadRow
    from fraudstream.offline.importing import Imported, ImportListener, ImportRequest
    from fraudstream.settings import Settings

BAD_ROWS_SHOWN = 10


@click.group(cls=Group)
def history() -> None:
    """Import files of payments as a history."""


@history.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@column_option
@click.option(
    "--label", help="Column that says which payments were fraud; the same as --column is_fraud=NAME."
)
@fraud_value_option()
@time_options
@encoding_option
@delimiter_option
@click.option(
    "--to",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory to write to.  [default: <data_dir>/history]",
)
@click.option("--force", is_flag=True, help="Replace everything in the directory if it holds something else.")
@click.option(
    "--bad-rows-max",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="How many bad rows may be left out.",
)
@click.option(
    "--bad-rows",
    "bad_rows_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File in which bad rows are listed.  [default: <directory>.bad-rows.csv]",
)
@click.option("--dry-run", is_flag=True, help="Check everything, but write only the list of bad rows.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_(
    files: tuple[Path, ...],
    columns: tuple[tuple[str, str], ...],
    label: str | None,
    directory: Path | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    **reading: Any,
) -> None:
    """Import FILES of payments (CSV, Parquet, NDJSON) as a history, which `aggregate`, `train`, `parity` and `produce replay` read.

    A payment needs cc_num, amount and event_time; tid, is_fraud, scenario, merchant and zip_code are optional. Map columns
    of other names with --column; unambiguous names are recognised, and printed. Rows that are not payments are listed with
    line and reason; if there are more than --bad-rows-max, nothing is imported.

    Exit codes: 0 imported (or, with --dry-run, it could be), 2 bad rows, bad input, or the directory holds something else.
    """
    from fraudstream.adapters.extras import check_installed
    from fraudstream.offline import importing
    from fraudstream.settings import Settings

    check_installed("duckdb", what="history import")
    settings = Settings()
    directory = directory or settings.history_dir
    labelled = (("is_fraud", label.removeprefix("is_fraud=")),) if label else ()
    request = _import_request(settings, files, named((*columns, *labelled)), directory, **reading)
    with bar("Reading, bytes", sum(file.stat().st_size for file in files)) as advance:
        listener = _listener(advance)
        if dry_run:
            done = importing.check(request, listener)
        else:
            done = importing.import_history(request, directory, force=force, listener=listener)
    if as_json:
        click.echo(json.dumps({**asdict(done), "written": not dry_run, "directory": str(directory)}))
    else:
        _show(done, request.bad_rows_file, None if dry_run else directory)


def _import_request(
    settings: "Settings",
    files: Sequence[Path],
    names: Mapping[str, str],
    directory: Path,
    *,
    fraud_values: tuple[str, ...],
    time_unit: Any,
    time_zone: str,
    time_format: str | None,
    encoding: str,
    delimiter: str,
    bad_rows_max: int,
    bad_rows_file: Path | None,
) -> "ImportRequest":
    """Return what to import."""
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.offline.column_names import check_targets
    from fraudstream.offline.import_rows import Judge
    from fraudstream.offline.importing import ImportRequest
    from fraudstream.offline.written_times import Times

    event_type = event_type_named(settings.event_type)
    check_targets(names, event_type)
    times = Times(time_unit, time_zone, time_format)
    listed = bad_rows_file or directory.absolute().with_name(f"{directory.absolute().name}.bad-rows.csv")
    judge = Judge(event_type, times, time.time_ns() // 1_000_000, fraud_values)
    return ImportRequest(files, names, judge, encoding, delimiter, bad_rows_max, listed)


def _listener(advance: Callable[[int], None]) -> "ImportListener":
    """Return a listener that prints on stderr how columns are understood, and the first bad rows."""
    from fraudstream.offline.importing import ImportListener

    left = iter(range(BAD_ROWS_SHOWN))

    def bad(path: Path, row: "BadRow") -> None:
        if next(left, None) is not None:
            click.echo(f"{path}, line {row.line}: {row.reason}: {row.detail}", err=True)

    def columns(path: Path, found: "Columns") -> None:
        for sentence in found.sentences():
            click.echo(f"{path}: {sentence}", err=True)

    return ImportListener(columns, bad, advance)


def _show(done: "Imported", bad_rows_file: Path, directory: Path | None) -> None:
    """Print the result, and what can be done next."""
    labels = f"{done.fraud:,} of {done.labelled:,} labelled ones fraud" if done.labelled else "none labelled"
    what = "imported" if directory else "would import"
    where = f" in {directory}" if directory else ""
    click.echo(f"{what} {done.payments:,} payments, {labels}, {done.first_date} to {done.last_date}{where}")
    if done.bad:
        click.echo(f"left out {done.bad:,} bad rows; {bad_rows_file} lists them with line and reason")
    if not done.labelled:
        click.echo("no model can be trained without labels: name their column with --label", err=True)
    elif directory:
        click.echo(
            f"next: fraudstream aggregate --history {directory}, fraudstream train --history {directory}"
        )
