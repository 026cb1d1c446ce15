"""One SQL text, two engines, equal rows: a real Spark beside DuckDB."""

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.domain.weekly import WEEK_MS
from fraudstream.offline.columns import kinds_of
from fraudstream.offline.engines import Engine, Week, by_duckdb, by_spark
from fraudstream.offline.weekly_sql import WeeklyQuery
from fraudstream.world.generate import generate
from fraudstream.world.world import World
from tests.archive_rows import MONDAY_MS, archived, encoded
from tests.offline.test_declared_weeks import EVENT_TYPE


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


@pytest.mark.timeout(280)
def test_spark_says_what_duckdb_says_of_declared_aggregates(spark: Engine, tmp_path: Path) -> None:
    """All functions of all types of variables, with NaN, -0.0, halves of a millionth, missing values and repeated payments."""
    chance = np.random.default_rng(3)
    rows = 3000
    km = chance.choice([0.1, 0.2, -0.0, 0.0, math.nan, 5e-7, 1.5e-6, 1e9, 2e9], rows) * chance.choice(
        [1.0, 1 / 3], rows
    )
    missing = chance.random((len(EVENT_TYPE.variables), rows)) < 0.2
    paid = pl.DataFrame(
        {
            "tid": [str(number) for number in chance.integers(0, rows, rows)],
            "cc_num": chance.integers(4_006_080_000_000_000, 4_006_080_000_000_050, rows),
            "event_time": MONDAY_MS + chance.integers(0, 30 * DAY_MS, rows),
            "amount": chance.integers(-300, 100_000, rows) / 100,
            "shop": chance.choice(["it's \\ home", "kiosk", "Bäcker"], rows),
            "tries": chance.choice([0, 1, -3, 2**60], rows),
            "km": km,
            "known": chance.random(rows) < 0.5,
            "since": MONDAY_MS + chance.integers(0, 9, rows),
        }
    ).with_columns(
        pl.when(pl.lit(pl.Series(gone))).then(None).otherwise(pl.col(name)).alias(name)
        for name, gone in zip(EVENT_TYPE.columns, missing, strict=True)
    )
    pl.concat([paid, paid.head(200)]).write_parquet(tmp_path / "payments.parquet")
    query, kinds = WeeklyQuery(EVENT_TYPE.weekly), kinds_of(EVENT_TYPE)

    by_both = [
        in_order(engine([tmp_path / "payments.parquet"], MONDAY_MS + 30 * DAY_MS, 2, kinds, query))
        for engine in (by_duckdb, spark)
    ]

    assert 50 == len(by_both[0])
    assert by_both[0] == by_both[1]
