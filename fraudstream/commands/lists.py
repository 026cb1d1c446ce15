"""`fraudstream lists`: lists of values that rules ask for, changed while workers run."""

import csv
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import get_args

import click

from fraudstream.commands.group import Group
from fraudstream.commands.list_access import described, read_lists, told, values_of, write_changes
from fraudstream.commands.list_changes import CHANGES, json_option, name_argument, why_option
from fraudstream.domain.lists.entries import Kind, Purpose
from fraudstream.domain.names import validate_name
from fraudstream.settings import Settings


@click.group(cls=Group)
def lists() -> None:
    """Put cards, merchants and other values on lists that rules ask by in_list('name', variable), and snooze rules.

    Workers know a change within a second. Card numbers become tokens before anything is written.
    """


@lists.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the lists with what they are for and how many values are on each, and the rules that are snoozed.

    Exit codes: 0 listed (there may be none), 75 no broker.
    """
    found = read_lists(Settings())
    rows = [
        {
            "list": name,
            "kind": each.kind,
            "purpose": each.purpose,
            "entries": found.numbers.get(name, 0),
            "why": each.why,
        }
        for name, each in found.listings.items()
    ]
    snoozed = found.snoozes
    if as_json:
        click.echo(json.dumps({"lists": rows, "snoozed": snoozed, "revision": found.revision}))
        return
    for row in rows:
        click.echo(
            f"{row['list']:<24} {row['kind']:<5} {row['purpose']:<6} {row['entries']:>10,}  {row['why']}"
        )
    for rule, entities in snoozed.items():
        click.echo(f"rule {rule} was snoozed for {entities:,} entities")
    if not rows:
        click.echo("no lists yet; make one with: fraudstream lists create")


@lists.command()
@name_argument
@click.option(
    "--kind",
    type=click.Choice(get_args(Kind)),
    default="text",
    show_default=True,
    help="card: of card numbers, kept as tokens.",
)
@click.option(
    "--purpose",
    type=click.Choice(get_args(Purpose)),
    default="watch",
    show_default=True,
    help="For people; rules say what follows.",
)
@why_option
@json_option
def create(name: str, kind: Kind, purpose: Purpose, why: str, as_json: bool) -> None:
    """Make the list NAME, or say anew what it is for; its values stay.

    Exit codes: 0 made, 2 the name is none, or the list has values of the other kind, 75 no broker.
    """
    from fraudstream.adapters.lists.changes import listing_of
    from fraudstream.adapters.models.registry import this_user

    settings = Settings()
    validate_name("list", name)
    write_changes(settings, [listing_of(read_lists(settings), name, kind, purpose, this_user(), why)])
    told(
        as_json,
        f"list {name}: ask it in a rule by in_list('{name}', {'card' if kind == 'card' else 'variable'})",
        list=name,
        kind=kind,
    )


@lists.command()
@name_argument
@click.argument("value", required=False)
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Values shown, at most."
)
@json_option
def show(name: str, value: str | None, limit: int, as_json: bool) -> None:
    """Show what is on the list NAME, who put it there, why and until when; or one VALUE.

    Exit codes: 0 shown, 1 VALUE is not on it, 2 no such list, 75 no broker.
    """
    settings = Settings()
    found = read_lists(settings, name)
    entries = found.entries
    if value is not None:
        kept = values_of(settings, found, name).of(value)
        entries = {each: entries[each] for each in kept if each in entries}
    listing = found.listing(name)
    shown = [described(each, entry) for each, entry in list(entries.items())[:limit]]
    if as_json:
        click.echo(json.dumps({"list": name, "kind": listing.kind, "entries": len(entries), "shown": shown}))
    else:
        for row in shown:
            click.echo(
                f"{row['value']:<34} until {row['until'] or 'for ever':<22} by {row['by']} {row['at'][:16]}  {row['why']}"
            )
        click.echo(f"{len(entries):,} on list {name}")
    raise SystemExit(value is not None and not entries)


@lists.command()
@name_argument
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
def export(name: str, file: Path | None) -> None:
    """Write what is on the list NAME as CSV, to FILE or to the screen; cards as tokens. `import` reads it.

    Exit codes: 0 written, 2 no such list, 75 no broker.
    """
    found = read_lists(Settings(), name)
    found.listing(name)
    with nullcontext(sys.stdout) if file is None else file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["value", "until", "why", "by", "at"])
        for value, entry in found.entries.items():
            writer.writerow([*described(value, entry).values()])


for command in CHANGES:
    lists.add_command(command)
