"""The history of payments on disk: which days there are, and one way to read them.

A directory a day (`date=YYYY-MM-DD/*.parquet`), rows in the order they arrived. Simulated payments carry the card
number (`cc_num`), archived ones its token (`card`); one directory may hold both.
"""

from datetime import date
from pathlib import Path

import polars as pl

from fraudstream.domain.errors import SetupError

NUMBER, TOKEN = "cc_num", "card"


def dates_of(directory: Path) -> list[date]:
    """Return the days a history has, oldest first; raises SetupError if it has none."""
    names = sorted(
        path.name.removeprefix("date=") for path in directory.glob("date=*") if any(path.glob("*.parquet"))
    )
    if not names:
        raise SetupError(f"no payments in {directory}; make some with: fraudstream generate")
    return [date.fromisoformat(name) for name in names]


def files_of(directory: Path, first: date, end: date) -> list[Path]:
    """Return the files of the days first <= day < end, in order of arrival."""
    days = [day for day in dates_of(directory) if first <= day < end]
    return [path for day in days for path in sorted((directory / f"date={day}").glob("*.parquet"))]


def read_payments(directory: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    """Return all payments in the order they arrived: `card_code` (a small integer per card), then these columns.

    Columns a file does not have are null in its rows. A card that stands there by number and by token counts as two.
    """
    dates = dates_of(directory)
    files = files_of(directory, dates[0], date.max)
    known = {name: dtype for path in files for name, dtype in pl.read_parquet_schema(path).items()}
    entity = [name for name in (NUMBER, TOKEN) if name in known]
    wanted = {name: known[name] for name in (*entity, *columns) if name in known}
    frame = pl.scan_parquet(
        files, schema=wanted, missing_columns="insert", extra_columns="ignore", hive_partitioning=False
    )
    card = (
        pl.coalesce(pl.col(name).cast(pl.String) for name in entity) if len(entity) > 1 else pl.col(entity[0])
    )
    return frame.with_columns(card_code=card.rank("dense").cast(pl.Int64) - 1).drop(entity).collect()
