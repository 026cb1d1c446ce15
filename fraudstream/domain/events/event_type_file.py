"""The shape of an event type's file, and in which line of it a key is."""

import re
import tomllib
from collections import Counter
from datetime import datetime
from typing import Annotated, Any

import msgspec

from fraudstream.domain.events.amounts import Form, Refunds
from fraudstream.domain.events.event_type import TimeUnit, UnknownFields, VariableType
from fraudstream.domain.rules import Mode
from fraudstream.domain.tokens import EntityKind

Path = tuple[str | int, ...]
"""Keys from the top of the file; a whole number is the place in a list of tables."""

PART = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
KEYS = rf"{PART}(?:[ \t]*\.[ \t]*{PART})*"
TABLE = re.compile(rf"[ \t]*(\[\[?)[ \t]*({KEYS})[ \t]*\]")
KEY = re.compile(rf"[ \t]*({KEYS})[ \t]*=")

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What SQL takes as a name without quotes."""
UNNAMEABLE = "rules could not name it: use letters, digits and '_'"

Name = Annotated[str, msgspec.Meta(min_length=1)]


class EntityTable(msgspec.Struct, forbid_unknown_fields=True):
    """`[entity]`."""

    field: Name
    kind: EntityKind = "card-number"


class TimeTable(msgspec.Struct, forbid_unknown_fields=True):
    """`[time]`."""

    fields: list[Name]
    unit: TimeUnit = "s"
    origin: datetime | None = None


class AmountTable(msgspec.Struct, forbid_unknown_fields=True):
    """`[amount]`."""

    field: Name
    form: Form = "units"
    currency: str | None = None
    currency_field: Name | None = None
    currencies: list[str] = []
    max: float | None = None
    refunds: Refunds = "decide"


class LabelTable(msgspec.Struct, forbid_unknown_fields=True):
    """`[label]`."""

    field: Name
    fraud: list[str | int | bool] = []


class VariableTable(msgspec.Struct, forbid_unknown_fields=True):
    """A variable in `[variables]`."""

    type: VariableType = "string"
    field: Name | None = None
    default: Any = None


class File(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file; tables are checked one by one, so that a mistake is said with its place."""

    name: str
    amount: Any
    entity: Any = None
    id: Name | None = None
    time: Any = None
    label: Any = None
    format: Any = None
    envelope: Any = None
    features: str | list[str] | None = None
    unknown_fields: UnknownFields = "keep"
    variables: dict[str, Any] = {}
    velocity: dict[str, Any] = {}
    weekly: dict[str, Any] = {}
    derived: dict[str, Any] = {}
    treatments: dict[str, Any] = {}
    reversal: Any = None
    rules_mode: Mode = "strictest"
    rules: list[Any] = []


def line_of(text: str, path: Path) -> int:
    """Return the line of a key, or of the nearest table around it; 1 if there is none.

    >>> line_of('name = "x"\\n\\n[amount]\\nmax = 3\\n', ("amount", "max"))
    4
    """
    lists: Counter[Path] = Counter()
    table: Path = ()
    best, depth = 1, 0
    for number, line in enumerate(text.splitlines(), 1):
        header, key = TABLE.match(line), KEY.match(line)
        if header:
            here = table = _parts(header[2])
            if header[1] == "[[":
                table = (*here, lists[here])
                lists[here] += 1
                here = table
        elif key:
            here = (*table, *_parts(key[1]))
        else:
            continue
        if len(here) > depth and here == path[: len(here)]:
            best, depth = number, len(here)
    return best


def _parts(key: str) -> Path:
    """Return the names in a key as TOML writes it.

    >>> _parts('variables."my field".type')
    ('variables', 'my field', 'type')
    """
    parts: list[str] = []
    inner: Any = tomllib.loads(f"{key} = 0")
    while isinstance(inner, dict):
        ((part, inner),) = inner.items()
        parts.append(part)
    return tuple(parts)
