"""`fraudstream tokens`: the keys that turn card numbers into tokens."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from fraudstream.adapters.secrets import token_keys
from fraudstream.commands.group import Group
from fraudstream.domain.errors import SetupError
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.tokens import Tokenizer
from fraudstream.settings import Settings

NOTICE_MS = 600_000
"""Shortest time from adding a key to its first use: all workers have to be restarted in between."""


@click.group(cls=Group)
def tokens() -> None:
    """List the keys of card tokens, without the secrets, and rotate them."""


@tokens.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def list_(as_json: bool) -> None:
    """List every key: its number (0: none), the event time from which it is used, and a check value to compare files with.

    Exit codes: 0 listed, 2 there is no key or the file is damaged.
    """
    settings = Settings()
    if not settings.has_card_token_keys:
        raise SetupError(
            f"there is no card token key in {settings.card_token_key_path} yet; the first worker creates it"
        )
    newest = settings.tokenizer()
    in_use = newest.at(time.time_ns() // 1_000_000)
    rows = [
        {
            "number": key.number,
            "from": _moment(key.since_ms) if key.before else None,
            "check": token_keys.check_value(key),
            "in_use": key is in_use,
        }
        for key in _oldest_first(newest)
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        since = row["from"] or "the beginning"
        click.echo(
            f"{row['number']:>3}  check {row['check']}  from {since}{'  in use' if row['in_use'] else ''}"
        )


@tokens.command()
@click.option(
    "--from",
    "since",
    help="Event time from which the new key is used, with time zone.  [default: the next midnight UTC]",
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def rotate(since: str | None, as_json: bool) -> None:
    """Add a new key to the file. Copy the file to every worker and the nightly job, and restart the workers before the key is used.

    Windows do not reach across the change, so decisions are marked `token-rotated` until the longest window of the event type (ten
    minutes or more) has passed. Weekly aggregates do reach across it. Keep the old keys in the file: late payments, replays and
    weekly aggregates need them.

    Exit codes: 0 added, 2 the time is too close or the file cannot be changed.
    """
    settings = Settings()
    if settings.card_token_keys is not None and settings.card_token_key_file is None:
        raise SetupError(
            "the keys are in FRAUDSTREAM_CARD_TOKEN_KEYS; to rotate them, put them into a file and set FRAUDSTREAM_CARD_TOKEN_KEY_FILE"
        )
    now_ms = time.time_ns() // 1_000_000
    since_ms = (
        token_keys.epoch_ms(since, "--from") if since else (now_ms + NOTICE_MS) // DAY_MS * DAY_MS + DAY_MS
    )
    if since_ms < now_ms + NOTICE_MS:
        raise SetupError(
            f"a new key must not be used before {_moment(now_ms + NOTICE_MS)}: all workers have to be restarted by then"
        )
    settings.tokenizer()  # makes the first key if there is none
    added = token_keys.add(settings.card_token_key_path, since_ms)
    facts = {"number": added.number, "from": _moment(since_ms), "check": token_keys.check_value(added)}
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(
        f"key {added.number} (check {facts['check']}) is in {settings.card_token_key_path} and used from "
        f"{facts['from']}; before that, copy the file to all workers and the nightly job and restart the workers"
    )


def _oldest_first(newest: Tokenizer) -> Iterator[Tokenizer]:
    if newest.before is not None:
        yield from _oldest_first(newest.before)
    yield newest


def _moment(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="seconds")
