"""Chooses cards for the acceptance story: cards with a week, which nobody uses right now."""

import re
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl

from fraudstream.adapters.kafka.tail import Tail
from fraudstream.domain.card_numbers import normalised
from fraudstream.domain.errors import SetupError
from fraudstream.domain.windows.entries import WINDOW_MS
from fraudstream.offline.columns import NUMBER, TOKEN
from fraudstream.offline.history import dates_of, files_of
from fraudstream.offline.opening import PaymentFile, opened
from fraudstream.settings import Settings
from fraudstream.world.population import card_numbers

BACKLOG_MAX = 200_000
"""Decisions read to see which cards are in use; if there are more, some are missed."""


class Cards(NamedTuple):
    """Candidates, and a text that says where they come from."""

    numbers: list[str]
    origin: str


class _Card(msgspec.Struct):
    card: str


def candidates(settings: Settings, cards_file: Path | None, rng: np.random.Generator, needed: int) -> Cards:
    """Return card numbers in random order: those of a file, else of the history's last week, else made-up ones."""
    if cards_file is not None:
        found = Cards(_numbers_in(cards_file), f"cards of {cards_file}")
    elif known := _known_in(settings.history_dir):
        found = Cards(known, f"cards with a week in {settings.history_dir}")
    else:
        made_up = card_numbers(int(rng.integers(1_000_000)), needed).tolist()
        origin = f"made-up cards without a week, because there are no payments in {settings.history_dir}"
        found = Cards([str(number) for number in made_up], origin)
    if len(found.numbers) < needed:
        raise SetupError(
            f"the story needs {needed} cards, but there are only {len(found.numbers)} ({found.origin})"
        )
    rng.shuffle(found.numbers)
    return found


async def idle(numbers: Sequence[str], tail: Tail, settings: Settings, needed: int) -> list[str]:
    """Return the first `needed` cards nobody paid with in the last ten minutes; others if there are not enough.

    Computing tokens needs the worker's key; without it, all cards are taken for idle.
    """
    if not settings.has_card_token_keys:
        return list(numbers[:needed])
    since_ms = time.time_ns() // 1_000_000 - WINDOW_MS
    decode = msgspec.json.Decoder(_Card).decode
    records = await tail.backlog(since_ms, BACKLOG_MAX)
    in_use = {decode(record.value).card for record in records if record.value is not None}
    tokenizer = settings.tokenizer().at(time.time_ns() // 1_000_000)
    free = []
    for number in numbers:
        if tokenizer.token(number) not in in_use:
            free.append(number)
            if len(free) == needed:
                return free
    return [*free, *(number for number in numbers if number not in free)][:needed]


def _numbers_in(path: Path) -> list[str]:
    """Read the numbers of a file: one a line, the first field if there are more."""
    lines = path.read_text(encoding="utf-8").splitlines()
    fields = [re.split(r"[,;\t]", line)[0].strip() for line in lines]
    return list(dict.fromkeys(normalised(field) for field in fields if field[:1].isdigit()))


def _known_in(history: Path) -> list[str]:
    """Return the cards that paid in the last seven days of a history; none if there is none, or only tokens."""
    try:
        last = dates_of(history)[-1]
    except SetupError:
        return []
    files = files_of(history, last - timedelta(days=6), date.max)
    numbered = [file for file in files if PaymentFile(file, (NUMBER,)).made]
    if not numbered:
        return []
    numbers = opened(numbered, (NUMBER, TOKEN)).select(
        pl.col(NUMBER).cast(pl.String).drop_nulls().unique().sort()
    )
    return numbers.collect()[NUMBER].to_list()
