"""The process in which a query runs: it reads the files that it is given, and nothing else.

    python -m fraudstream.console.query.child < request.json > answer.json

It can be killed at any moment; it writes nothing.
"""

import json
import resource
import sys
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from fraudstream.adapters.archive.sql import read_parquet
from fraudstream.console.query.checking import TABLES, QueryRefused, check

MEMORY = "600MB"
ADDRESS_SPACE_BYTES = 6 << 30
"""A backstop: DuckDB's own limit does not count everything, and reserves more than it uses."""
FETCHED = 500
"""Rows that are taken at a time."""

OPENED = ("decisions", "labels", "since_ms", "until_ms", "zone")
"""What of a request says what there is to ask."""

NO_LABELS = """SELECT NULL::VARCHAR AS transaction_id, NULL::BOOLEAN AS is_fraud, NULL::VARCHAR AS scenario, NULL::BIGINT AS known_at,
NULL::VARCHAR AS label_source, NULL::VARCHAR AS note, NULL::BIGINT AS label_offset WHERE false"""

NEWEST_LABELS = """SELECT transaction_id, unnest(newest) FROM (
  SELECT transaction_id, arg_max({is_fraud: is_fraud, known_at: known_at, label_source: label_source}, (known_at, label_offset)) AS newest
  FROM labels GROUP BY transaction_id)"""
"""The label that counts of each payment; a join with it is what costs time, so payments come without."""


def answered(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a request: `columns` with types and `rows`, or `error`; without `sql`, the columns of the tables."""
    try:
        database = opened(**{name: request[name] for name in OPENED})
        if request["sql"] is None:
            described = {name: database.execute(f"DESCRIBE {name}").fetchall() for name in TABLES}
            return {"tables": {name: _columns(columns) for name, columns in described.items()}}
        check(database, request["sql"])
        return _rows(database.execute(request["sql"]), request["rows_max"], request["bytes_max"])
    except QueryRefused as error:
        return {"error": str(error)}
    except duckdb.OutOfMemoryException:
        return {"error": f"the query needs more than {MEMORY} of memory: select less, or aggregate it"}
    except duckdb.Error as error:
        return {"error": str(error).partition("\n\nLINE")[0]}


def opened(
    decisions: list[str], labels: list[str], since_ms: int, until_ms: int, zone: str
) -> duckdb.DuckDBPyConnection:
    """Return a database with the tables `payments` and `labels`, in which nothing else can be opened, and no setting changed.

    Payments are those from `since_ms` on and before `until_ms`. Moments (TIMESTAMPTZ) become days, hours and text by clocks of `zone`;
    raises QueryRefused if DuckDB does not know it.
    """
    database = duckdb.connect(
        config={
            "memory_limit": MEMORY,
            "threads": 2,
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
        }
    )
    try:
        database.execute(f"SET TimeZone = {texts([zone])[1:-1]}")
    except duckdb.Error:
        raise QueryRefused(f"queries do not know the time zone {zone}: choose another one") from None
    found = read_parquet([Path(path) for path in labels]) if labels else f"({NO_LABELS})"
    database.execute(f"CREATE VIEW labels AS SELECT * FROM {found}")  # noqa: S608 - our own paths, quoted
    paid = read_parquet([Path(path) for path in decisions])
    of_days = f"event_time >= {since_ms:d} AND event_time < {until_ms:d}"
    database.execute(f"CREATE VIEW payments AS SELECT * FROM {paid} WHERE {of_days}")  # noqa: S608
    database.execute(f"CREATE VIEW newest_labels AS {NEWEST_LABELS}")
    database.execute(f"SET allowed_paths = {texts([*decisions, *labels])}")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    return database


def texts(values: list[str]) -> str:
    """Return a list of texts for SQL.

    >>> texts(["a", "it's"])
    "['a', 'it''s']"
    """
    return "[" + ", ".join("'" + value.replace("'", "''") + "'" for value in values) + "]"


def _rows(found: duckdb.DuckDBPyConnection, rows_max: int, bytes_max: int) -> dict[str, Any]:
    """Return rows until there are no more, or enough."""
    columns = _columns([(name, str(kind)) for name, kind, *_ in found.description or ()])
    rows: list[list[Any]] = []
    size, cut = 0, False
    while batch := found.fetchmany(FETCHED):
        plain = [[_plain(value) for value in row] for row in batch]
        size += len(json.dumps(plain))
        cut = len(rows) + len(plain) > rows_max or size > bytes_max
        if cut:
            rows += [] if size > bytes_max else plain[: rows_max - len(rows)]
            break
        rows += plain
    return {"columns": columns, "rows": rows, "cut": cut}


def _columns(described: list[Any]) -> list[tuple[str, str]]:
    """Return names and types; a name that is there twice gets a number."""
    named: dict[str, str] = {}
    for name, kind, *_ in described:
        unique, number = name, 1
        while unique in named:
            number += 1
            unique = f"{name}_{number}"
        named[unique] = str(kind)
    return list(named.items())


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; what JSON has not is text."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else str(value)
    if isinstance(value, int):
        return value if abs(value) < 1 << 63 else str(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds()} s"
    return value.hex() if isinstance(value, (bytes, bytearray)) else str(value)


def main() -> None:
    """Answer the request on standard input."""
    for kind, most in (
        (resource.RLIMIT_AS, ADDRESS_SPACE_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        if hard == resource.RLIM_INFINITY or hard > most:  # a lower one cannot be raised
            resource.setrlimit(kind, (most, most))
    sys.setrecursionlimit(10_000)
    request = json.load(sys.stdin)
    try:
        answer = answered(request)
    except (MemoryError, RecursionError):
        answer = {"error": "the query needs more memory than there is for one"}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
