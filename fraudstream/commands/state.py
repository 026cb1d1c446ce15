"""`fraudstream state`: compare the state with the source log, and repair it."""

import asyncio
import json
import sys
from collections.abc import Collection

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from fraudstream.commands.group import Group
from fraudstream.commands.topics import broker_option, json_option
from fraudstream.settings import Settings
from fraudstream.state.adopt import adopt_sources
from fraudstream.state.compare import Compared, CopyDifference
from fraudstream.state.rebuild import Rebuilt, rebuild_changelog, wipe_all
from fraudstream.state.verify import compare_all, directories

EXIT_DIFFERENT = 1


@click.group(cls=Group)
def state() -> None:
    """Compare RocksDB and the changelog with the source topics, and repair them. Stop all workers first."""


@state.command()
@broker_option
@json_option
def verify(broker: str | None, as_json: bool) -> None:
    """Compare this worker's RocksDB and the changelog with the source topics: every kept event of every entity.

    Exit codes: 0 no difference, 1 something differs, 2 workers are running, 75 no broker answers.
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
    """Add to the changelog what it lacks, computed from the source topics, and delete this worker's RocksDB.

    It may be repeated. Exit codes: 0 done, 2 workers are running, 75 no broker answers.
    """
    settings = Settings.with_options(broker=broker)
    rebuilt, wiped = _rebuilt(settings, as_json)
    if as_json:
        click.echo(json.dumps({"partitions": [each._asdict() for each in rebuilt], "wiped": wiped}))
        return
    _print_rebuilt(settings, rebuilt, wiped)


@state.command()
@click.option(
    "--from",
    "begin",
    type=click.Choice(["earliest", "end"]),
    default="earliest",
    show_default=True,
    help="Where to continue in a changed log: at its earliest record (nothing is left out, what was decided before is decided "
    "again), or at its end (if everything in it has been decided already).",
)
@broker_option
@json_option
def adopt(begin: str, broker: str | None, as_json: bool) -> None:
    """Accept the source topics as they are now, after a restore, a fail-over, or a topic that was recreated or truncated.

    A partition whose committed offset lies beyond the end of its log, or whose state holds payments that the log does not, gets
    a new offset and loses that state; all other partitions stay as they are. Then the state is rebuilt, as by `fraudstream state rebuild`.
    It may be repeated. Exit codes: 0 done, 2 workers are running, 75 no broker answers.
    """
    settings = Settings.with_options(broker=broker)
    adopted = asyncio.run(adopt_sources(settings, at_end=begin == "end"))
    afresh = {each.partition for each in adopted if each.state_given_up}
    rebuilt, wiped = _rebuilt(settings, as_json, afresh)
    if as_json:
        done = {"partitions": [each._asdict() for each in rebuilt], "wiped": wiped}
        click.echo(json.dumps({"adopted": [each._asdict() for each in adopted], **done}))
        return
    for each in adopted:
        click.echo(f"{each.why}; decisions continue from {each.goes_on_from}")
    if not adopted:
        click.echo("the source topics fit the group's committed offsets and the changelog; nothing to adopt")
    _print_rebuilt(settings, rebuilt, wiped)


def _rebuilt(settings: Settings, as_json: bool, afresh: Collection[int] = ()) -> tuple[list[Rebuilt], int]:
    """Repair the changelog and wipe the state; return what was done, and how many partitions were wiped."""
    partitions = asyncio.run(_compare_all(settings, quiet=as_json))
    rebuilt = asyncio.run(rebuild_changelog(settings, partitions, afresh))
    return rebuilt, wipe_all(directories(settings))


def _print_rebuilt(settings: Settings, rebuilt: list[Rebuilt], wiped: int) -> None:
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
    """Print the table, and what is wrong apart from entries."""
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
        click.echo("repair it with: fraudstream state rebuild")


def _row(each: Compared) -> dict[str, object]:
    """Return a partition as JSON shows it."""
    return {
        "partition": each.partition,
        "log": len(each.log),
        "changelog": _counts(each.changelog),
        "state": None if each.disk is None else _counts(each.disk),
        "damage": each.damage,
    }


def _counts(difference: CopyDifference | None) -> dict[str, int | None]:
    """Return how many entries there are, and how many are missing, extra and unequal."""
    if difference is None:
        return dict.fromkeys(CopyDifference._fields)
    entries, *keys = difference
    return dict(zip(CopyDifference._fields, (entries, *map(len, keys)), strict=True))


def _sentence(each: Rebuilt) -> str:
    emptied = ", which was emptied first" if each.emptied else ""
    return f"partition {each.partition}: {each.written} entries written to the changelog{emptied}"
