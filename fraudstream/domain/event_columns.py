"""What is known and decided of some events, as columns: few events as Python's lists, many as a Polars frame.

Polars is made for millions of rows: a frame of one costs a millisecond before anything is computed. Both hold the same
columns of the same types, and `frame` makes the one of the other.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.features.schema import Column, Type

Values = Sequence[Any] | npt.NDArray[Any] | pl.Series

FEW_EVENTS = 128
"""Up to so many events lists are faster than frames."""


class Known(NamedTuple):
    """A column and its values."""

    column: Column
    values: Values
    nan_is_null: bool = False
    """Whether a NaN of an array says that there is no number."""

    def at(self, rows: npt.NDArray[np.int64] | None) -> "Known":
        """Return the column of some rows; of all for None."""
        if rows is None:
            return self
        values = self.values
        if isinstance(values, np.ndarray):
            return self._replace(values=values[rows])
        if isinstance(values, pl.Series):
            return self._replace(values=values.gather(rows))
        return self._replace(values=[values[row] for row in rows.tolist()])

    def series(self) -> pl.Series:
        """Return the column for a frame."""
        series = self.column.series(self.values)
        return series.fill_nan(None) if self.nan_is_null else series

    def listed(self) -> list[Any]:
        """Return the values as a list."""
        values = self.values.tolist() if isinstance(self.values, np.ndarray) else list(self.values)
        return [None if value != value else value for value in values] if self.nan_is_null else values


class EventColumns(Protocol):
    """The columns of some events."""

    def add(self, *known: Known) -> None:
        """Add columns."""

    def values(self, column: Column) -> list[Any]:
        """Return the values of a column."""
        ...

    def has(self, column: Column) -> bool:
        """Tell whether there is such a column."""
        ...

    def frame(self) -> pl.DataFrame:
        """Return all columns."""
        ...


class ManyEvents(EventColumns):
    """Events in a Polars frame."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    @classmethod
    def of(cls, known: Iterable[Known]) -> "ManyEvents":
        """Return a frame of these columns."""
        return cls(pl.DataFrame([each.series() for each in known]))

    def add(self, *known: Known) -> None:
        """Add columns."""
        self._frame = self._frame.hstack([each.series() for each in known])

    def values(self, column: Column) -> list[Any]:
        """Return the values of a column."""
        return self._frame[column.name].to_list()

    def has(self, column: Column) -> bool:
        """Tell whether there is such a column."""
        return column.name in self._frame.columns

    def frame(self) -> pl.DataFrame:
        """Return all columns."""
        return self._frame


class FewEvents(EventColumns):
    """Events in lists, one a column."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.columns: dict[str, list[Any]] = {}
        self._types: dict[str, Type] = {}

    @classmethod
    def of(cls, rows: int, known: Iterable[Known]) -> "FewEvents":
        """Return lists of these columns."""
        few = cls(rows)
        few.add(*known)
        return few

    def add(self, *known: Known) -> None:
        """Add columns."""
        for each in known:
            self.columns[each.column.name] = each.listed()
            self._types[each.column.name] = each.column.dtype

    def values(self, column: Column) -> list[Any]:
        """Return the values of a column."""
        return self.columns[column.name]

    def has(self, column: Column) -> bool:
        """Tell whether there is such a column."""
        return column.name in self.columns

    def numbers(self, name: str) -> npt.NDArray[Any]:
        """Return a column of numbers as a frame would as an array: of floats if one is missing."""
        values, dtype = self.columns[name], self._types[name]
        if None in values:
            return np.array([np.nan if value is None else value for value in values], np.float64)
        return np.array(values, NUMPY_TYPES[dtype])

    def row(self, position: int, names: Iterable[str]) -> dict[str, Any]:
        """Return some values of an event by name."""
        return {name: self.columns[name][position] for name in names}

    def frame(self) -> pl.DataFrame:
        """Return all columns."""
        return pl.DataFrame(
            [pl.Series(name, values, self._types[name]) for name, values in self.columns.items()]
        )


NUMPY_TYPES: Mapping[Type, type[np.generic]] = {
    pl.Int32: np.int32,
    pl.Int64: np.int64,
    pl.Float64: np.float64,
    pl.Boolean: np.int8,
}
