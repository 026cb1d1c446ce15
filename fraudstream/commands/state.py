"""`fraudstream state`: is the state what the log says, and make it so."""

import asyncio
import json
import sys

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from fraudstream.commands.group import Group
from fraudstream.commands.topics import broker_option, json_option
from fraudstream.settings import Settings
from fraudstream.state.compare import Compared, Difference
from fraudstream.state.rebuild import Rebuilt, rebuild_changelog, wipe_all
from fraudstream.state.verify import compare_all, directories

EXIT_DIFFERENT = 1


@click.group(cls=Group)
def state() -> None:
    """Compare RocksDB, changelog and source log, and mend them. All workers must be stopped."""


@state.command()
@broker_option
@json_option
def verify(broker: str | None, as_json: bool) -> None:
    """Compare this worker's RocksDB and the changelog with the log itself, for every card in the kept horizon.

    Exit codes: 0 all the same, 1 something differs, 2 workers are running or the broker is away.
    """
    settings = Settings.with_options(broker=broker)
    partitions = asyncio.run(_compare_all(settings, quiet=as_json))
    if as_json:
        click.echo(json.dumps([_row(each) for each in partitions]))
    else:
        _print(partitions)
    sys.exit(0 if all(each.clean for each in partitions) else EXIT_DIFFERENT)


@state.command()
@broker_option
@json_option
def rebuild(broker: str | None, as_json: bool) -> None:
    """Write to the changelog what it misses, computed from the log, and wipe this worker's RocksDB.

    Safe to repeat. Exit codes: 0 done, 2 workers are running or the broker is away.
    """
    settings = Settings.with_options(broker=broker)
    partitions = asyncio.run(_compare_all(settings, quiet=as_json))
    rebuilt = asyncio.run(rebuild_changelog(settings, partitions))
    wiped = wipe_all(directories(settings))
    if as_json:
        click.echo(json.dumps({"partitions": [each._asdict() for each in rebuilt], "wiped": wiped}))
        return
    for each in rebuilt:
        click.echo(_sentence(each))
    click.echo(
        f"{wiped} partitions wiped in {settings.worker_state_dir}; the next start reads them from the changelog"
    )


async def _compare_all(settings: Settings, quiet: bool) -> list[Compared]:
    """Compare partition after partition, with a progress bar."""
    console = Console(stderr=True, quiet=quiet)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("comparing partitions", total=settings.partitions)
        return await compare_all(settings, lambda: progress.advance(task))


def _print(partitions: list[Compared]) -> None:
    """Show the table, and what is wrong beside entries."""
    columns = ("entries", "missing", "extra", "unequal")
    table = Table(
        "partition", "log", *(f"changelog {name}" for name in columns), *(f"state {name}" for name in columns)
    )
    for each in partitions:
        counts = [*_counts(each.changelog).values(), *_counts(each.disk).values()]
        table.add_row(
            str(each.partition),
            str(len(each.log)),
            *("-" if count is None else str(count) for count in counts),
        )
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    for each in partitions:
        if each.damage:
            click.echo(f"partition {each.partition}: {each.damage}")
    if not all(each.clean for each in partitions):
        click.echo("mend it with: fraudstream state rebuild")


def _row(each: Compared) -> dict[str, object]:
    """Return a partition as JSON shows it."""
    return {
        "partition": each.partition,
        "log": len(each.log),
        "changelog": _counts(each.changelog),
        "state": None if each.disk is None else _counts(each.disk),
        "damage": each.damage,
    }


def _counts(difference: Difference | None) -> dict[str, int | None]:
    """Return how many entries there are and how many of them differ in which way."""
    if difference is None:
        return dict.fromkeys(Difference._fields)
    entries, *keys = difference
    return dict(zip(Difference._fields, (entries, *map(len, keys)), strict=True))


def _sentence(each: Rebuilt) -> str:
    emptied = ", which was emptied first" if each.emptied else ""
    return f"partition {each.partition}: {each.written} entries written to the changelog{emptied}"
