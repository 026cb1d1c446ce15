"""`fraudstream sizing`: what a rate of payments needs, on paper."""

import json
from collections.abc import Callable, Iterator
from dataclasses import Field, asdict
from typing import Any

import click

from fraudstream.sizing.assumptions import Assumptions, declared
from fraudstream.sizing.model import Sizing, sized

UNITS = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
NAME_WIDTH = 36


def assumption_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each figure that the model takes."""
    for each in reversed(declared()):
        command = _option(each)(command)
    return command


def _option(figure: Field[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    told = figure.metadata
    number: type[click.IntRange] | type[click.FloatRange] = (
        click.IntRange if figure.type is int else click.FloatRange
    )
    return click.option(
        f"--{figure.name.replace('_', '-')}",
        type=number(told["least"], told["most"], min_open=told["above"]),
        default=figure.default,
        help=f"{told['about']}  [default: {figure.default:,}; {told['source']}]",
    )


@click.command()
@assumption_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object: assumptions and sizing.")
def sizing(as_json: bool, **figures: float) -> None:
    """Estimate brokers, partitions, workers, cores, memory, disk and network for a rate of payments.

    A model on paper: docs/sizing.md has its formulas, and what it leaves out. Defaults were measured by the program that is named, or assumed.
    Exit code: 0.
    """
    given = Assumptions(**figures)  # type: ignore[arg-type] # click has checked the types
    found = sized(given)
    if as_json:
        click.echo(json.dumps({"assumptions": asdict(given), "sizing": asdict(found)}))
        return
    for name, value in lines(given, found):
        click.echo(f"{name:<{NAME_WIDTH}}{value}")


def lines(given: Assumptions, found: Sizing) -> Iterator[tuple[str, str]]:
    """Yield what is shown: a name and a value."""
    network, per_day = found.network, found.topic_bytes_per_day
    yield "payments per second", f"{given.payments_per_second:,.0f}"
    yield "worker processes", f"{found.workers:,}"
    yield "partitions", f"{found.partitions:,}"
    yield "workers' cores", f"{found.worker_cores:,.0f}"
    yield "workers' memory", in_units(found.worker_memory_bytes)
    yield "workers' state on disk", in_units(found.state_bytes)
    yield (
        f"weeks of {given.cards:,.0f} cards",
        f"{in_units(found.weekly_snapshot_bytes)} in each worker, or once in a shared store",
    )
    yield "brokers", f"{found.brokers:,}, because of {found.brokers_because}"
    yield "brokers' cores", f"{found.broker_cores:,.0f}"
    yield "brokers' memory", in_units(found.broker_memory_bytes)
    yield f"brokers' disk, {given.replication} replicas", in_units(found.broker_disk_bytes)
    yield "brokers receive", f"{in_units(network.brokers_in)}/s"
    yield "brokers send", f"{in_units(network.brokers_out)}/s"
    yield "workers receive", f"{in_units(network.workers_in)}/s"
    yield "workers send", f"{in_units(network.workers_out)}/s"
    yield "transactions, one replica", f"{in_units(per_day.transactions)} a day"
    yield "transactions-by-card, one replica", f"{in_units(per_day.transactions_by_card)} a day"
    yield "decisions, one replica", f"{in_units(per_day.decisions)} a day"
    yield "fraud-alerts, one replica", f"{in_units(per_day.alerts)} a day"
    yield "changelog, one replica", f"{in_units(per_day.changelog)} a day"
    yield "archive", f"{in_units(found.archive_bytes_per_day)} a day"


def in_units(count: float) -> str:
    """Return bytes in decimal units, with three digits.

    >>> in_units(0), in_units(1_234_567), in_units(98_765_432_100)
    ('0 bytes', '1.23 MB', '98.8 GB')
    """
    for size, unit in UNITS:
        if count >= size:
            value = count / size
            return f"{value:,.{max(0, 3 - len(str(int(value))))}f} {unit}"
    return f"{count:,.0f} bytes"
