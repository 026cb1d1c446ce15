"""`fraudstream generate`: a simulated history of payments."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fraudstream.commands.world_options import scenario_option, world_option

if TYPE_CHECKING:
    from fraudstream.world.handbook import Handbook
    from fraudstream.world.world import World

SIZES = click.IntRange(min=1)


class Day(click.ParamType):
    """A day as YYYY-MM-DD, or `today` (UTC)."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the day."""
        if isinstance(value, date):
            return value
        if value == "today":
            return datetime.now(UTC).date()
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a day; write it as 2020-06-01", param, ctx)


@click.command()
@click.option("--cards", type=SIZES, default=10_000, show_default=True, help="Number of cards.")
@click.option("--days", type=SIZES, default=152, show_default=True, help="Days of history.")
@click.option(
    "--payments", type=SIZES, help="Number of payments.  [default: 3.55 per card and day, 5.4 million in all]"
)
@click.option(
    "--payments-per-card-day",
    type=click.FloatRange(min=0.01),
    help="Payments per card and day, instead of --payments.",
)
@click.option("--start", type=Day(), help="First day.  [default: 2020-01-01]")
@click.option(
    "--end",
    type=Day(),
    help="Midnight at which the history ends, instead of --start; `today`: the last midnight (UTC).",
)
@world_option("card")
@scenario_option
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Random seed.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    help="Directory to write to.  [default: <data_dir>/history]",
)
@click.option(
    "--late-labels",
    is_flag=True,
    help="Leave the truth out of the payments, and write when it became known, by whom, and some labels that are wrong.",
)
@click.option("--force", is_flag=True, help="Replace everything in the directory if it holds something else.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def generate(
    cards: int,
    days: int,
    payments: int | None,
    payments_per_card_day: float | None,
    start: date | None,
    end: date | None,
    world: str,
    scenarios: tuple[str, ...],
    seed: int,
    directory: Path | None,
    late_labels: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write simulated payments with fraud among them, one Parquet file per day; the default sizes are those of the AWS sample.

    One payment in 400 is fraud, as in the sample. With fewer than 1.6 million payments the share is higher, up to one in 20, because a
    model needs some 4,000 frauds to train and to test with. The same seed and sizes always give the same payments; if
    they exist already, nothing is done. They have the variables of the event type (FRAUDSTREAM_EVENT_TYPE). --world hard adds what makes
    payments hard to decide: account take-overs, compromised merchants, drift, refunds, shared cards; --scenario adds one of them. --world handbook is the Fraud Detection
    Handbook's, which has nothing in common with ours, to judge models with.

    With --late-labels the labels lie beside the payments as in an archive, each with the time at which it became known: reviews hours,
    chargebacks days after the payment. The same command without it has the same payments with the truth.

    Exit codes: 0 written or there already, 2 the directory holds something else or an option is wrong.
    """
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.commands.progress import bar
    from fraudstream.settings import Settings
    from fraudstream.world.generate import generate as write

    if payments and payments_per_card_day:
        raise click.UsageError("give --payments or --payments-per-card-day, not both")
    if start and end:
        raise click.UsageError("give --start or --end, not both")
    first = end - timedelta(days=days) if end else start
    made = _world(world, scenarios, seed, cards, days, payments, payments_per_card_day, first)
    settings = Settings()
    directory = directory or settings.history_dir
    event_type = event_type_named(settings.event_type)
    with bar("Generating payments", made.payments) as advance:
        done = write(made, directory, event_type, force=force, late_labels=late_labels, on_day=advance)
    if as_json:
        click.echo(json.dumps(done.manifest))
        return
    found = done.manifest
    click.echo(
        f"{found['payments']:,} payments of {cards:,} cards, {found['fraud']:,} of them fraud, "
        f"{found['first_date']} to {found['last_date']}, {found['bytes'] / 1e6:.0f} MB in {directory}"
        + (" (already there)" if done.already_there else "")
    )
    if labels := found.get("labels"):
        wrong = labels["payments_with_a_wrong_label"]
        click.echo(
            f"{labels['written']:,} labels became known, until long after the last payment; those of {wrong:,} payments stay wrong"
        )


def _world(
    world: str,
    scenarios: tuple[str, ...],
    seed: int,
    cards: int,
    days: int,
    payments: int | None,
    per_card_day: float | None,
    first: date | None,
) -> "World | Handbook":
    """Return the world that is asked for; raises UsageError."""
    from fraudstream.world.handbook import PAYMENTS_PER_CARD_DAY as HANDBOOK_PACE
    from fraudstream.world.handbook import Handbook
    from fraudstream.world.manifest import HANDBOOK
    from fraudstream.world.scenarios import WORLDS, with_written
    from fraudstream.world.world import PAYMENTS_PER_CARD_DAY, SAMPLE_START, World

    usual = HANDBOOK_PACE if world == HANDBOOK else PAYMENTS_PER_CARD_DAY
    total = payments or max(1, round(cards * days * (per_card_day or usual)))
    if world != HANDBOOK:
        return World(seed, cards, days, total, first or SAMPLE_START, with_written(WORLDS[world], scenarios))
    if scenarios:
        raise click.UsageError("the Handbook's world has frauds of its own: leave out --scenario")
    return Handbook(seed, cards, days, total, first or SAMPLE_START)
