"""The archive's files and columns in SQL for DuckDB; needs no other library than what runs the SQL."""

from collections.abc import Sequence
from pathlib import Path

from fraudstream.adapters.files import literal


def read_parquet(paths: Sequence[Path]) -> str:
    """Return files as a table of SQL; what is in only some of them is null in the others.

    The folder `date=…` that a file lies in is no column: a variable may have that name.
    """
    named = ", ".join("'" + literal(path).replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{named}], union_by_name = true, hive_partitioning = false)"


def quoted(name: str) -> str:
    """Return a column's name for SQL.

    >>> quoted('zip"code')
    '"zip""code"'
    """
    return '"' + name.replace('"', '""') + '"'
