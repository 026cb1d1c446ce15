"""What the commands of `fraudstream lists` share: reading and writing the topic, and what people write as values."""

import asyncio
import json
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from fraudstream.commands.progress import bar
from fraudstream.domain.lists.entries import Change, Listed
from fraudstream.settings import Settings

if TYPE_CHECKING:
    from fraudstream.adapters.lists.topic import OnLists
    from fraudstream.adapters.lists.values import Values


def read_lists(settings: Settings, name: str | None = None) -> "OnLists":
    """Return what is on lists now; of entries those of one list."""
    from fraudstream.adapters.lists.topic import read
    from fraudstream.traffic.session import quiet_kafka

    quiet_kafka()
    return asyncio.run(read(settings, name))


def write_changes(settings: Settings, changes: Iterable[Change], total: int = 1) -> None:
    """Publish changes, with a bar if there are many."""
    from fraudstream.adapters.lists.topic import write, writing

    async def written() -> None:
        async with writing(settings) as publisher:
            with bar("published", total) as advance:
                async for number in write(publisher, settings, changes):
                    advance(number)

    asyncio.run(written())


def values_of(settings: Settings, found: "OnLists", name: str) -> "Values":
    """Return what reads the values of a list; raises SetupError if there is no such list."""
    from fraudstream.adapters.lists import changes

    return changes.values_of(settings, found, name)


def entities_of(settings: Settings, text: str) -> tuple[str, ...]:
    """Return the ids under which an entity's events come."""
    from fraudstream.adapters.lists import changes

    return changes.entities_of(settings, text)


def entry_of(until: datetime | None, why: str) -> Listed:
    """Return an entry of now by this user."""
    from fraudstream.adapters.lists import changes
    from fraudstream.adapters.models.registry import this_user

    return changes.entry_of(this_user(), until, why)


def described(value: str, entry: Listed) -> dict[str, str]:
    """Return an entry for JSON and CSV."""
    until = "" if entry.expires_at is None else entry.expires_at.isoformat()
    return {"value": value, "until": until, "why": entry.why, "by": entry.by, "at": entry.at.isoformat()}


def told(as_json: bool, sentence: str, **said: Any) -> None:
    """Say what was done."""
    click.echo(json.dumps(said) if as_json else sentence)
