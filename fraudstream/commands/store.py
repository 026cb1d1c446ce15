"""`fraudstream store`: the store where workers look the weekly aggregates up."""

import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Any, TypeVar

import click

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.weekly.stores import online_store
from fraudstream.commands.generate import Day
from fraudstream.commands.group import Group
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly import OnlineStore, Week, day_of, midnight_before
from fraudstream.settings import Settings

Result = TypeVar("Result")

EXIT_DIFFERS = 1

json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
as_of_option = click.option(
    "--as-of", type=Day(), help="Midnight of the aggregates.  [default: the newest that were computed]"
)


@click.group(cls=Group)
def store() -> None:
    """Create, load and check the weekly store that FRAUDSTREAM_WEEKLY_STORE names: snapshot, disk, sagemaker://… or redis://…"""


@store.command()
@json_option
def create(as_json: bool) -> None:
    """Create the store unless it exists. Exit codes: 0 it exists, 2 it cannot be created or does not fit, 75 no answer."""
    settings = Settings()
    created = _with_store(settings, lambda made: made.create())
    if as_json:
        click.echo(json.dumps({"store": settings.weekly_store, "created": created}))
        return
    click.echo(f"{settings.weekly_store} {'created' if created else 'existed already'}")


@store.command()
@json_option
def describe(as_json: bool) -> None:
    """Describe the store and list the midnights that it holds. Exit codes: 0 shown, 2 there is no store, 75 no answer."""
    from fraudstream.adapters.weekly.files import manifests_in

    settings = Settings()
    computed = {
        int(manifest["as_of_ms"]) for manifest in manifests_in(settings.weekly_dir, _layout(settings))
    }
    today = midnight_before(time.time_ns() // 1_000_000)

    async def described(made: OnlineStore) -> dict[str, Any]:
        found = await made.describe()
        nights = await made.nights(sorted(computed | {today, today - DAY_MS}))
        return found | {"nights": {day_of(midnight): cards for midnight, cards in nights.items()}}

    found = _with_store(settings, described)
    if as_json:
        click.echo(json.dumps(found))
        return
    for name, value in found.items():
        if isinstance(value, dict):
            click.echo("\n".join([name, *(f"  {key:<20} {each}" for key, each in value.items())]))
        else:
            click.echo(f"{name:<22} {value}")


@store.command()
@as_of_option
@click.option(
    "--catch-up",
    is_flag=True,
    help="Load all midnights that were computed and are not in the store, instead of one.",
)
@click.option(
    "--puts-per-s",
    type=click.FloatRange(min=1),
    help="Limit of PutRecord requests per second (Feature Store only).",
)
@json_option
def load(as_of: date | None, catch_up: bool, puts_per_s: float | None, as_json: bool) -> None:
    """Load the aggregates of a midnight, which `fraudstream aggregate` has computed, and publish them.

    After an interruption, repeat the command: it continues where it stopped. Exit codes: 0 published, or nothing to catch up with,
    2 nothing was computed, or the store refuses it, 75 no answer.
    """
    from fraudstream.offline.loading import missing_nights

    if as_of and catch_up:
        raise click.UsageError("give --as-of or --catch-up, not both")
    settings = Settings()
    nights: list[date | None] = [as_of]
    if catch_up:
        nights = list(
            _with_store(settings, lambda made: missing_nights(made, settings.weekly_dir, _layout(settings)))
        )
    for night in nights:
        done = _load_night(settings, night, puts_per_s)
        if as_json:
            click.echo(json.dumps(done))
            continue
        rest = f", {done['resumed_at']:,} of them before it was interrupted" if done["resumed_at"] else ""
        what = f"weekly aggregates of {done['cards']:,} entities as of {done['as_of']} in {settings.weekly_store}"
        click.echo(f"{what}{rest}, {done['seconds']:.1f} s")
    if not nights:
        click.echo("every midnight that was computed is in the store", err=True)


def _load_night(settings: Settings, as_of: date | None, puts_per_s: float | None) -> dict[str, Any]:
    """Load and publish one midnight; return what was done, as JSON has it."""
    from fraudstream.commands.progress import bar
    from fraudstream.offline.loading import LoadBookmark, computed
    from fraudstream.offline.loading import load as fill

    weeks = computed(settings.weekly_dir, as_of, _layout(settings))
    day, cards = weeks.manifest["as_of"], weeks.frame.height
    name = re.sub(r"[^a-zA-Z0-9]+", "-", settings.weekly_store)
    bookmark = LoadBookmark(settings.data_dir / "loading" / f"{name}-{day}.json", weeks.manifest["sha256"])
    started = time.monotonic()
    with bar(f"Loading {day} into {settings.weekly_store}", cards) as advance:
        resumed = _with_store(settings, lambda made: fill(made, weeks, bookmark, advance), puts_per_s)
    return {
        "store": settings.weekly_store,
        "as_of": day,
        "cards": cards,
        "resumed_at": resumed,
        "seconds": round(time.monotonic() - started, 3),
    }


@store.command()
@as_of_option
@click.option(
    "--cards",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="How many entities to look up.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Random seed of the choice.")
@json_option
def check(as_of: date | None, cards: int, seed: int, as_json: bool) -> None:
    """Look up random entities and compare their aggregates, to the last bit, with what was computed.

    Exit codes: 0 equal, 1 they differ, 2 nothing to compare, 75 no answer.
    """
    from fraudstream.offline.loading import FIRST_DIFFERENCES, computed
    from fraudstream.offline.loading import check as compare

    settings = Settings()
    weeks = computed(settings.weekly_dir, as_of, _layout(settings))
    done = _with_store(settings, lambda made: compare(made, weeks, cards, seed))
    day, first = weeks.manifest["as_of"], done.differing[:FIRST_DIFFERENCES]
    if as_json:
        told = [
            {
                "card": each.card,
                "computed": _numbers(each.computed),
                "stored": _numbers(each.stored),
                "why": each.why,
            }
            for each in first
        ]
        click.echo(
            json.dumps({"as_of": day, "cards": done.cards, "differing": len(done.differing), "first": told})
        )
    else:
        if done.as_of_ms != weeks.as_of_ms:
            instead = f"answers as of {day_of(done.as_of_ms)}" if done.as_of_ms else "has nothing"
            click.echo(
                f"{settings.weekly_store} {instead}, not as of {day}; load it with: fraudstream store load"
            )
        for each in first:
            stored = each.why or each.stored
            click.echo(f"{each.card}: computed {_text(each.computed)}, stored {_text(stored)}")
        click.echo(f"{done.cards:,} entities as of {day} looked up, {len(done.differing):,} differ")
    sys.exit(EXIT_DIFFERS if done.differing else 0)


def _with_store(
    settings: Settings, use: Callable[[OnlineStore], Awaitable[Result]], puts_per_s: float | None = None
) -> Result:
    """Open the store, use it, close it."""

    async def used() -> Result:
        made = online_store(settings, puts_per_s)
        try:
            return await use(made)
        finally:
            await made.close()

    return asyncio.run(used())


def _layout(settings: Settings) -> str:
    """Return the layout of what the event type declares."""
    return event_type_named(settings.event_type).weekly.layout


def _numbers(week: Week | None) -> Sequence[Any] | None:
    """Return a week for a script: count and mean, and the parts of what is declared if there are some."""
    return week if week is None or week.declared else week[:2]


def _text(week: Any) -> str:
    """Write a week, or why there is none."""
    return (
        week
        if isinstance(week, str)
        else f"{week.payments} payments, mean {week.mean_amount}{f', {list(week.declared)}' if week.declared else ''}"
        if week
        else "none"
    )
