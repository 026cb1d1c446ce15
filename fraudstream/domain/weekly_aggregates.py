"""Weekly aggregates that an event type declares, once: for the nightly job, the stores, training, rules and decisions.

A store keeps parts, not values: whole numbers that add up exactly when an entity has several tokens. Values are made of them
in one place, for a micro-batch and for months of history.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import polars as pl

from fraudstream.domain.events.amounts import HUNDREDTHS, units_of
from fraudstream.domain.features.schema import Column, Type
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.windows.cells import Kind

Function = Literal["count", "sum", "mean", "max", "distinct"]
Number: TypeAlias = int | float | None

AMOUNT = "amount"
DAYS_MAX = 30
BUILT_IN_DAYS = 7
"""Of the count and the mean amount that every event type with an entity has."""

MILLIONTHS = 6
"""Floats are added up in whole millionths, so that their sum does not depend on the order."""
SUMMED_MAX = 10**15
"""A number beyond this, in the whole units that are added up, does not count in a sum or a mean: 9,000 of them fit 64 bits."""

WORDS: dict[Function, str] = {
    "count": "Number of events",
    "sum": "Sum of {of}",
    "mean": "Mean {of}",
    "max": "Largest {of}",
    "distinct": "Number of different {of}",
}


class Part(NamedTuple):
    """A number that a store keeps for an aggregate."""

    name: str
    dtype: Type
    added: bool
    """Whether those of two tokens of an entity are added; else the larger one counts."""
    nothing: Number
    """Of an entity without events."""

    def read(self, given: str | float | None) -> Number:
        """Return the number that a store gives; raises ValueError if it is none that can be there."""
        if given is None and self.nothing is None:
            return None
        if isinstance(given, int | float | str) and not isinstance(given, bool):
            return int(given) if self.dtype == pl.Int64 else float(given)
        raise ValueError(f"{self.name} is {given!r}")


@dataclass(frozen=True, slots=True)
class Weekly:
    """A number that describes an entity's events in the days before the last midnight UTC before an event.

    Refunds do not count, and neither does a missing value. Without any, count, sum and distinct are 0, mean and max are null.
    """

    column: Column
    function: Function
    days: int
    of: str = ""
    """`amount`, a variable, or nothing for a count."""
    kind: Kind = "amount"
    default: str | int | float | bool | None = None
    """The variable's."""

    @property
    def label(self) -> str:
        """What pages and reasons call it.

        >>> declared("shops", "distinct", 30, "shop", "string").label
        'Number of different shop in the 30 days before'
        """
        span = f"{self.days} days" if self.days > 1 else "day"
        return f"{WORDS[self.function].format(of=self.of)} in the {span} before"

    @property
    def parts(self) -> tuple[Part, ...]:
        """What a store keeps; no variable can have the names with a dash."""
        name = self.column.name
        units = Part(f"{name}-units", pl.Int64, True, 0)
        match self.function:
            case "sum":
                return (units,)
            case "mean":
                return units, Part(f"{name}-values", pl.Int64, True, 0)
            case "max":
                return (Part(name, pl.Float64, False, None),)
            case "count" | "distinct":
                return (Part(name, pl.Int64, self.function == "count", 0),)

    def units(self, decimals: int) -> int:
        """Return how many of the whole numbers that are added up make one; `decimals` are the currency's."""
        return units_of({"amount": decimals, "float": MILLIONTHS}.get(self.kind, 0))

    def values(self, parts: Sequence[pl.Series], decimals: int) -> pl.Series:
        """Return the aggregate of many events from its parts."""
        name, (first, *rest) = self.column.name, parts
        if self.function == "sum":
            return self.column.series(first.to_numpy() / self.units(decimals))
        if self.function == "mean":
            values = rest[0].to_numpy()
            mean = first.to_numpy() / (np.maximum(values, 1) * self.units(decimals))
            return self.column.series(np.where(values > 0, mean, np.nan)).fill_nan(None)
        return first.alias(name)


def declared(
    name: str,
    function: Function,
    days: int,
    of: str = "",
    kind: Kind = "amount",
    default: str | int | float | bool | None = None,
) -> Weekly:
    """Return a weekly aggregate with the column it makes."""
    counts = function in ("count", "distinct")
    unit = "events" if function == "count" else ""
    return Weekly(
        Column(name, pl.Int64 if counts else pl.Float64, "week", unit), function, days, of, kind, default
    )


@dataclass(frozen=True)
class WeeklyAggregates:
    """All that an event type declares; `decimals` are the currency's."""

    each: tuple[Weekly, ...] = ()
    decimals: int = HUNDREDTHS
    parts: tuple[Part, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(part for weekly in self.each for part in weekly.parts))

    @cached_property
    def days(self) -> int:
        """How far back the nightly job reads."""
        return max([BUILT_IN_DAYS, *(weekly.days for weekly in self.each)])

    @property
    def look_back_ms(self) -> int:
        """From a midnight back to the start of the oldest aggregate that a store may answer with: that of the night before."""
        return (self.days + 1) * DAY_MS

    @cached_property
    def layout(self) -> str:
        """A name for what a store keeps, other than that of any other declaration; empty if nothing is declared."""
        if not self.each:
            return ""
        said = [
            (weekly.column.name, weekly.function, weekly.days, weekly.of, weekly.kind, weekly.default)
            for weekly in self.each
        ]
        return hashlib.sha256(json.dumps([said, self.decimals]).encode()).hexdigest()[:8]

    @cached_property
    def nothing(self) -> tuple[Number, ...]:
        """The parts of an entity without events."""
        return tuple(part.nothing for part in self.parts)

    @cached_property
    def has_distinct(self) -> bool:
        """Whether an entity with several tokens has numbers that cannot be put together exactly."""
        return any(weekly.function == "distinct" for weekly in self.each)

    def merged(self, rows: Sequence[tuple[Number, ...]]) -> tuple[Number, ...]:
        """Put together the parts of an entity's tokens; of numbers of different values the largest is a lower bound."""
        return tuple(
            sum(value for value in values if value is not None)
            if part.added
            else max((value for value in values if value is not None), default=None)
            for part, values in zip(self.parts, zip(*rows, strict=True), strict=True)
        )

    def columns(self, rows: Sequence[tuple[Number, ...]]) -> list[pl.Series]:
        """Return the aggregates of many events from the parts of each; an empty tuple is an entity without events."""
        columns = zip(*(row or self.nothing for row in rows), strict=True) if rows else [()] * len(self.parts)
        return self.values(
            [
                pl.Series(part.name, values, part.dtype)
                for part, values in zip(self.parts, columns, strict=True)
            ]
        )

    def values(self, parts: Sequence[pl.Series]) -> list[pl.Series]:
        """Return the aggregates of many events from columns of their parts."""
        left = iter(parts)
        return [weekly.values([next(left) for _ in weekly.parts], self.decimals) for weekly in self.each]

    def written(self, parts: Sequence[Number]) -> str:
        """Return an entity's parts as text, for stores that keep texts."""
        return json.dumps(parts, separators=(",", ":"))

    def read(self, text: str) -> tuple[Number, ...]:
        """Return the parts that a text holds; raises ValueError if they are not those of this declaration."""
        given = json.loads(text)
        if not isinstance(given, list) or len(given) != len(self.parts):
            raise ValueError(f"{text} is not a list of {len(self.parts)} numbers")
        return tuple(part.read(number) for part, number in zip(self.parts, given, strict=True))


NOTHING_DECLARED = WeeklyAggregates()
