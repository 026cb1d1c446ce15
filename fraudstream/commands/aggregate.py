"""`fraudstream aggregate`: the nightly job that computes every card's week."""

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from fraudstream.commands.generate import Day
from fraudstream.domain.errors import SetupError


@click.command()
@click.option(
    "--as-of",
    type=Day(),
    help="Midnight (UTC) at which the week ends.  [default: the last midnight that the history covers]",
)
@click.option(
    "--catch-up", is_flag=True, help="Compute all missed midnights that workers may look up, instead of one."
)
@click.option(
    "--history",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Payments to read: a history or an archive.  [default: <data_dir>/history]",
)
@click.option(
    "--engine",
    type=click.Choice(["duckdb", "spark"]),
    default="duckdb",
    show_default=True,
    help="What computes them.",
)
@click.option(
    "--spark-master",
    default="local[*]",
    show_default=True,
    help="With --engine spark: this machine, or a cluster's URL.",
)
@click.option("--force", is_flag=True, help="Publish even if payments seem to be missing.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the manifest of each midnight as JSON, one per line, the newest last.",
)
def aggregate(
    as_of: date | None,
    catch_up: bool,
    history: Path | None,
    engine: str,
    spark_master: str,
    force: bool,
    as_json: bool,
) -> None:
    """Compute the weekly aggregates of every entity: count and mean amount of the seven days before a midnight, and what the event type declares.

    Running workers load the new snapshot within a second or two. A result without entities, or with fewer than half of those of the midnight
    before, is not published. Exit codes: 0 published or nothing missed, 1 not published, 2 no history for that week, or an
    event type without an entity.
    """
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.adapters.extras import check_installed
    from fraudstream.offline import aggregate as job
    from fraudstream.offline import engines
    from fraudstream.offline.columns import kinds_of
    from fraudstream.settings import Settings

    if as_of and catch_up:
        raise click.UsageError("give --as-of or --catch-up, not both")
    if engine == "duckdb":
        check_installed("duckdb", what="this")
    settings = Settings()
    event_type = event_type_named(settings.event_type)
    if event_type.entity is None:
        raise SetupError(
            f"events of the type {event_type.name} have no entity, so they have no weekly aggregates; set FRAUDSTREAM_EVENT_TYPE to an event type with an entity"
        )
    nightly = job.Job(
        history or settings.history_dir,
        settings.weekly_dir,
        settings.tokenizer(),
        engines.by_duckdb if engine == "duckdb" else engines.by_spark(spark_master),
        engine,
        settings.weekly_kept,
        force,
        event_type.money.decimals,
        kinds_of(event_type),
        event_type.weekly,
    )
    try:
        if catch_up:
            made = nightly.catch_up(
                datetime.now(UTC).date(), lambda night: _say(f"aggregating as of {night} ...")
            )
        else:
            made = [nightly.run(as_of or job.last_midnight(nightly.history_dir))]
    except job.SuspiciousNight as refused:
        _say(f"Not published: {refused}")
        sys.exit(1)
    for manifest in made:
        click.echo(
            json.dumps(manifest) if as_json else _line(manifest, settings.weekly_dir, event_type.weekly.days)
        )
    if not made:
        _say("no midnight was missed")


def _say(text: str) -> None:
    click.echo(text, err=True)


def _line(manifest: dict[str, Any], weekly_dir: Path, wanted: int) -> str:
    """Say what was published."""
    days = manifest["days"]
    partial = "" if days == wanted else f" (only {days} of {wanted} days are in the history)"
    return (
        f"weekly aggregates of {manifest['rows']:,} entities, {manifest['payments']:,} payments, as of {manifest['as_of']} 00:00 UTC"
        f"{partial}, in {weekly_dir}"
    )
