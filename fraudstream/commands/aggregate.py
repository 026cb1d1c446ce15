"""`fraudstream aggregate`: the nightly job that computes every card's week."""

import json
from datetime import date
from pathlib import Path

import click

from fraudstream.commands.generate import Day


@click.command()
@click.option(
    "--as-of",
    type=Day(),
    help="Midnight (UTC) the week ends with.  [default: the last one the history reaches]",
)
@click.option(
    "--history",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Payments to read: a history or an archive.  [default: <data_dir>/history]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the snapshot's manifest as JSON.")
def aggregate(as_of: date | None, history: Path | None, as_json: bool) -> None:
    """Compute count and mean amount of every card over the seven days before a midnight, for workers to look up.

    Running workers notice the new snapshot within a second or two. Exit codes: 0 written, 2 no history for that week.
    """
    from fraudstream.domain.tokens import Tokenizer
    from fraudstream.offline import aggregate as job
    from fraudstream.settings import Settings

    settings = Settings()
    history = history or settings.history_dir
    day = as_of or job.last_midnight(history)
    done = job.aggregate(
        history,
        settings.weekly_dir,
        Tokenizer(settings.card_token_key()),
        day,
        settings.weekly_kept,
    )
    if as_json:
        click.echo(json.dumps(done.manifest | {"days": done.days}))
        return
    how = "" if as_of else ", the last midnight the history reaches"
    partial = "" if done.days == 7 else f" (only {done.days} of 7 days are in the history)"
    click.echo(
        f"weeks of {done.manifest['rows']:,} cards as of {day} 00:00 UTC{how}{partial}, in {settings.weekly_dir}"
    )
