"""`fraudstream backtest`: what other rules, another model or another threshold would have decided."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from fraudstream.adapters.models.registry import ACTIVE
from fraudstream.commands.archive import Moment
from fraudstream.domain.errors import SetupError


@click.command()
@click.option("--model", "version", default=ACTIVE, show_default=True, help="Model version to decide with.")
@click.option(
    "--rules",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="TOML or JSON file with the rules to decide with.  [default: those of the event type]",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Probability above which a payment is called fraud.  [default: FRAUDSTREAM_FRAUD_THRESHOLD or the model's]",
)
@click.option(
    "--history",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Directory with payments: a history or an archive.  [default: FRAUDSTREAM_ARCHIVE if it has payments, else <data_dir>/history]",
)
@click.option("--since", type=Moment(), help="Earliest event time.")
@click.option("--until", type=Moment(), help="Only payments before this event time.")
@click.option("--capacity", type=click.IntRange(min=0), help="How many alerts can be reviewed a day.")
@click.option(
    "--label-delay-days",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="How long after a payment a label may become known and still count as known then.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory to write every payment's decision to, as Parquet; it must not exist.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def backtest(
    version: str,
    rules: Path | None,
    threshold: float | None,
    history: Path | None,
    since: int | None,
    until: int | None,
    capacity: int | None,
    label_delay_days: float,
    out: Path | None,
    as_json: bool,
) -> None:
    """Decide past payments again with other rules, another model or another threshold, and compare.

    Every payment is decided with what was known when it came, by the worker's own code. The decisions are compared with those
    in the archive, or over a history with those of the active model and the event type's rules. Payments of which the archive
    cannot reproduce what was known are left out, and counted by cause.

    Exit codes: 0 compared, 1 the archive cannot reproduce a single payment, 2 no payments, no model or a rule that is wrong.
    """
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.adapters.models.registry import Registry
    from fraudstream.backtest.candidate import Candidate
    from fraudstream.backtest.run import Backtest
    from fraudstream.backtest.source import Source
    from fraudstream.commands.backtest_table import lines_of
    from fraudstream.commands.progress import bar
    from fraudstream.domain.times import DAY_MS
    from fraudstream.settings import Settings

    settings = Settings()
    event_type = event_type_named(settings.event_type)
    models = Registry.of(settings)
    source = Source(history or _default(settings.archive_place, settings.history_dir), event_type)
    threshold = settings.fraud_threshold if threshold is None else threshold
    candidate = Candidate.of(models, event_type, version, rules, threshold)
    champion = (
        None
        if source.is_archive
        else Candidate.of(models, event_type, ACTIVE, None, settings.fraud_threshold)
    )
    slices = source.slices(since, until)
    if out is not None:
        _make(out)
    with bar("Deciding", sum(each.rows for each in slices)) as advance:
        options: dict[str, Any] = {
            "since_ms": since,
            "until_ms": until,
            "capacity": capacity,
            "out": out,
            "on_slice": advance,
        }
        delay_ms, allowed_lateness_ms = round(label_delay_days * DAY_MS), settings.lateness_horizon_s * 1000
        tested = event_type, source, candidate, champion, settings.partitions, allowed_lateness_ms
        report = Backtest(*tested, label_delay_ms=delay_ms, **options).run()
    click.echo(json.dumps(report) if as_json else "\n".join(lines_of(report, event_type)))
    sys.exit(0 if report["compared"] else 1)


def _default(archive: str, history: Path) -> Path:
    """Return the archive if it is a directory with payments, else the history."""
    directory = Path(archive)
    return directory if any(directory.glob("date=*/*.parquet")) else history


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        raise SetupError(f"{directory} cannot be made ({error.strerror})") from error
