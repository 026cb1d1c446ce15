"""The nightly job: every card's week as of a midnight, computed by DuckDB over the history."""

from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from fraudstream.adapters.weekly_files import write_snapshot
from fraudstream.domain.errors import SetupError
from fraudstream.domain.tokens import Tokenizer
from fraudstream.domain.weekly import MIDNIGHTS_KEPT, WEEK_MS
from fraudstream.offline.history import IDS, NUMBER, TOKEN, dates_of, files_of
from fraudstream.offline.world import midnight_ms

WEEK = timedelta(days=7)

LATE_DAYS = timedelta(days=1)
"""A payment that arrived just after midnight may belong to the day before: one more day's file is read."""


@dataclass(frozen=True, slots=True)
class Aggregated:
    """What the job did: the snapshot's manifest and how many of the week's days the history has."""

    manifest: dict[str, Any]
    days: int


def last_midnight(history_dir: Path) -> date:
    """Return the day that starts with the last midnight for which there is history."""
    return dates_of(history_dir)[-1] + timedelta(days=1)


def aggregate(
    history_dir: Path, weekly_dir: Path, tokenizer: Tokenizer, as_of: date, kept: int = MIDNIGHTS_KEPT
) -> Aggregated:
    """Write the snapshot as of the midnight `as_of` starts with; raises SetupError if the week has no payments."""
    days = [day for day in dates_of(history_dir) if as_of - WEEK <= day < as_of]
    if not days:
        available = dates_of(history_dir)
        raise SetupError(
            f"the week before {as_of} has no payments: {history_dir} covers {available[0]} to {available[-1]}; "
            f"try: fraudstream aggregate --as-of {last_midnight(history_dir)}"
        )
    weeks = weeks_of(files_of(history_dir, as_of - WEEK, as_of + LATE_DAYS), midnight_ms(as_of), tokenizer)
    return Aggregated(write_snapshot(weekly_dir, midnight_ms(as_of), weeks, kept), len(days))


def weeks_of(payments: list[Path], as_of_ms: int, tokenizer: Tokenizer) -> pl.DataFrame:
    """Return card token, payments and mean amount of every card that paid in the week before a midnight."""
    sql = (files("fraudstream.offline") / "aggregate.sql").read_text()
    with duckdb.connect() as database:
        history = database.from_parquet([str(path) for path in payments], union_by_name=True)
        columns = (NUMBER, TOKEN, *IDS, "event_time", "amount")
        named = [name if name in history.columns else f"NULL AS {name}" for name in columns]
        history.project(", ".join(named)).create_view("payments")
        database.execute(
            "CREATE TABLE week AS SELECT ?::BIGINT AS first_ms, ?::BIGINT AS end_ms",
            [as_of_ms - WEEK_MS, as_of_ms],
        )
        rows = database.execute(sql).fetchall()
    tokens = [token or tokenizer.token(str(number)) for number, token, _, _ in rows]
    found = pl.DataFrame(
        {"card": tokens, "payments": [row[2] for row in rows], "cents": [row[3] for row in rows]},
        schema={"card": pl.String, "payments": pl.Int64, "cents": pl.Int64},
    )
    totals = found.group_by("card").sum().sort("card")  # a card may stand there by number and by token
    mean = totals["cents"].to_numpy() / (totals["payments"].to_numpy() * 100)
    return totals.with_columns(pl.Series("mean_amount", mean, pl.Float64)).drop("cents")
