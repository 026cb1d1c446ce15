"""Reads `[velocity]` of an event type's file."""

import re
from collections.abc import Callable, Mapping

import msgspec

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import Variable
from fraudstream.domain.events.event_type_file import Name, Path
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


def velocity_of(
    name: str,
    table: VelocityTable,
    path: Path,
    variables: Mapping[str, Variable],
    wrong: Callable[[Path, str], SetupError],
) -> Velocity:
    """Return a declared feature; `wrong` makes the error that names the line of a key."""
    if table.function not in FUNCTIONS:
        raise wrong(
            (*path, "function"),
            f"there is no function {table.function!r}{did_you_mean(table.function, FUNCTIONS)}; there are "
            f"{', '.join(FUNCTIONS)}",
        )
    function: Function = next(each for each in FUNCTIONS if each == table.function)
    kind = _kind(function, table.of, path, variables, wrong)
    return declared(name, function, _window_ms(table.window, path, wrong), table.of or "", kind)


def _kind(
    function: Function,
    of: str | None,
    path: Path,
    variables: Mapping[str, Variable],
    wrong: Callable[[Path, str], SetupError],
) -> Kind:
    """Return of what a feature is computed; raises what `wrong` makes unless the function can be computed of it."""
    known = ", ".join([AMOUNT, *variables])
    if function in OF_NOTHING:
        if of is not None:
            raise wrong((*path, "of"), f"{function} is of events, not of a value: leave this out")
        return "amount"
    if of is None:
        raise wrong(path, f'say of what, e.g. of = "amount"; there are {known}')
    if of == AMOUNT:
        return "amount"
    if of not in variables:
        raise wrong(
            (*path, "of"),
            f"there is no variable {of}{did_you_mean(of, [AMOUNT, *variables])}; there are {known}",
        )
    kind = variables[of].type
    if kind == "string" and function in OF_NUMBERS:
        raise wrong(
            (*path, "function"), f"{function} is of numbers, and {of} is text: use distinct or same_share"
        )
    return kind


def _window_ms(text: str, path: Path, wrong: Callable[[Path, str], SetupError]) -> int:
    """Return a window's length."""
    match = LENGTH.fullmatch(text)
    length_ms = int(match[1]) * LENGTHS_MS[match[2]] if match else 0
    if not MINUTE_MS <= length_ms <= BUCKET_MS_MAX:
        raise wrong(
            (*path, "window"),
            f'{text!r} is no window: write minutes or hours, from "1m" to "{BUCKET_MS_MAX // LENGTHS_MS["h"]}h"',
        )
    return length_ms
