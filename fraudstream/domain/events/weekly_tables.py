"""Reads `[weekly]` of an event type's file."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import Variable
from fraudstream.domain.events.event_type_file import UNNAMEABLE, VARIABLE_NAME, Name, Path
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.features.schema import NAMES
from fraudstream.domain.names import did_you_mean
from fraudstream.domain.weekly_aggregates import AMOUNT, DAYS_MAX, Function, Weekly, declared
from fraudstream.domain.windows.cells import Kind

OF_NUMBERS: tuple[Function, ...] = ("sum", "mean", "max")


class WeeklyTable(msgspec.Struct, forbid_unknown_fields=True):
    """One aggregate in `[weekly]`."""

    function: Function
    days: int
    of: Name | None = None


Wrong = Callable[[Path, str], SetupError]
"""Makes the error that names the line of a key."""


def weekly_of(
    raw: Mapping[str, Any],
    has_entity: bool,
    declared_variables: Sequence[Variable],
    taken: Collection[str],
    as_table: Callable[[type[WeeklyTable], Any, Path], WeeklyTable],
    wrong: Wrong,
) -> tuple[Weekly, ...]:
    """Return the declared aggregates; `taken` are names of other features, `as_table` reads a table or raises SetupError."""
    if raw and not has_entity:
        raise wrong(
            ("weekly",), "weekly aggregates are computed per entity: declare [entity], too, or leave this out"
        )
    variables = {variable.name: variable for variable in declared_variables}
    found = []
    for name, given in raw.items():
        path: Path = ("weekly", name)
        if not VARIABLE_NAME.fullmatch(name):
            raise wrong(path, UNNAMEABLE)
        if name in NAMES or name in FEATURES or name in variables or name in taken:
            raise wrong(path, f"there is a column {name} already: use another name")
        table = as_table(WeeklyTable, given, path)
        if not 1 <= table.days <= DAYS_MAX:
            raise wrong((*path, "days"), f"{table.days} is not a number of days from 1 to {DAYS_MAX}")
        kind = _kind(table, path, variables, wrong)
        default = variables[table.of].default if table.of and table.of in variables else None
        found.append(declared(name, table.function, table.days, table.of or "", kind, default))
    return tuple(found)


def _kind(table: WeeklyTable, path: Path, variables: Mapping[str, Variable], wrong: Wrong) -> Kind:
    """Return of what an aggregate is computed; raises what `wrong` makes unless the function can be computed of it."""
    there = [AMOUNT, *variables]
    if table.function == "count":
        if table.of is not None:
            raise wrong((*path, "of"), "count counts events, not values: leave this out")
        return "amount"
    if table.of is None:
        raise wrong(path, f'write what it is computed from, e.g. of = "amount"; there are {", ".join(there)}')
    if table.of == AMOUNT:
        return "amount"
    if table.of not in variables:
        raise wrong(
            (*path, "of"),
            f"there is no variable {table.of}{did_you_mean(table.of, there)}; there are {', '.join(there)}",
        )
    kind = variables[table.of].type
    if kind == "string" and table.function in OF_NUMBERS:
        raise wrong(
            (*path, "function"), f"{table.function} needs numbers, and {table.of} is text: use distinct"
        )
    return kind
