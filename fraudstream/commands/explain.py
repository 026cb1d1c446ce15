"""`fraudstream explain`: archived decisions made again, and what would have changed them."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from fraudstream.adapters.event_types import event_type_named
from fraudstream.backtest.archived_days import archived_days
from fraudstream.commands.history_place import archive_option
from fraudstream.commands.progress import bar
from fraudstream.explain.asking import explained, explainer
from fraudstream.settings import Settings


@click.command()
@click.argument("transaction_id", required=False)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    help="Instead of one decision, make so many random ones again and say how many are identical.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Random seed of --sample."
)
@archive_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(
    transaction_id: str | None, sample: int | None, seed: int, archive: Path | None, as_json: bool
) -> None:
    """Make an archived decision again, with the model and rules of then, and say whether it is identical or what differs.

    Window, week, features, score, rules and reasons are computed anew from the archived payments. It also says the smallest change
    of each feature that would have led to another outcome.

    Exit codes: 0 identical, 1 something differs or there is no such decision, 2 usage or set-up error.
    """
    if (transaction_id is None) == (sample is None):
        raise click.UsageError("give a transaction id or --sample")
    settings = Settings()
    event_type = event_type_named(settings.event_type)
    place = settings.archive_place if archive is None else str(archive)
    if transaction_id is None:
        with archived_days(place, event_type, None, None) as directory:
            explains = explainer(settings, event_type, directory)
            with bar("Deciding again", sum(explains.source.rows.values())) as advance:
                summary = explains.many(sample or 0, seed, advance)
        click.echo(json.dumps(summary) if as_json else "\n".join(_lines_of_sample(summary)))
        sys.exit(0 if summary["identical"] == summary["asked"] else 1)
    found = explained(settings, event_type, transaction_id, place)
    for each in found:
        click.echo(json.dumps(each) if as_json else "\n".join(_lines(each)))
    if not found:
        click.echo(f"there is no decision on {transaction_id} in the archive", err=True)
    sys.exit(0 if found and all(each["identical"] for each in found) else 1)


def _lines(explained: dict[str, Any]) -> Iterator[str]:
    """Yield an explanation for people."""
    decision = explained["decision"]
    by = explained["release"] or f"model {decision['model_version']}, rules {decision['ruleset_version']}"
    yield f"{explained['transaction_id']}: {decision['outcome']}, score {decision['score']}, by {by}"
    for name in ("rules", "reasons", "degraded"):
        if decision[name]:
            yield f"  {name:<9} {'; '.join(decision[name])}"
    yield from (f"  {name:<26} {value}" for name, value in explained["known"].items())
    if explained["week_as_decided"]:
        yield "the week begins before the archive does: it is the one of the decision, and not computed anew"
    if explained["identical"]:
        yield f"identical: {len(explained['compared'])} values were computed again, from the window to the reasons"
    else:
        yield "not identical"
        yield from (
            f"  {each['name']}: was {each['then']}, is {each['now']}" for each in explained["differences"]
        )
        yield f"  because {explained['why']}" if explained["why"] else "  nothing in the archive says why"
    if explained["would_change"] is None:
        return
    yield (
        "the smallest change of a single feature to another outcome:"
        if explained["would_change"]
        else "no change of a single feature leads to another outcome"
    )
    for flip in explained["would_change"]:
        yield f"  {flip['feature']:<26} {flip['value']:.9g} to {flip['to']:.9g}: {flip['outcome']}, score {flip['score']}"


def _lines_of_sample(summary: dict[str, Any]) -> Iterator[str]:
    yield f"{summary['identical']:,} of {summary['asked']:,} decisions are identical"
    yield from (f"  {number:>10,} are not: {cause}" for cause, number in summary["causes"].items())
    for example in summary["examples"]:
        yield f"    {example['transaction_id']}: {', '.join(example['differs']) or 'not decided again'}"
