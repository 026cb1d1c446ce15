"""Loads the nightly job's snapshot into an online store, and checks that the store has what was computed."""

import json
import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from fraudstream.adapters.files import write_atomically
from fraudstream.adapters.weekly.files import frame_of, manifests_in, pairs
from fraudstream.domain.errors import SetupError
from fraudstream.domain.weekly import OnlineStore, Week

CARDS_PER_PART = 1000
"""Cards loaded together: an interrupted load repeats at most this many."""

UNKNOWN_SHARE = 10
"""One card is added to a check for this many: one that nobody has, which the store must not know."""

FIRST_DIFFERENCES = 10
"""Differences that a check shows in full."""

Pairs = list[tuple[str, Week]]


@dataclass(frozen=True, slots=True)
class Computed:
    """The weeks of all cards as of a midnight, as the nightly job computed them, in a fixed order."""

    manifest: dict[str, Any]
    frame: pl.DataFrame

    @property
    def as_of_ms(self) -> int:
        """The midnight."""
        return int(self.manifest["as_of_ms"])

    def parts(self, start: int) -> Iterator[Pairs]:
        """Yield the weeks from a row on, some cards at a time."""
        for at in range(start, self.frame.height, CARDS_PER_PART):
            yield list(pairs(self.frame.slice(at, CARDS_PER_PART)))


@dataclass(frozen=True, slots=True)
class WeekDifference:
    """A card whose week in the store is not the computed one; None: no week."""

    card: str
    computed: Week | None
    stored: Week | None
    why: str | None = None
    """Why the store has no answer, if it has none."""


@dataclass(frozen=True, slots=True)
class Check:
    """How many cards were looked up, and which differ."""

    cards: int
    as_of_ms: int | None
    differing: list[WeekDifference]


def computed(weekly_dir: Path, as_of: date | None, layout: str = "") -> Computed:
    """Read a snapshot of this declaration, the newest unless a day is given; raises SetupError if there is none."""
    found = [
        manifest
        for manifest in manifests_in(weekly_dir, layout)
        if as_of in (None, date.fromisoformat(manifest["as_of"]))
    ]
    if not found:
        which = f" as of {as_of}" if as_of else ""
        again = f" --as-of {as_of}" if as_of else ""
        raise SetupError(
            f"no weekly aggregates of this event type{which} in {weekly_dir}; compute them with: fraudstream aggregate{again}"
        )
    return Computed(found[0], frame_of(weekly_dir, found[0]).sort("card"))


class LoadBookmark:
    """How far the load of one snapshot has come; a file, so that an interrupted load can go on."""

    def __init__(self, path: Path, sha256: str) -> None:
        self._path = path
        self._sha256 = sha256

    def loaded(self) -> int:
        """Return how many cards are loaded; those of another snapshot do not count."""
        if not self._path.exists():
            return 0
        told = json.loads(self._path.read_text())
        return int(told["loaded"]) if told["sha256"] == self._sha256 else 0

    def note(self, loaded: int) -> None:
        """Remember how many cards are loaded."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path, json.dumps({"sha256": self._sha256, "loaded": loaded}).encode())

    def end(self) -> None:
        """Remove the file: the next load begins anew."""
        self._path.unlink(missing_ok=True)


async def load(
    store: OnlineStore, weeks: Computed, bookmark: LoadBookmark, on_loaded: Callable[[int], None]
) -> int:
    """Load and publish a midnight; return how many cards were there already from a load that was interrupted."""
    resumed = loaded = bookmark.loaded()
    on_loaded(resumed)
    for part in weeks.parts(resumed):
        await store.load(weeks.as_of_ms, part)
        loaded += len(part)
        bookmark.note(loaded)
        on_loaded(len(part))
    try:
        await store.publish(weeks.as_of_ms, weeks.frame.height)
    except SetupError:
        bookmark.end()  # what was loaded is not there
        raise
    bookmark.end()
    return resumed


async def missing_nights(store: OnlineStore, weekly_dir: Path, layout: str = "") -> list[date]:
    """Return the days of the snapshots of this declaration that the store does not have, oldest first."""
    days = {int(manifest["as_of_ms"]): manifest["as_of"] for manifest in manifests_in(weekly_dir, layout)}
    published = await store.nights(sorted(days))
    return [date.fromisoformat(days[midnight]) for midnight in sorted(set(days) - set(published))]


async def check(store: OnlineStore, weeks: Computed, cards: int, seed: int) -> Check:
    """Look up random cards, and some that nobody has, and compare to the last bit."""
    sample = dict(pairs(weeks.frame.sample(min(cards, weeks.frame.height), seed=seed)))
    expected: dict[str, Week | None] = {**sample}
    expected |= {secrets.token_hex(16): None for _ in range(max(1, len(sample) // UNKNOWN_SHARE))}
    asked = list(expected)
    random.Random(seed).shuffle(asked)  # noqa: S311 - a sample, no secret
    answer = await store.get_many(asked, weeks.as_of_ms)
    if answer.as_of_ms != weeks.as_of_ms:
        return Check(
            len(asked), answer.as_of_ms, [WeekDifference(card, expected[card], None) for card in sample]
        )
    differing = [
        WeekDifference(card, week, answer.rows.get(card), answer.failed.get(card))
        for card, week in expected.items()
        if answer.rows.get(card) != week or card in answer.failed
    ]
    return Check(len(asked), answer.as_of_ms, differing)
