"""Engines that run the aggregation's SQL: DuckDB in this process, or Spark, here or on a cluster. One text, equal rows."""

import os
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from fraudstream.adapters.broker.java import find_java
from fraudstream.adapters.extras import extras_named
from fraudstream.domain.events.amounts import HUNDREDTHS, units_of
from fraudstream.offline.columns import AMOUNT, IDS, KINDS, NUMBER, TIME, TOKEN, Kinds
from fraudstream.offline.opening import plain_files

COLUMNS = (NUMBER, TOKEN, *IDS, TIME, AMOUNT)
"""Of the view `payments`; a column the files do not have is null."""

Week: TypeAlias = tuple[int | str | None, str | None, int, int]
"""cc_num, card, payments, cents."""


class Engine(Protocol):
    """From files of payments, the week's bounds (epoch ms, end excluded) the currency's decimals and what columns hold to a row per card."""

    def __call__(
        self,
        payments: Sequence[Path],
        first_ms: int,
        end_ms: int,
        decimals: int = HUNDREDTHS,
        kinds: Kinds = KINDS,
        /,
    ) -> list[Week]:
        """Run the SQL."""
        ...


ON_THIS_MACHINE = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",  # otherwise it fetches its results from an address where nothing listens
    "spark.sql.shuffle.partitions": "8",  # 200 are for a cluster
}


PATHS_ARE_NAMES = {"__globPaths__": "false"}
"""Spark's internal option for lists of files: no character of a path is a pattern."""


def sql() -> str:
    """Return the text all engines run."""
    return (files("fraudstream.offline") / "aggregate.sql").read_text()


def by_duckdb(
    payments: Sequence[Path], first_ms: int, end_ms: int, decimals: int = HUNDREDTHS, kinds: Kinds = KINDS, /
) -> list[Week]:
    """Run it in this process."""
    import duckdb

    with plain_files(payments, COLUMNS, kinds) as plain, duckdb.connect() as database:
        history = database.from_parquet([literal(path) for path in plain], union_by_name=True)
        named = [name if name in history.columns else f"NULL AS {name}" for name in COLUMNS]
        history.project(", ".join(named)).create_view("payments")
        database.execute(
            "CREATE TABLE week AS SELECT ?::BIGINT AS first_ms, ?::BIGINT AS end_ms, ?::BIGINT AS units",
            [first_ms, end_ms, units_of(decimals)],
        )
        return database.execute(sql()).fetchall()


def literal(path: Path) -> str:
    """Return a path as a pattern that matches nothing else."""
    return re.sub(r"([*?[])", r"[\1]", str(path.absolute()))


def by_spark(master: str) -> Engine:
    """Return an engine on Spark: `local[*]`, or the URL of a cluster that can read the files.

    Raises SetupError without PySpark, BrokerError without a Java.
    """
    with extras_named():
        from pyspark.sql import SparkSession
        from pyspark.sql import functions as spark_sql
    os.environ.setdefault("JAVA_HOME", str(find_java().path.resolve().parents[1]))

    def run(
        payments: Sequence[Path],
        first_ms: int,
        end_ms: int,
        decimals: int = HUNDREDTHS,
        kinds: Kinds = KINDS,
        /,
    ) -> list[Week]:
        builder: Any = SparkSession.builder
        builder = builder.master(master).appName("fraudstream aggregate").config("spark.ui.enabled", "false")
        if master.startswith("local"):
            builder = builder.config(map=ON_THIS_MACHINE)
        session = builder.getOrCreate()
        try:
            with plain_files(payments, COLUMNS, kinds, copies=master.startswith("local")) as plain:
                paths = [str(path.absolute()) for path in plain]
                history = session.read.options(mergeSchema="true", **PATHS_ARE_NAMES).parquet(*paths)
                columns = [
                    spark_sql.col(name)
                    if name in history.columns
                    else spark_sql.lit(None).cast("string").alias(name)
                    for name in COLUMNS
                ]
                history.select(*columns).createOrReplaceTempView("payments")
                session.createDataFrame(
                    [(first_ms, end_ms, units_of(decimals))], "first_ms bigint, end_ms bigint, units bigint"
                ).createOrReplaceTempView("week")
                return [tuple(row) for row in session.sql(sql()).collect()]
        finally:
            session.stop()

    return run
