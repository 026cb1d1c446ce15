"""One SQL text, two engines, equal rows: a real Spark beside DuckDB."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly import WEEK_MS
from fraudstream.offline.engines import Engine, Week, by_duckdb, by_spark
from fraudstream.offline.generate import generate
from fraudstream.offline.world import World, midnight_ms
from tests.archive_rows import MONDAY_MS, archived, encoded


def in_order(rows: Sequence[Week]) -> list[Week]:
    """Return the rows by card."""
    return sorted(rows, key=lambda row: (row[0] or 0, row[1] or ""))


@pytest.fixture(scope="module")
def spark() -> Engine:
    """Return this machine's Spark."""
    return by_spark("local[2]")


@pytest.mark.timeout(280)
def test_spark_says_what_duckdb_says_of_a_history(spark: Engine, tmp_path: Path) -> None:
    """Count and cents of every card, by number."""
    generate(World(seed=4, cards=2000, days=9, payments=60_000, start=date(2020, 1, 1)), tmp_path / "history")
    files = sorted((tmp_path / "history").glob("date=*/*.parquet"))
    end_ms = midnight_ms(date(2020, 1, 9))

    by_both = [in_order(engine(files, end_ms)) for engine in (by_duckdb, spark)]

    assert 1_900 < len(by_both[0])
    assert by_both[0] == by_both[1]


@pytest.mark.timeout(280)
def test_spark_says_what_duckdb_says_of_an_archive(spark: Engine, tmp_path: Path) -> None:
    """By token; files with different columns, refunds, and payments decided twice, which count once."""
    times = [MONDAY_MS + DAY_MS // 3 * number for number in range(30)]
    values = [
        encoded(number, event_time=time, amount=0.005 * number * (-1) ** (number % 7 == 6))
        for number, time in enumerate(times)
    ]
    first = archived([*values[:20], *values[5:9]], list(range(24)))
    second = archived(values[20:], list(range(24, 34))).drop("merchant").with_columns(amt_change=pl.lit(0.5))
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for file, frame in zip(files, (first, second), strict=True):
        frame.write_parquet(file)

    by_both = [in_order(engine(files, MONDAY_MS + WEEK_MS)) for engine in (by_duckdb, spark)]

    assert 18 == sum(payments for _, _, payments, _ in by_both[0])
    assert by_both[0] == by_both[1]
