"""The shape of an event type's file, and in which line of it a key is."""

import re
from datetime import datetime
from typing import Any

import msgspec

from fraudstream.domain.events.event_type import TimeUnit, UnknownFields, VariableType
from fraudstream.domain.tokens import EntityKind

Path = tuple[str | int, ...]
"""Keys from the top of the file; a whole number is the place in a list of tables."""

TABLE = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?")
KEY = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*=""")


class EntityTable(msgspec.Struct, forbid_unknown_fields=True):
    """`[entity]`."""

    field: str
    kind: EntityKind = "card-number"


class TimeTable(msgspec.Struct, forbid_unknown_fields=True):
    """`[time]`."""

    fields: list[str]
    unit: TimeUnit = "s"
    origin: datetime | None = None


class AmountTable(msgspec.Struct, forbid_unknown_fields=True):
    """`[amount]`."""

    field: str
    form: str = "units"
    currency: str | None = None
    currency_field: str | None = None
    currencies: list[str] = []
    max: float | None = None
    refunds: str = "decide"


class LabelTable(msgspec.Struct, forbid_unknown_fields=True):
    """`[label]`."""

    field: str
    fraud: list[str | int | bool] = []


class VariableTable(msgspec.Struct, forbid_unknown_fields=True):
    """A variable in `[variables]`."""

    type: VariableType = "string"
    field: str | None = None
    default: str | int | float | bool | None = None


class RuleTable(msgspec.Struct, forbid_unknown_fields=True):
    """One of `[[rules]]`."""

    name: str
    when: str
    outcome: str


class File(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file; tables are checked one by one, so that a mistake is said with its place."""

    name: str
    amount: Any
    entity: Any = None
    id: str | None = None
    time: Any = None
    label: Any = None
    features: str | list[str] | None = None
    unknown_fields: UnknownFields = "keep"
    variables: dict[str, Any] = {}
    rules: list[Any] = []


def line_of(text: str, path: Path) -> int:
    """Return the line of a key, or of the nearest table around it; 1 if there is none.

    >>> line_of('name = "x"\\n\\n[amount]\\nmax = 3\\n', ("amount", "max"))
    4
    """
    lists: dict[str, int] = {}
    table: Path = ()
    best, depth = 1, 0
    for number, line in enumerate(text.splitlines(), 1):
        header, key = TABLE.match(line), KEY.match(line)
        if header:
            names = tuple(part.strip().strip("\"'") for part in header[2].split("."))
            table = names
            if header[1] == "[[":
                lists[header[2]] = lists.get(header[2], -1) + 1
                table = (*names, lists[header[2]])
            here: Path = table
        elif key:
            here = (*table, next(part for part in key.groups() if part is not None))
        else:
            continue
        if len(here) > depth and here == path[: len(here)]:
            best, depth = number, len(here)
    return best
