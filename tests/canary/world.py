"""The canary of a world: a card that has paid there, so that history, weekly aggregates and training know it."""

import polars as pl

from fraudstream.offline.history import NUMBER
from fraudstream.settings import Settings


def canary_and_other(settings: Settings) -> tuple[str, str]:
    """Return the numbers of two cards of the history."""
    newest = max(settings.history_dir.rglob("*.parquet"))
    numbers = pl.read_parquet(newest)[NUMBER].unique().sort()
    return str(numbers[0]), str(numbers[-1])
