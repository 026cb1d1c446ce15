"""Engines that run the aggregation's SQL: DuckDB in this process, or Spark, here or on a cluster. One text, equal rows."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from fraudstream.adapters.archive.sql import read_parquet
from fraudstream.adapters.broker.java import find_java
from fraudstream.adapters.extras import extras_named
from fraudstream.adapters.spark import spark_session
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.amounts import HUNDREDTHS, units_of
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly import WEEK_MS
from fraudstream.offline.columns import AMOUNT, IDS, KINDS, NUMBER, TIME, TOKEN, Kinds
from fraudstream.offline.opening import plain_files
from fraudstream.offline.weekly_sql import WeeklyQuery

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COLUMNS = (NUMBER, TOKEN, *IDS, TIME, AMOUNT)
"""Of the view `payments`; a column the files do not have is null."""

Week: TypeAlias = tuple[Any, ...]
"""cc_num, card, payments, cents, and the parts of what is declared."""


PLAIN = WeeklyQuery()
"""Of an event type that declares nothing."""


class Engine(Protocol):
    """From files of payments, a midnight (epoch ms), the currency's decimals, what columns hold and what is declared to a row per card."""

    def __call__(
        self,
        payments: Sequence[Path],
        end_ms: int,
        decimals: int = HUNDREDTHS,
        kinds: Kinds = KINDS,
        query: WeeklyQuery = PLAIN,
        /,
    ) -> list[Week]:
        """Run the SQL."""
        ...


BELIEVE_NO_STATISTICS = "SET disabled_optimizers = 'statistics_propagation'"
"""A Parquet file's smallest and largest value leave out NaN, and DuckDB 2.0 concludes from them that there is none: isnan is false."""

PATHS_ARE_NAMES = {"__globPaths__": "false"}
"""Spark's internal option for lists of files: no character of a path is a pattern."""


def by_duckdb(
    payments: Sequence[Path],
    end_ms: int,
    decimals: int = HUNDREDTHS,
    kinds: Kinds = KINDS,
    query: WeeklyQuery = PLAIN,
    /,
) -> list[Week]:
    """Run it in this process."""
    names = _names(query)
    with plain_files(payments, tuple(names), kinds) as plain, _duckdb().cursor() as database:
        history = read_parquet(plain)
        given = [name for name, *_ in database.execute(f"DESCRIBE FROM {history}").fetchall()]
        _require(query, given)
        named = [
            f'"{name}" AS {ours}' if name in given else f"NULL AS {ours}" for name, ours in names.items()
        ]
        database.execute(f"CREATE TEMP VIEW payments AS FROM {history} SELECT {', '.join(named)}")
        columns = _bounds(query, end_ms, decimals)
        asked = ", ".join(f"CAST(? AS {kind}) AS {name}" for name, (kind, _) in columns.items())
        database.execute(
            f"CREATE TEMP TABLE week AS SELECT {asked}", [value for _, value in columns.values()]
        )
        return database.execute(query.text).fetchall()


@cache
def _duckdb() -> "DuckDBPyConnection":
    """Return this process's database in memory, which keeps nothing: to open one takes longer than a query of a small history."""
    import duckdb

    database = duckdb.connect(config={"enable_external_file_cache": False})
    database.execute(BELIEVE_NO_STATISTICS)
    return database


def _names(query: WeeklyQuery) -> dict[str, str]:
    """Return the columns of a history that a query needs, and what the view calls them."""
    return {name: name for name in COLUMNS} | {value.name: value.given_column for value in query.values}


def _require(query: WeeklyQuery, columns: Sequence[str]) -> None:
    """Raise SetupError if a history lacks a variable that is declared an aggregate of."""
    for value in query.values:
        if value.name not in columns:
            raise SetupError(
                f"the history has no column {value.name}, from which a weekly aggregate is computed"
            )


def _bounds(query: WeeklyQuery, end_ms: int, decimals: int) -> dict[str, tuple[str, Any]]:
    """Return the columns of the table `week`: type and value."""
    return {
        "first_ms": ("BIGINT", end_ms - WEEK_MS),
        "oldest_ms": ("BIGINT", end_ms - query.weekly.days * DAY_MS),
        "end_ms": ("BIGINT", end_ms),
        "units": ("BIGINT", units_of(decimals)),
        **{value.default_column: (value.type, value.default) for value in query.values},
    }


def by_spark(master: str) -> Engine:
    """Return an engine on Spark: `local[*]`, or the URL of a cluster that can read the files.

    Raises SetupError without PySpark, BrokerError without a Java.
    """
    with extras_named():
        from pyspark.sql import functions as spark_sql
    find_java("Spark")

    def run(
        payments: Sequence[Path],
        end_ms: int,
        decimals: int = HUNDREDTHS,
        kinds: Kinds = KINDS,
        query: WeeklyQuery = PLAIN,
        /,
    ) -> list[Week]:
        names = _names(query)
        with spark_session(master, "aggregate") as spark:
            session = spark.session
            with plain_files(payments, tuple(names), kinds, copies=master.startswith("local")) as plain:
                paths = [str(path.absolute()) for path in plain]
                history = session.read.options(mergeSchema="true", **PATHS_ARE_NAMES).parquet(*paths)
                _require(query, history.columns)
                columns = [
                    (
                        spark_sql.col(name) if name in history.columns else spark_sql.lit(None).cast("string")
                    ).alias(ours)
                    for name, ours in names.items()
                ]
                history.select(*columns).createOrReplaceTempView("payments")
                week = _bounds(query, end_ms, decimals)
                session.createDataFrame(
                    [tuple(value for _, value in week.values())],
                    ", ".join(f"{name} {kind}" for name, (kind, _) in week.items()),
                ).createOrReplaceTempView("week")
                return [tuple(row) for row in session.sql(query.text).collect()]

    return run
