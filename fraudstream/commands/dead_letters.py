"""`fraudstream dead-letters`: records that got no decision, and sending them again once what was wrong is mended."""

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from fraudstream.adapters.extras import check_installed
from fraudstream.commands.group import Group
from fraudstream.commands.produce import broker_option, json_option
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings

if TYPE_CHECKING:
    from fraudstream.dead_letters.letters import Letter
    from fraudstream.dead_letters.resending import Resent

reason_option = click.option(
    "--reason", "reasons", multiple=True, help="Only those with this reason; repeatable."
)
producer_option = click.option(
    "--producer", "producers", multiple=True, help="Only those whose headers name this producer; repeatable."
)


@click.group("dead-letters", cls=Group)
def dead_letters() -> None:
    """List, show and send again records that got no decision."""


@dead_letters.command("list")
@broker_option
@reason_option
@producer_option
@click.option(
    "--limit", type=click.IntRange(1, 2000), default=50, show_default=True, help="How many to print at most."
)
@json_option
def list_(
    broker: str | None, reasons: tuple[str, ...], producers: tuple[str, ...], limit: int, as_json: bool
) -> None:
    """List the newest dead letters, and how many of the newest 2,000 have which reason and producer.

    Exit codes: 0 listed, 2 set-up error, 75 no broker answers.
    """
    from fraudstream.dead_letters.letters import as_json as told
    from fraudstream.dead_letters.letters import chosen, counted
    from fraudstream.dead_letters.reading import newest_letters

    found = chosen(asyncio.run(newest_letters(Settings.with_options(broker=broker))), reasons, producers)
    counts = counted(found)
    if as_json:
        by_reason = [
            {"reason": reason, "producer": producer, "letters": count}
            for (reason, producer), count in counts.items()
        ]
        click.echo(json.dumps({"counts": by_reason, "letters": [told(letter) for letter in found[:limit]]}))
        return
    for (reason, producer), count in counts.items():
        click.echo(f"{count:7,}  {reason:<20}  {producer}")
    for letter in found[:limit]:
        click.echo(
            f"{letter.id:<12} {_at(letter.at_ms)}  {letter.said.reason:<20} {letter.said.detail[:100]}"
        )
    if not found:
        click.echo("there are no dead letters of these", err=True)


@dead_letters.command()
@click.argument("letter_id")
@broker_option
@json_option
def show(letter_id: str, broker: str | None, as_json: bool) -> None:
    """Show the dead letter LETTER_ID: why, the record's start with card numbers masked, and its headers.

    Exit codes: 0 shown, 2 there is none of that id, 75 no broker answers.
    """
    from fraudstream.dead_letters.letters import as_json as told
    from fraudstream.dead_letters.reading import letters_named

    (letter,) = asyncio.run(letters_named(Settings.with_options(broker=broker), [letter_id]))
    fields = told(letter)
    if as_json:
        click.echo(json.dumps(fields))
        return
    for name, value in fields.items():
        click.echo(f"{name:<21} {_at(letter.at_ms) if name == 'at' else value}")


@dead_letters.command()
@click.argument("letter_ids", nargs=-1)
@broker_option
@reason_option
@producer_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def resend(
    letter_ids: tuple[str, ...],
    broker: str | None,
    reasons: tuple[str, ...],
    producers: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Send the records of the dead letters LETTER_IDS again, or of the newest with a reason or producer, up to 500.

    Each is sent once, to the partition where it was, with its key, headers and timestamp, also if this is run again or killed. Mend what
    was wrong before: a record that is refused again is a new dead letter.

    Exit codes: 0 sent, or sent before; 1 some cannot be sent; 2 bad input; 75 no broker answers.
    """
    check_installed("sqlalchemy", "alembic", what="this", extra="console")
    if bool(letter_ids) == bool(reasons or producers):
        raise SetupError("name dead letters by their ids, or say which by --reason or --producer")
    settings = Settings.with_options(broker=broker)
    letters = _letters(settings, letter_ids, reasons, producers)
    if not yes:
        click.confirm(f"send {len(letters)} records again?", abort=True, err=True)
    results = _resent(settings, letters)
    if as_json:
        click.echo(json.dumps([_told(result) for result in results]))
    else:
        for result in results:
            click.echo(f"{result.letter.id:<12} {_outcome(result)}")
    sys.exit(1 if any(result.refused for result in results) else 0)


def _letters(
    settings: Settings, ids: Sequence[str], reasons: Sequence[str], producers: Sequence[str]
) -> "list[Letter]":
    from fraudstream.dead_letters.letters import chosen
    from fraudstream.dead_letters.reading import letters_named, newest_letters

    if ids:
        return asyncio.run(letters_named(settings, ids))
    return chosen(asyncio.run(newest_letters(settings)), reasons, producers)


def _resent(settings: Settings, letters: "list[Letter]") -> "list[Resent]":
    from fraudstream.adapters.database.audit import operator
    from fraudstream.adapters.database.engine import opened
    from fraudstream.adapters.database.resends import Resends
    from fraudstream.dead_letters.resending import Resender

    resender = Resender(settings, Resends(opened(settings.database_url)))
    return asyncio.run(resender.resend(letters, operator()))


def _told(result: "Resent") -> dict[str, object]:
    return {
        "id": result.letter.id,
        "offset": result.offset,
        "sent_before": result.before,
        "refused": result.refused or None,
    }


def _outcome(result: "Resent") -> str:
    if result.refused:
        return f"not sent: {result.refused}"
    return f"{'was sent before' if result.before else 'sent'}, at offset {result.offset} now"


def _at(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
