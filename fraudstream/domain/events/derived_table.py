"""Reads `[derived]` of an event type's file."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

import polars as pl
from polars.exceptions import PolarsError

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import Variable
from fraudstream.domain.events.event_type_file import UNNAMEABLE, VARIABLE_NAME, Path
from fraudstream.domain.expressions import as_numbers, check_columns, parsed
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.features.derived import Derived, DerivedFeatures
from fraudstream.domain.features.schema import NAMES, Type, inputs

NUMBERS = (None, 0, 1, -5.5, 1e308, -1e308, 1e-308)
TEXTS = (None, "", "a", "12", "-1.5", "a b", "ä" * 300)
"""Values that expressions are tried on: what they cannot be computed of must show here, and not in a stream."""


class DerivedTable:
    """Reads the features; `wrong` makes the error that names the line of a key, `said` says of every error within the line."""

    def __init__(
        self,
        wrong: Callable[[Path, str], SetupError],
        said: Callable[[Path], AbstractContextManager[None]],
    ) -> None:
        self._wrong = wrong
        self._said = said

    def read(
        self,
        table: Mapping[str, object],
        has_entity: bool,
        variables: Sequence[Variable],
        own: Mapping[str, Type],
    ) -> tuple[Derived, ...]:
        """Return the declared features; `own` are the event type's other ones."""
        known = (*inputs(has_entity), *(each.column for each in FEATURES.values() if has_entity))
        columns = {column.name: column.dtype for column in known}
        columns |= {variable.name: variable.dtype for variable in variables} | dict(own)
        declared: list[Derived] = []
        for name, sql in table.items():
            path: Path = ("derived", name)
            self._check_name(name, columns, path)
            if not isinstance(sql, str) or not sql.strip():
                raise self._wrong(path, f'write SQL in quotes, e.g. {name} = "amount / 2"')
            before = {each.name: pl.Float64 for each in declared}
            later = {other: text for other, text in table.items() if other not in before}
            feature = Derived(name, sql)
            with self._said(path):
                self._check(feature, {**columns, **before}, later)
                _try([*declared, feature], columns)
            declared.append(feature)
        return tuple(declared)

    def _check_name(self, name: str, columns: Mapping[str, Type], path: Path) -> None:
        if not VARIABLE_NAME.fullmatch(name):
            raise self._wrong(path, UNNAMEABLE)
        if name in NAMES or name in FEATURES or name in columns:
            raise self._wrong(path, f"there is a column {name} already: use another name")

    def _check(self, feature: Derived, known: Mapping[str, Type], later: Mapping[str, object]) -> None:
        """Raise SetupError unless the SQL is an expression over known columns; `later` are declared with or below it."""
        expression = parsed(feature.sql)
        for name in expression.meta.root_names():
            if name == feature.name:
                raise SetupError("is computed from itself: use other columns")
            if name in later:
                if feature.name in _roots(later, name):
                    raise SetupError(
                        f"and {name} are computed from each other: write one of them without the other"
                    )
                raise SetupError(f"uses {name}, which is declared below it: move {name} above it")
        if not check_columns(expression, known):
            raise SetupError("is the same for every event: use a column")


def _roots(table: Mapping[str, object], name: str) -> set[str]:
    """Return all columns that a feature is computed of, through others."""
    found: set[str] = set()
    left = [name]
    while left:
        sql = table.get(left.pop())
        new = set(parsed(sql).meta.root_names()) - found if isinstance(sql, str) else set()
        found |= new
        left += new
    return found


def _try(declared: list[Derived], columns: Mapping[str, Type]) -> None:
    """Raise SetupError unless the last feature is a number of every event."""
    tried = pl.DataFrame(
        [
            pl.Series(name, TEXTS if dtype == pl.String else NUMBERS, strict=False).cast(dtype, strict=False)
            for name, dtype in columns.items()
        ]
    )
    try:
        made = DerivedFeatures(declared).added_to(tried)
        numbers, constants = as_numbers(parsed(declared[-1].sql))
        dtype = (
            made.with_columns(pl.lit(value).alias(name) for name, value in constants.items())
            .select(numbers)
            .dtypes[0]
        )
    except PolarsError as error:
        raise SetupError(f"cannot be computed: {str(error).partition(chr(10))[0]}") from error
    if not (dtype.is_numeric() or dtype == pl.Boolean):
        raise SetupError(
            f"is not a number: compare it, e.g. {declared[-1].sql} = 'a', or use CASE WHEN ... THEN 1 ELSE 0 END"
        )
