"""Reads `[reversal]` of an event type's file."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import msgspec

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import Variable
from fraudstream.domain.events.event_type_file import File, Name, Path
from fraudstream.domain.events.reversals import Reversal
from fraudstream.domain.names import did_you_mean
from fraudstream.domain.windows.entries import WINDOW_MS
from fraudstream.domain.windows.velocity import Velocity, declared

REVERSAL_KNOWN = "reversal_known"
"""The feature that says of a reversal whether the event it takes back is known."""

Wrong = Callable[[Path, str], SetupError]
"""Makes the error that names the line of a key."""


class ReversalTable(msgspec.Struct, forbid_unknown_fields=True):
    """`[reversal]`."""

    of: Name
    variable: Name | None = None
    values: list[str | int | bool] = []


class Declared(NamedTuple):
    """What a file says of reversals, and the feature that comes with it."""

    reversal: Reversal
    feature: Velocity


def reversal_of(
    table: ReversalTable,
    file: File,
    refunds: str,
    variables: Sequence[Variable],
    velocities: Sequence[Velocity],
    taken: Collection[str],
    wrong: Wrong,
) -> Declared:
    """Return what is declared; raises SetupError for what does not fit together. `taken` are names of other columns."""
    if file.entity is None or file.id is None:
        lacking = "[entity]" if file.entity is None else "id"
        raise wrong(
            ("reversal",),
            f"this is about another event of the same entity, by its id: declare {lacking}, too",
        )
    if refunds != "decide":
        raise wrong(
            ("reversal",), 'reversals are refunds: write refunds = "decide" in [amount], or leave this out'
        )
    if REVERSAL_KNOWN in taken:
        raise wrong(
            ("reversal",),
            f"this adds a feature {REVERSAL_KNOWN}, and there is a column of that name already: rename that",
        )
    by_name = {variable.name: variable for variable in variables}
    _check(table.of, ("reversal", "of"), by_name, wrong)
    if by_name[table.of].default is not None:
        raise wrong(
            ("variables", table.of, "default"), "this names the event that is taken back: leave it out"
        )
    values = tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in table.values)
    if table.variable is not None:
        _check(table.variable, ("reversal", "variable"), by_name, wrong)
        if by_name[table.variable].type == "boolean" and not values:
            values = ("true",)
    if bool(values) != (table.variable is not None):
        raise wrong(
            ("reversal", "values" if values else "variable"),
            'variable and values belong together, e.g. variable = "kind" and values = ["reversal"]',
        )
    window_ms = max([WINDOW_MS, *(each.window_ms for each in velocities)])
    places = {variable.name: place for place, variable in enumerate(variables)}
    return Declared(
        Reversal(table.of, places, table.variable, values),
        declared(REVERSAL_KNOWN, "reversal", window_ms, table.of, "reversal"),
    )


def _check(name: str, path: Path, variables: dict[str, Variable], wrong: Wrong) -> None:
    """Raise what `wrong` makes unless this names a variable that can tell."""
    if name not in variables:
        known = ", ".join(variables) or "none"
        raise wrong(path, f"there is no variable {name}{did_you_mean(name, variables)}; there are {known}")
    if variables[name].type in ("float", "timestamp"):
        raise wrong(
            path, f"{name} is a {variables[name].type}: only strings, integers and booleans are compared"
        )
