"""What a query may be: one SELECT of our tables, as DuckDB itself has parsed it.

Another parser than the one that runs the query could be made to see something else. DuckDB serializes what it has parsed as JSON, SELECTs
only, and that is walked here.
"""

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TABLES = ("payments", "labels", "newest_labels")
TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
"""All others read files, ask the network, or tell about the process."""

REFUSED_FUNCTIONS = frozenset(
    {"current_setting", "getenv", "getvariable", "nextval", "currval", "write_log", "sleep_ms"}
)
"""Functions of a value that tell about the process, change something, or only wait."""

REFERENCES = frozenset(
    {
        "BASE_TABLE",
        "SUBQUERY",
        "JOIN",
        "TABLE_FUNCTION",
        "EXPRESSION_LIST",
        "EMPTY",
        "EMPTY_FROM",
        "PIVOT",
        "CTE",
    }
)
"""What may stand behind FROM; not SHOW_REF, which describes what is there."""

PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LENGTH_MAX = 20_000
DEPTH_MAX = 300
ONE_SELECT = "write one SELECT; nothing else can be run here"


class QueryRefused(Exception):
    """A query that is not run; the sentence says why."""


def check(database: "DuckDBPyConnection", sql: str) -> None:
    """Raise QueryRefused unless a text is one SELECT of the tables that there are."""
    if len(sql) > LENGTH_MAX:
        raise QueryRefused(f"a query may have {LENGTH_MAX:,} characters")
    ((text,),) = database.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    parsed = json.loads(text)
    if parsed["error"]:
        wrong = str(parsed.get("error_message", ""))
        raise QueryRefused(ONE_SELECT if "Only SELECT" in wrong else wrong)
    if len(parsed["statements"]) != 1:
        raise QueryRefused(ONE_SELECT)
    nodes = list(_nodes(parsed["statements"], 0))
    named = {entry["key"] for node in nodes for entry in _map(node)}
    if strange := sorted(name for name in named if not PLAIN_NAME.fullmatch(name)):
        raise QueryRefused(f"call it something of letters, digits and _: {strange[0]!r}")
    for node in nodes:
        _check_node(node, {*TABLES} | {name.lower() for name in named})


def _check_node(node: dict[str, Any], tables: set[str]) -> None:
    if "table_name" in node and node.get("type") == "BASE_TABLE":
        name = str(node["table_name"])
        if name.lower() not in tables or node.get("schema_name") or node.get("catalog_name"):
            raise QueryRefused(f"there is no table {name!r} here; there are {', '.join(TABLES)}")
    if node.get("type") == "TABLE_FUNCTION":
        name = str(node["function"].get("function_name", "")).lower()
        if name not in TABLE_FUNCTIONS:
            raise QueryRefused(
                f"{name} cannot be used here: a query reads payments and labels, no files and no settings"
            )
    if "function_name" in node and str(node["function_name"]).lower() in REFUSED_FUNCTIONS:
        raise QueryRefused(f"{node['function_name']} cannot be used here")
    if "sample" in node and "alias" in node and node.get("type") not in REFERENCES:
        raise QueryRefused(ONE_SELECT)


def _nodes(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > DEPTH_MAX:
        raise QueryRefused("the query is nested too deeply")
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _nodes(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _nodes(each, depth + 1)


def _map(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the named queries of a node (WITH)."""
    found = node.get("cte_map")
    return found["map"] if isinstance(found, dict) else []
