"""Inputs of a model that are made of an event's variables: which, and the tables that were made for them at training.

They belong to a model version, so that a worker makes of each value the number that the model has learnt with.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.event_columns import Known
from fraudstream.domain.features.phrases import Row
from fraudstream.domain.features.schema import Column
from fraudstream.domain.features.treatments import (
    BY_VALUE,
    DESCRIBED,
    OF_TEXTS,
    OF_TIMES,
    OF_TYPES,
    TREATMENTS,
    Treatment,
    label_of,
    name_of,
    shown,
    text_of,
)

Floats: TypeAlias = npt.NDArray[np.float64]
Given = Callable[[str], "Sequence[Any] | pl.Series"]
"""Gives the values of a variable by name: a list of few events, a series of many."""

EACH_ROW_MAX = 4096
"""Up to so many values of a series one after the other is faster than each different one once."""


@dataclass(frozen=True, slots=True)
class VariableInput:
    """One input: a variable, how it is treated, and what each of its values is."""

    variable: str
    """`event_time` for the event's own time."""
    treatment: Treatment
    table: Mapping[str, float] = field(default_factory=dict)
    """What values are, where the treatment looks them up."""
    otherwise: float | None = None
    """What a value is that the table does not have; None: missing."""

    @property
    def name(self) -> str:
        """What it is called among a model's features."""
        return name_of(self.variable, self.treatment)

    @property
    def column(self) -> Column:
        """Where its numbers are."""
        return Column(self.name, pl.Float64, "catalogue")

    def of(self, value: Any) -> float | None:
        """Return the number of one value; None: it is missing."""
        if value is None:
            return None
        if self.treatment in OF_TIMES:
            return float(OF_TIMES[self.treatment](value))
        text = text_of(value)
        if self.treatment in OF_TEXTS:
            return OF_TEXTS[self.treatment](text)
        return self.table.get(text, self.otherwise)

    def numbers(self, values: Sequence[Any] | pl.Series) -> Floats:
        """Return the numbers of many values; NaN where one is missing."""
        if not isinstance(values, pl.Series):
            return np.array([self.of(value) for value in values], np.float64)
        if values.null_count() == len(values):
            return np.full(len(values), np.nan)
        if len(values) <= EACH_ROW_MAX:
            return np.array([self.of(value) for value in values.to_list()], np.float64)
        if self.treatment in OF_TIMES:
            parts = OF_TIMES[self.treatment](values.fill_null(0).to_numpy())
            return np.where(values.is_null().to_numpy(), np.nan, parts)
        different = values.drop_nulls().unique()
        numbers = pl.Series([self.of(value) for value in different.to_list()], dtype=pl.Float64)
        return values.replace_strict(different, numbers, default=None, return_dtype=pl.Float64).to_numpy()

    def reason(self, row: Row) -> str:
        """Say what an analyst is told if it has pushed a score up; `row` has the variable and the number."""
        label, value, number = label_of(self.variable).lower(), row[self.variable], row[self.name]
        if value is None:
            return f"{label} is missing"
        if self.treatment in BY_VALUE and text_of(value) not in self.table:
            return f"{label} is {shown(value)}, which is not among the values learnt from"
        if number is None or number != number:
            return f"{label} is empty"
        return DESCRIBED[self.treatment].reason(label, shown(value), number)


@dataclass(frozen=True, slots=True)
class VariableInputs:
    """All inputs of a model that are made of variables, in the model's order."""

    each: tuple[VariableInput, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What they are called among the model's features."""
        return tuple(one.name for one in self.each)

    @property
    def variables(self) -> tuple[str, ...]:
        """What they are made of."""
        return tuple(dict.fromkeys(one.variable for one in self.each))

    @property
    def categories(self) -> frozenset[str]:
        """Those whose numbers stand for categories, and have no order."""
        return frozenset(one.name for one in self.each if one.treatment == "category")

    def known(self, given: Given) -> list[Known]:
        """Return the columns of events whose variables are given."""
        return [Known(one.column, one.numbers(given(one.variable)), nan_is_null=True) for one in self.each]

    def added_to(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a frame of events with the columns; those of the same name are replaced."""
        if not self.each:
            return frame
        return frame.with_columns(each.series() for each in self.known(frame.get_column))

    def check(self, version: str, features: Sequence[str], types: Mapping[str, str]) -> None:
        """Raise SetupError unless a model takes them all, and events have the variables; `types`: of each."""
        for one in self.each:
            if one.name not in features:
                raise SetupError(f"model {version} does not take {one.name}, which it has a table for")
            kind = types.get(one.variable)
            if kind is None or one.treatment not in OF_TYPES[kind]:
                said = "do not have" if kind is None else f"have as a variable of type {kind}"
                raise SetupError(
                    f"model {version} needs {one.name}, which is made of the variable {one.variable} that events {said}; "
                    "train one with: fraudstream train"
                )

    def to_json(self) -> bytes:
        """Return them as JSON, which `of_json` reads without losing a bit."""
        described = [
            {
                "variable": one.variable,
                "treatment": one.treatment,
                "values": list(one.table),
                "numbers": list(one.table.values()),
                "otherwise": one.otherwise,
            }
            for one in self.each
        ]
        return json.dumps(described, ensure_ascii=False).encode()

    @classmethod
    def of_json(cls, content: bytes, what: str) -> "VariableInputs":
        """Read them; raises SetupError that says `what` they should be."""
        try:
            found = cls(tuple(_read(each) for each in json.loads(content)))
            if len(set(found.names)) < len(found.each):
                raise ValueError("one is there twice")
        except (ValueError, KeyError, TypeError) as error:
            raise SetupError(f"{what} does not describe inputs of a model ({error})") from error
        return found


NONE = VariableInputs()


def _read(described: Any) -> VariableInput:
    """Read one input; raises ValueError, KeyError or TypeError."""
    variable, treatment, values = (described[name] for name in ("variable", "treatment", "values"))
    if treatment not in TREATMENTS or not isinstance(variable, str):
        raise ValueError(f"there is no treatment {treatment!r} of {variable!r}")
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"the values of {variable} must be texts")
    numbers, otherwise = [float(number) for number in described["numbers"]], described["otherwise"]
    otherwise = None if otherwise is None else float(otherwise)
    if not all(map(math.isfinite, [*numbers, 0.0 if otherwise is None else otherwise])):
        raise ValueError(f"the numbers of {variable} must be finite")
    return VariableInput(variable, treatment, dict(zip(values, numbers, strict=True)), otherwise)
