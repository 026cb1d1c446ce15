"""`fraudstream backtest`: what other rules, another model or another threshold would have decided."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fraudstream.adapters.archive.opening import S3
from fraudstream.adapters.models.registry import ACTIVE
from fraudstream.commands.archive import Moment
from fraudstream.commands.engine_options import Engine, engine_options, spark_of
from fraudstream.commands.history_place import history_option
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.times import DAY_MS
from fraudstream.settings import Settings

if TYPE_CHECKING:
    from fraudstream.adapters.spark import Spark
    from fraudstream.backtest.candidate import Candidate


DRAFT = "draft"
"""In place of a release: the rules as `fraudstream rules` has changed them."""


@click.command()
@click.argument("release", required=False)
@click.option("--model", "version", help="Model version to decide with.  [default: the active one]")
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
@history_option("Payments to decide again", "FRAUDSTREAM_ARCHIVE if it has payments, else <data_dir>/history")
@click.option("--since", "since_ms", type=Moment(), help="Earliest event time.")
@click.option("--until", "until_ms", type=Moment(), help="Only payments before this event time.")
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
@engine_options()
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def backtest(
    release: str | None,
    version: str | None,
    rules: Path | None,
    threshold: float | None,
    history: str | None,
    engine: Engine,
    master: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Decide past payments again with a RELEASE, the `draft` of the rules, other rules, another model or another threshold, and compare.

    Every payment is decided with what was known when it came, by the worker's own code. The decisions are compared with those
    in the archive, or over a history with those of the active model and the event type's rules. Payments of which the archive
    cannot reproduce what was known are left out, and counted by cause.

    Exit codes: 0 compared, 1 the archive cannot reproduce a single payment, 2 no payments, no model or a rule that is wrong.
    """
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.adapters.models.registry import Registry
    from fraudstream.adapters.releases.store import Releases
    from fraudstream.backtest.candidate import Candidate
    from fraudstream.commands.backtest_table import lines_of

    _check_usage(release, version, rules, threshold)
    settings = Settings()
    event_type = event_type_named(settings.event_type)
    models, version = Registry.of(settings), version or ACTIVE
    threshold = settings.fraud_threshold if threshold is None else threshold
    if release == DRAFT:
        candidate = Candidate.of_draft(models, event_type, version, threshold)
    elif release:
        candidate = Candidate.of_release(Releases.of(settings), event_type, release)
    else:
        candidate = Candidate.of(models, event_type, version, rules, threshold)
    if options["out"] is not None:
        _make(options["out"])
    with (
        _source(settings, event_type, history, options["since_ms"], options["until_ms"]) as directory,
        spark_of(engine, master, "backtest") as spark,
    ):
        report = _run(settings, event_type, candidate, directory, spark, options)
    click.echo(json.dumps(report) if as_json else "\n".join(lines_of(report, event_type)))
    sys.exit(0 if report["compared"] else 1)


def _check_usage(
    release: str | None, version: str | None, rules: Path | None, threshold: float | None
) -> None:
    """Raise UsageError if options say twice what decides."""
    if release == DRAFT and rules:
        raise click.UsageError("give the draft of the rules or --rules, not both")
    if release and release != DRAFT and (version or rules or threshold):
        raise click.UsageError(
            "a release has its own model, rules and threshold: give RELEASE or options, not both"
        )


def _run(
    settings: Settings,
    event_type: EventType,
    candidate: "Candidate",
    directory: Path,
    spark: "Spark | None",
    options: dict[str, Any],
) -> dict[str, Any]:
    """Return the report."""
    from fraudstream.adapters.models.registry import Registry
    from fraudstream.backtest.archived_days import keys_since_ms
    from fraudstream.backtest.candidate import Candidate
    from fraudstream.backtest.run import Backtest, in_threads
    from fraudstream.backtest.source import Source
    from fraudstream.commands.progress import bar

    source = Source(directory.absolute(), event_type)
    champion = None
    if not source.is_archive:
        champion = Candidate.of(Registry.of(settings), event_type, ACTIVE, None, settings.fraud_threshold)
    slices = source.slices(options["since_ms"], options["until_ms"])
    delay_ms = round(options.pop("label_delay_days") * DAY_MS)
    tested = event_type, source, candidate, champion, settings.partitions, settings.lateness_horizon_s * 1000
    with bar("Deciding", sum(each.rows for each in slices)) as advance:
        return Backtest(
            *tested,
            label_delay_ms=delay_ms,
            keys_since_ms=keys_since_ms(settings),
            **options,
        ).run(advance, in_threads if spark is None else spark.mapped)


@contextmanager
def _source(
    settings: Settings, event_type: EventType, given: str | None, since_ms: int | None, until_ms: int | None
) -> Iterator[Path]:
    """Yield what is given, or the archive if it is in a bucket or has payments, or the history."""
    from fraudstream.backtest.archived_days import archived_days

    place = settings.archive_place if given is None else given
    if given is not None and not given.startswith(S3):
        yield Path(given)
    elif place.startswith(S3) or any(Path(place).glob("date=*/*.parquet")):
        with archived_days(place, event_type, since_ms, until_ms) as directory:
            yield directory
    else:
        yield settings.history_dir


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        raise SetupError(f"{directory} cannot be made ({error.strerror})") from error
