"""`fraudstream aggregate`: the nightly job that computes every card's week."""

import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fraudstream.commands.engine_options import engine_options
from fraudstream.commands.generate import Day
from fraudstream.commands.history_place import history_option, payments_at
from fraudstream.domain.errors import SetupError

if TYPE_CHECKING:
    from fraudstream.domain.events.event_type import EventType
    from fraudstream.settings import Settings

NO_ENTITY = (
    "events of the type {} have no entity, so they have no weekly aggregates; set FRAUDSTREAM_EVENT_TYPE to an event type "
    "with an entity"
)


@click.command()
@click.option(
    "--as-of",
    type=Day(),
    help="Midnight (UTC) at which the week ends.  [default: the last midnight that the history covers]",
)
@click.option(
    "--catch-up", is_flag=True, help="Compute all missed midnights that workers may look up, instead of one."
)
@history_option()
@engine_options("duckdb")
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
    history: str | None,
    engine: str,
    master: str,
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
        raise SetupError(NO_ENTITY.format(event_type.name))
    today = datetime.now(UTC).date()
    try:
        with payments_at(
            history, settings.history_dir, _first(as_of, catch_up, today, settings, event_type)
        ) as payments:
            nightly = job.Job(
                payments,
                settings.weekly_dir,
                settings.tokenizer(),
                engines.by_duckdb if engine == "duckdb" else engines.by_spark(master),
                engine,
                settings.weekly_kept,
                force,
                event_type.money.decimals,
                kinds_of(event_type),
                event_type.weekly,
            )
            if catch_up:
                made = nightly.catch_up(today, lambda night: _say(f"aggregating as of {night} ..."))
            else:
                made = [nightly.run(as_of or job.last_midnight(payments))]
    except job.SuspiciousNight as refused:
        _say(f"Not published: {refused}")
        sys.exit(1)
    for manifest in made:
        click.echo(
            json.dumps(manifest) if as_json else _line(manifest, settings.weekly_dir, event_type.weekly.days)
        )
    if not made:
        _say("no midnight was missed")


def _first(
    as_of: date | None, catch_up: bool, today: date, settings: "Settings", event_type: "EventType"
) -> date:
    """Return the first day whose payments are needed."""
    if as_of is None and not catch_up:
        return date.min
    return (as_of or today - timedelta(days=settings.weekly_kept)) - timedelta(days=event_type.weekly.days)


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
