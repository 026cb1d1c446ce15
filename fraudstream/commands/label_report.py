"""`fraudstream labels report`: how good decisions were, by the labels known so far."""

import asyncio
import json
import sys
from collections.abc import Mapping
from datetime import date
from typing import Any

import click

from fraudstream.commands.archive import Moment
from fraudstream.commands.generate import Day

COLUMNS = (
    "day",
    "payments",
    "alerts",
    "blocked",
    "labelled",
    "fraud",
    "caught",
    "missed",
    "precision",
    "recall",
    "caught_amount",
    "missed_amount",
)
WEIGHTED = ("let_through", "weighted_precision", "weighted_recall")
"""Columns that are shown if a rule leaves a share of events alone."""
TOTAL = "total"


@click.command()
@click.option("--since", type=Day(), help="First day of payments (UTC).  [default: the archive's first]")
@click.option("--until", type=Day(), help="Only days before this one.  [default: all]")
@click.option(
    "--known-until",
    "known_until_ms",
    type=Moment(),
    help="Only labels that were known at this time, as the report was then.  [default: all]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def report(since: date | None, until: date | None, known_until_ms: int | None, as_json: bool) -> None:
    """Print precision, recall, and the money of fraud caught and missed, for each day of decided payments in the archive.

    Caught: labelled fraud that was not approved. A day's figures move as labels come. Blocked payments seldom get a label, since nobody
    disputes a payment that did not happen; if rules have a pass_share, the weighted columns let those stand for them that were let
    through by chance.

    Exit codes: 0 printed, 1 no decided payments on these days, 2 set-up error.
    """
    from fraudstream.adapters.archive.lake import Lake, labels_lake
    from fraudstream.adapters.archive.opening import object_store
    from fraudstream.offline.label_report import Span, daily, total
    from fraudstream.settings import Settings

    span = Span(since, until, known_until_ms)

    async def days() -> list[dict[str, Any]]:
        async with object_store(Settings().archive_place) as objects:
            return [day async for day in daily(Lake(objects), labels_lake(objects), span)]

    found = asyncio.run(days())
    together = total(found)
    if as_json:
        click.echo(json.dumps({"days": found, TOTAL: together}))
    elif found:
        _show(found, together)
    if not found:
        click.echo("there are no decided payments on these days in the archive", err=True)
        sys.exit(1)


def _show(days: list[dict[str, Any]], together: Mapping[str, Any]) -> None:
    """Print a table, and what has to be said with it."""
    names = (*COLUMNS, *WEIGHTED) if together["let_through"] else COLUMNS
    rows = [[_cell(name, row.get(name, TOTAL)) for name in names] for row in (*days, together)]
    widths = [max(map(len, cells)) for cells in zip([*names], *rows, strict=True)]
    for row in ([*names], *rows):
        click.echo("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    unlabelled = together["payments"] - together["labelled"]
    if unlabelled:
        click.echo(f"{unlabelled:,} payments have no label yet, so these figures will move", err=True)
    if together["blocked_unlabelled"]:
        click.echo(
            f"{together['blocked_unlabelled']:,} blocked payments have no label and may never get one: precision and recall leave them out",
            err=True,
        )
    if together["let_through"] and together["never_let_through"]:
        click.echo(
            f"{together['never_let_through']:,} blocked payments had no chance to be let through, so the weighted figures say nothing of them",
            err=True,
        )


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if name.endswith("amount"):
        return f"{value:,.2f}"
    return f"{value:.3f}" if name.endswith(("precision", "recall")) else f"{value:,}"
