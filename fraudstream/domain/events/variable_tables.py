"""Reads `[variables]` of an event type's file."""

import re
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import Variable, VariableType
from fraudstream.domain.events.event_type_file import UNNAMEABLE, VARIABLE_NAME, Path, VariableTable
from fraudstream.domain.events.fields import INT64
from fraudstream.domain.events.mistakes import default_of
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.features.schema import NAMES

DEFAULTS: Mapping[VariableType, Any] = {
    "string": str,
    "integer": INT64,
    "float": Annotated[float, msgspec.Meta(ge=-sys.float_info.max, le=sys.float_info.max)],
    "boolean": bool,
    "timestamp": INT64,
}
"""What a variable's default may be."""


class Variables:
    """Reads the variables; `as_table` reads a table of the file, `wrong` makes the error that names the line of a key."""

    def __init__(
        self,
        as_table: Callable[[type[VariableTable], Any, Path], VariableTable],
        wrong: Callable[[Path, str], SetupError],
    ) -> None:
        self._as_table = as_table
        self._wrong = wrong

    def read(self, tables: Mapping[str, Any]) -> tuple[Variable, ...]:
        """Return the variables, strings first."""
        found = [self._variable(name, raw) for name, raw in tables.items()]
        return tuple(sorted(found, key=lambda variable: variable.type != "string"))

    def _variable(self, name: str, raw: Any) -> Variable:
        path: Path = ("variables", name)
        if not isinstance(raw, str | dict):
            raise self._wrong(
                path, f'write a type, e.g. {name} = "integer", or a table as {{ type = "integer" }}'
            )
        declared = self._as_table(VariableTable, {"type": raw} if isinstance(raw, str) else raw, path)
        if not VARIABLE_NAME.fullmatch(name):
            raise self._wrong(
                path,
                f"{UNNAMEABLE}, and say where it is in a record, e.g. "
                f'{re.sub(r"[^A-Za-z0-9_]", "_", name)} = {{ field = "{name}" }}',
            )
        if name in NAMES or name in FEATURES:
            raise self._wrong(
                path,
                f'a decision has a column {name} of its own: use another name, e.g. own_{name} = {{ field = "{declared.field or name}" }}',
            )
        try:
            default = msgspec.convert(declared.default, DEFAULTS[declared.type] | None)
        except msgspec.ValidationError:
            raise self._wrong((*path, "default"), default_of(declared.type, declared.default)) from None
        return Variable(name, declared.type, declared.field or name, default)
