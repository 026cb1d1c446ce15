"""The nightly job: computes every card's week as of a midnight, and does not publish suspicious results."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fraudstream.adapters.weekly.files import manifests_in, write_snapshot
from fraudstream.domain.errors import FraudstreamError, SetupError
from fraudstream.domain.events.amounts import HUNDREDTHS, units_of
from fraudstream.domain.times import midnight_ms
from fraudstream.domain.tokens import Tokenizer
from fraudstream.domain.weekly import MIDNIGHTS_KEPT
from fraudstream.domain.weekly_aggregates import NOTHING_DECLARED, WeeklyAggregates
from fraudstream.offline.columns import KINDS, Kinds
from fraudstream.offline.engines import Engine, by_duckdb
from fraudstream.offline.history import dates_of, files_of
from fraudstream.offline.weekly_sql import WeeklyQuery

WEEK, DAY = timedelta(days=7), timedelta(days=1)

LATE_DAYS = DAY
"""A payment that arrived just after midnight may have happened before it: the next day's files are read, too."""

SUSPICIOUS_SHARE = 0.5
"""A night with fewer cards than this share of the newest earlier night's is not published: payments are missing."""


class SuspiciousNight(FraudstreamError):
    """The weeks were computed and not published."""


@dataclass(frozen=True, slots=True)
class Job:
    """The job's parameters, which are the same every night. `engine_name` goes into the manifests."""

    history_dir: Path
    weekly_dir: Path
    tokenizer: Tokenizer
    engine: Engine = by_duckdb
    engine_name: str = "duckdb"
    kept: int = MIDNIGHTS_KEPT
    force: bool = False
    """Publish suspicious results, too."""
    decimals: int = HUNDREDTHS
    """The currency's."""
    kinds: Kinds = field(default_factory=lambda: KINDS)
    """What the history's columns hold."""
    weekly: WeeklyAggregates = NOTHING_DECLARED
    """What the event type declares."""

    def run(self, as_of: date) -> dict[str, Any]:
        """Publish the weeks as of the midnight that starts `as_of`; return the manifest. Repeating it replaces them.

        Raises SetupError if the week has no payments, SuspiciousNight if it has far fewer cards than the night before.
        """
        available = dates_of(self.history_dir)
        first = as_of - DAY * self.weekly.days
        days = [day for day in available if first <= day < as_of]
        if not any(day >= as_of - WEEK for day in days):
            raise SetupError(
                f"the week before {as_of} has no payments: {self.history_dir} covers {available[0]} to "
                f"{available[-1]}; try: fraudstream aggregate --as-of {last_midnight(self.history_dir)}"
            )
        sources = files_of(self.history_dir, first, as_of + LATE_DAYS)
        weeks = weeks_of(
            sources,
            midnight_ms(as_of),
            self.tokenizer,
            self.engine,
            self.decimals,
            self.kinds,
            self.weekly,
            self.force,
        )
        self._check(weeks.height, as_of)
        about = {
            "days": len(days),
            "payments": int(weeks["payments"].sum()),
            "engine": self.engine_name,
            "sources": [source(self.history_dir, path) for path in sources],
        }
        return write_snapshot(
            self.weekly_dir, midnight_ms(as_of), weeks, self.kept, about, self.weekly.layout
        )

    def catch_up(self, until: date, on_night: Callable[[date], None]) -> list[dict[str, Any]]:
        """Run every missing night that a store would keep, oldest first; return the manifests of the new ones.

        The last night is the history's last midnight, or `until` if that is earlier; existing nights are not repeated.
        """
        last = min(last_midnight(self.history_dir), until)
        first = dates_of(self.history_dir)[0] + DAY
        nights = [last - DAY * back for back in reversed(range(self.kept)) if last - DAY * back >= first]
        there = {manifest["as_of"] for manifest in manifests_in(self.weekly_dir, self.weekly.layout)}
        made = []
        for night in nights:
            if str(night) not in there:
                on_night(night)
                made.append(self.run(night))
        return made

    def _check(self, cards: int, as_of: date) -> None:
        alike = manifests_in(self.weekly_dir, self.weekly.layout)
        before = [entry for entry in alike if entry["as_of"] < str(as_of)]
        if self.force or not before:
            if cards or self.force:
                return
            raise SuspiciousNight(
                f"there are no payments in the week before {as_of} (--force publishes anyway)"
            )
        least = before[0]["rows"] * SUSPICIOUS_SHARE
        if cards < least or not cards:
            raise SuspiciousNight(
                f"only {cards:,} entities have payments in the week before {as_of}, {before[0]['rows']:,} had some in the week "
                f"before {before[0]['as_of']}: payments seem to be missing (--force publishes anyway)"
            )


def last_midnight(history_dir: Path) -> date:
    """Return the day that starts with the last midnight for which there is history."""
    return dates_of(history_dir)[-1] + DAY


def source(history_dir: Path, path: Path) -> dict[str, Any]:
    """Describe a file that was read, so that a night can be explained and repeated."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"file": str(path.relative_to(history_dir)), "bytes": path.stat().st_size, "sha256": digest}


def weeks_of(
    payments: Sequence[Path],
    as_of_ms: int,
    tokenizer: Tokenizer,
    engine: Engine = by_duckdb,
    decimals: int = HUNDREDTHS,
    kinds: Kinds = KINDS,
    weekly: WeeklyAggregates = NOTHING_DECLARED,
    force: bool = False,
) -> pl.DataFrame:
    """Return card token, payments, mean amount and declared parts of every card that paid in the days before a midnight.

    Raises SuspiciousNight if a card is there by number and by token and different values are counted, which cannot be added
    up, unless `force`: then the larger number counts.
    """
    rows = engine(payments, as_of_ms, decimals, kinds, WeeklyQuery(weekly))
    last = tokenizer.at(as_of_ms - 1)  # the worker looks up tokens of earlier keys, too, and adds them up
    tokens = [token or last.token(str(number)) for number, token, *_ in rows]
    added = {"payments": pl.Int64, "cents": pl.Int64}
    types = added | {part.name: part.dtype for part in weekly.parts}
    found = pl.DataFrame([row[2:] for row in rows], types, orient="row").insert_column(
        0, pl.Series("card", tokens, pl.String)
    )
    parts = [pl.sum(part.name) if part.added else pl.max(part.name) for part in weekly.parts]
    totals = found.group_by("card").agg(pl.sum(*added), *parts).sort("card")  # by number and by token
    if weekly.has_distinct and totals.height < found.height and not force:
        raise SuspiciousNight(
            f"{found.height - totals.height:,} cards are in the history both by number and by token, so their different values "
            "cannot be counted exactly (--force publishes the larger of both counts)"
        )
    mean = totals["cents"].to_numpy() / (np.maximum(totals["payments"].to_numpy(), 1) * units_of(decimals))
    totals = totals.with_columns(pl.Series("mean_amount", mean, pl.Float64)).drop("cents")
    return totals.select("card", "payments", "mean_amount", *(part.name for part in weekly.parts))
