"""Reads `[velocity]` of an event type's file."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import Variable
from fraudstream.domain.events.event_type_file import UNNAMEABLE, VARIABLE_NAME, Name, Path
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.features.schema import NAMES
from fraudstream.domain.names import did_you_mean
from fraudstream.domain.windows.cells import Kind
from fraudstream.domain.windows.entries import BUCKET_MS_MAX
from fraudstream.domain.windows.velocity import (
    FUNCTIONS,
    MINUTE_MS,
    OF_NOTHING,
    OF_NUMBERS,
    Function,
    Velocity,
    declared,
)

AMOUNT = "amount"
LENGTH = re.compile(r"([0-9]{1,6})(m|h)")
LENGTHS_MS = {"m": MINUTE_MS, "h": 60 * MINUTE_MS}


class VelocityTable(msgspec.Struct, forbid_unknown_fields=True):
    """One feature in `[velocity]`."""

    function: str
    window: str
    of: Name | None = None


class Velocities:
    """Reads the features; `as_table` reads a table of the file, `wrong` makes the error that names the line of a key."""

    def __init__(
        self,
        as_table: Callable[[type[VelocityTable], Any, Path], VelocityTable],
        wrong: Callable[[Path, str], SetupError],
    ) -> None:
        self._as_table = as_table
        self._wrong = wrong

    def read(
        self, tables: Mapping[str, Any], has_entity: bool, variables: Sequence[Variable]
    ) -> tuple[Velocity, ...]:
        """Return the declared features."""
        if tables and not has_entity:
            raise self._wrong(
                ("velocity",),
                "velocity features are computed per entity: declare [entity], too, or leave this out",
            )
        by_name = {variable.name: variable for variable in variables}
        return tuple(self._velocity(name, raw, by_name) for name, raw in tables.items())

    def _velocity(self, name: str, raw: Any, variables: Mapping[str, Variable]) -> Velocity:
        path: Path = ("velocity", name)
        if not VARIABLE_NAME.fullmatch(name):
            raise self._wrong(path, UNNAMEABLE)
        if name in NAMES or name in FEATURES or name in variables:
            raise self._wrong(path, f"there is a column {name} already: use another name")
        table = self._as_table(VelocityTable, raw, path)
        if table.function not in FUNCTIONS:
            raise self._wrong(
                (*path, "function"),
                f"there is no function {table.function}{did_you_mean(table.function, FUNCTIONS)}; there are "
                f"{', '.join(FUNCTIONS)}",
            )
        function: Function = next(each for each in FUNCTIONS if each == table.function)
        kind = self._kind(function, table.of, path, variables)
        return declared(name, function, self._window_ms(table.window, path), table.of or "", kind)

    def _kind(
        self, function: Function, of: str | None, path: Path, variables: Mapping[str, Variable]
    ) -> Kind:
        """Return of what a feature is computed; raises SetupError if the function cannot be computed of it."""
        known = [AMOUNT, *variables]
        if function in OF_NOTHING:
            if of is not None:
                raise self._wrong((*path, "of"), f"{function} counts events, not values: leave this out")
            return "amount"
        if of is None:
            raise self._wrong(
                path, f'write what it is computed from, e.g. of = "amount"; there are {", ".join(known)}'
            )
        if of == AMOUNT:
            return "amount"
        if of not in variables:
            raise self._wrong(
                (*path, "of"),
                f"there is no variable {of}{did_you_mean(of, known)}; there are {', '.join(known)}",
            )
        kind = variables[of].type
        if kind == "string" and function in OF_NUMBERS:
            raise self._wrong(
                (*path, "function"), f"{function} needs numbers, and {of} is text: use distinct or same_share"
            )
        return kind

    def _window_ms(self, text: str, path: Path) -> int:
        """Return a window's length."""
        match = LENGTH.fullmatch(text)
        length_ms = int(match[1]) * LENGTHS_MS[match[2]] if match else 0
        if not MINUTE_MS <= length_ms <= BUCKET_MS_MAX:
            raise self._wrong(
                (*path, "window"),
                f'{text!r} is no window: write minutes or hours, from "1m" to "{BUCKET_MS_MAX // LENGTHS_MS["h"]}h"',
            )
        return length_ms
