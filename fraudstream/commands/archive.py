"""`fraudstream archive`: write, compact and search the archive."""

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import click

from fraudstream.commands.group import Group
from fraudstream.domain.times import moment_ms


class Moment(click.ParamType):
    """A day or a time in ISO 8601, without a zone UTC; converted to epoch milliseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return epoch milliseconds."""
        try:
            return moment_ms(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time; write it as 2026-11-21 or 2026-11-21T14:30", param, ctx)


HEADER = f"{'event time (UTC)':<19}  {'outcome':<7} {'score':>4}  {'amount':>10}  card (last four)  transaction  merchant  reasons"
"""The first line of `archive find`."""


@click.group(cls=Group)
def archive() -> None:
    """Archive every decided payment as Parquet, in a directory or in S3 (FRAUDSTREAM_ARCHIVE)."""


@archive.command()
@click.option("--broker", help="Kafka bootstrap servers.  [default: FRAUDSTREAM_BROKER or localhost:9092]")
@click.option("--once", is_flag=True, help="Archive the decisions that are there now, then end.")
@click.option("--supervised", is_flag=True, help="Restart it whenever it crashes or no broker answers.")
def run(broker: str | None, once: bool, supervised: bool) -> None:
    """Archive decisions until it is stopped. Run one or several such processes beside the workers.

    If it is killed, no decision is lost and none is written twice. Exit codes: 0 stopped, 2 set-up error, or the broker or the archive
    refuses access, 75 no broker answers, or with --once no archive.
    """
    from fraudstream.adapters.archive.opening import object_store
    from fraudstream.adapters.kafka.admin import ensure_topics
    from fraudstream.agents.archiving import Archiver
    from fraudstream.process.exits import end_soon
    from fraudstream.process.logs import configure_logging
    from fraudstream.settings import Settings
    from fraudstream.traffic.session import stopped_by_signals

    configure_logging("info")
    if supervised:
        from fraudstream.process.supervisor import supervise

        sys.exit(supervise(sys.argv[1:], "the archiver"))
    log = logging.getLogger("fraudstream.archive")
    given: dict[str, Any] = {"broker": broker} if broker else {}
    settings = Settings(**given)
    place = object_store(settings.archive_place)

    async def archiving() -> None:
        await ensure_topics(settings)
        with stopped_by_signals(end_soon) as stop:
            async with place as objects:
                archiver = Archiver(
                    settings,
                    objects,
                    lambda files, rows: log.info("%s rows in %s files", rows, len(files)),
                )
                await archiver.run(stop, once=once)

    asyncio.run(archiving())


@archive.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def compact(as_json: bool) -> None:
    """Merge small files into large ones; the archive may be written and read meanwhile.

    Exit codes: 0 done, 2 set-up error.
    """
    from fraudstream.adapters.archive.lake import Lake, labels_lake
    from fraudstream.adapters.archive.opening import object_store
    from fraudstream.settings import Settings

    async def compacting() -> tuple[int, int]:
        async with object_store(Settings().archive_place) as objects:
            gone = files = 0
            for lake in (Lake(objects), labels_lake(objects)):
                gone += await lake.compact(lambda file: click.echo(file.name, err=True))
                files += len(await lake.files())
            return gone, files

    gone, files = asyncio.run(compacting())
    click.echo(
        json.dumps({"merged": gone, "files": files})
        if as_json
        else f"merged {gone} files; the archive has {files} files now"
    )


@archive.command()
@click.option("--id", "transaction_id", help="Transaction id.")
@click.option("--card", help="Card token; card numbers are not in the archive.")
@click.option("--merchant", help="Part of the merchant's name; upper and lower case are the same.")
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME=VALUE",
    help="Condition on any column, repeatable: zip_code=10115, 'amount>=100', outcome!=approve; ~ means contains: reasons~usual.",
)
@click.option("--since", type=Moment(), help="Earliest event time.")
@click.option("--until", type=Moment(), help="Only payments before this event time.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=100,
    show_default=True,
    help="How many payments to print at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def find(
    transaction_id: str | None,
    card: str | None,
    merchant: str | None,
    fields: tuple[str, ...],
    since: int | None,
    until: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """Look up decided payments, newest first; all filters must match.

    Exit codes: 0 found some, 1 none, 2 usage or set-up error.
    """
    from fraudstream.adapters.archive.filters import PART, Filter
    from fraudstream.adapters.archive.lake import Lake
    from fraudstream.adapters.archive.opening import object_store
    from fraudstream.adapters.archive.search import ArchiveQuery
    from fraudstream.adapters.archive.search import find as search
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.settings import Settings

    filters = tuple(Filter.written(text) for text in fields)
    if merchant:
        filters += (Filter("merchant", PART, merchant),)
    query = ArchiveQuery(transaction_id, card, filters, since, until, limit)

    settings = Settings()
    decimals = event_type_named(settings.event_type).money.decimals

    async def finding() -> list[dict[str, Any]]:
        async with object_store(settings.archive_place) as objects:
            return await search(Lake(objects), query)

    found = asyncio.run(finding())
    if found and not as_json:
        click.echo(HEADER)
    for row in found:
        click.echo(json.dumps(row) if as_json else _line(row, decimals))
    if not found:
        click.echo("no payments match these filters", err=True)
        raise SystemExit(1)


def _line(row: dict[str, Any], decimals: int) -> str:
    """Return a payment as one line."""
    when = datetime.fromtimestamp(row["event_time"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return (
        f"{when}  {row['outcome']:<7} {row['score']:>4}  {row['amount']:>10.{decimals}f}  "
        f"{row['card'] or '-'} ({row['card_last4'] or '-'})  {row['transaction_id']}  {row.get('merchant') or '-'}  "
        f"{'; '.join(row['reasons']) or '-'}"
    )
