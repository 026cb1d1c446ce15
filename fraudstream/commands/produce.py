"""`fraudstream produce`: payments for a worker, simulated live or replayed from files."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fraudstream.commands.file_options import column_option, encoding_option, named
from fraudstream.commands.group import Group
from fraudstream.commands.world_options import scenario_option, world_option
from fraudstream.domain.errors import FraudstreamError
from fraudstream.settings import Settings
from fraudstream.traffic.tally import Tally

if TYPE_CHECKING:
    from fraudstream.offline.csv_rows import BadRow

BAD_LINES_SHOWN = 10

broker_option = click.option(
    "--broker", help="Kafka bootstrap servers.  [default: FRAUDSTREAM_BROKER or localhost:9092]"
)
unkeyed_option = click.option(
    "--unkeyed",
    is_flag=True,
    help="Send records without keys, as the AWS sample does; the worker then repartitions them by entity.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")


@click.group(cls=Group)
def produce() -> None:
    """Send payments to the `transactions` topic."""


class Speed(click.ParamType):
    """A factor above 0, or `max`."""

    name = "factor"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """Return the factor; None is as fast as possible."""
        if value is None or value == "max":
            return None
        try:
            factor = float(value)
        except ValueError:
            factor = 0.0
        if not 0 < factor < float("inf"):
            self.fail(f"{value!r} is neither a factor above 0 nor max", param, ctx)
        return factor


@produce.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True), required=False)
@broker_option
@click.option(
    "--speed",
    type=Speed(),
    default="1",
    show_default=True,
    help="Speed relative to the original times: 60 sends an hour in a minute; max: as fast as possible.",
)
@click.option("--shuffled", is_flag=True, help="Send in random order, at the original pace.")
@click.option("--seed", default=1, show_default=True, help="Random seed of --shuffled.")
@click.option(
    "--shift-to-now",
    type=click.Choice(["first", "last"]),
    help="Shift all times so that the first or the last payment happens now.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that records what Kafka has acknowledged; if it exists, continue from there.",
)
@click.option("--labels", is_flag=True, help="Send the labels too (is_fraud and, if there, scenario).")
@click.option("--skip-bad", is_flag=True, help="CSV: skip bad rows instead of refusing the file.")
@encoding_option
@column_option
@unkeyed_option
@json_option
def replay(
    path: Path | None,
    broker: str | None,
    speed: float | None,
    shuffled: bool,
    seed: int,
    shift_to_now: Any,
    resume: Path | None,
    labels: bool,
    skip_bad: bool,
    encoding: str,
    columns: tuple[tuple[str, str], ...],
    unkeyed: bool,
    as_json: bool,
) -> None:
    """Send the payments of PATH: a history directory, a Parquet file or a CSV file [default: <data_dir>/history].

    The first line of a CSV file names its columns as the event type does: for card payments cc_num, amount, trans_ts or
    datetime, and optionally tid, merchant, zip_code. Map other names with --column; columns that are then still unknown are
    left out. A payment that is sent twice, after a crash, keeps its id and is counted once.

    Exit codes: 0 all sent, 1 stopped early (repeat the command with --resume to continue), 2 bad input, 75 no broker.
    """
    from fraudstream.traffic import replay as replaying
    from fraudstream.traffic.csv_file import CsvColumns
    from fraudstream.traffic.plan import Plan
    from fraudstream.traffic.session import quiet_kafka

    quiet_kafka()
    settings = Settings.with_options(broker=broker)
    plan = Plan(speed, seed if shuffled else None, shift_to_now, labels)
    selected = CsvColumns(named(columns), labels)
    source, bad = replaying.opened(path or settings.history_dir, settings, encoding, selected)
    show_bad(bad, skip_bad, path)
    if not source.rows:
        raise FraudstreamError(f"there are no payments in {path or settings.history_dir}")
    tally = Tally()
    total = asyncio.run(
        replaying.replay(settings, source, plan, tally, keyed=not unkeyed, bookmark_path=resume)
    )
    done, skipped = tally.sent >= total, len(bad)
    facts = {**tally.facts(), "of": total, "skipped": skipped, "complete": done}
    if as_json:
        click.echo(json.dumps(facts))
    else:
        left_out = f", {skipped:,} bad rows skipped" if skipped else ""
        click.echo(_closing(tally) + left_out)
        if not done:
            hint = (
                "repeat the command to continue"
                if resume
                else "with --resume FILE a later run could continue"
            )
            click.echo(f"{total - tally.sent:,} payments were not sent; {hint}", err=True)
    sys.exit(0 if done else 1)


@produce.command()
@broker_option
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    default=20.0,
    show_default=True,
    help="Payments a second.",
)
@click.option(
    "--for", "for_s", type=click.IntRange(1), help="Stop after this many seconds.  [default: at Ctrl-C]"
)
@click.option(
    "--attacks",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Rate of attacks, as a multiple of the default, at which one payment in 400 is fraud.",
)
@click.option(
    "--late-labels",
    "label_speed",
    type=click.FloatRange(0, min_open=True),
    metavar="SPEED",
    help="Labels come as in reality, hours or days late and some of them wrong, but so many times as fast: 1440 makes a day a minute.  "
    "[default: each comes with its payment]",
)
@world_option(None)
@scenario_option
@click.option("--seed", default=1, show_default=True, help="Random seed.")
@unkeyed_option
@json_option
def simulate(
    broker: str | None,
    rate: float,
    for_s: int | None,
    attacks: float,
    label_speed: float | None,
    world: str | None,
    scenarios: tuple[str, ...],
    seed: int,
    unkeyed: bool,
    as_json: bool,
) -> None:
    """Send live payments of the cards of the simulated history, with attacks among them.

    The rate does not depend on how fast payments are decided (open loop). The true label of each payment goes to the `labels` topic, with
    --late-labels when it would become known. Blocked payments have labels, too, which they would seldom have in reality.

    Exit codes: 0 done or stopped, 1 Kafka did not take some payments, 2 no simulated history, 75 no broker.
    """
    from fraudstream.traffic import simulate as simulating
    from fraudstream.traffic.session import quiet_kafka

    quiet_kafka()
    settings = Settings.with_options(broker=broker)
    simulation = simulating.Simulation.of(
        settings,
        rate,
        attacks=attacks,
        seed=seed,
        keyed=not unkeyed,
        world=world,
        scenarios=scenarios,
        label_speed=label_speed,
    )
    if simulation.crowded:
        click.echo(simulation.crowded, err=True)
    tally = Tally()
    asyncio.run(simulating.simulate(settings, simulation, tally, for_s))
    waiting = {} if simulation.to_come is None else {"labels_to_come": simulation.to_come.height}
    if as_json:
        click.echo(json.dumps({**tally.facts(), "fraud": simulation.fraud, **waiting}))
    else:
        late = f"; {waiting['labels_to_come']:,} labels would have come later" if waiting else ""
        click.echo(f"{_closing(tally)}; {simulation.fraud:,} of them fraud{late}")
    sys.exit(1 if tally.errors else 0)


def _closing(tally: Tally) -> str:
    problems = f"{tally.errors:,} errors" + (f" (last: {tally.last_error})" if tally.last_error else "")
    return f"sent {tally.sent:,} payments in {tally.elapsed_s:.1f} s ({tally.rate:,.0f}/s), {problems}"


def show_bad(bad: "Sequence[BadRow]", skip_bad: bool, path: Path | None) -> None:
    """List the first bad rows of a file; raise unless they are to be left out."""
    for row in bad[:BAD_LINES_SHOWN]:
        click.echo(f"line {row.line}: {row.reason}: {row.detail}", err=True)
    if len(bad) > BAD_LINES_SHOWN:
        click.echo(f"... and {len(bad) - BAD_LINES_SHOWN:,} more", err=True)
    if bad and not skip_bad:
        raise FraudstreamError(
            f"{len(bad):,} rows of {path} are bad and nothing was sent; correct them, or skip them with --skip-bad"
        )
