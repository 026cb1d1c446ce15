"""Velocity: features over an entity's recent events, declared once; `entity_window` and `window_columns` compute them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import polars as pl

from fraudstream.domain.events.amounts import HUNDREDTHS, units_of
from fraudstream.domain.features.schema import (
    AVG_AMT_LAST_10M,
    NUM_TRANS_LAST_1M,
    NUM_TRANS_LAST_10M,
    SECONDS_SINCE_PREVIOUS,
    Column,
)
from fraudstream.domain.windows.cells import Kind
from fraudstream.domain.windows.entries import WINDOW_MS, Layout, Value

MINUTE_MS = 60_000

Function = Literal[
    "count",
    "sum",
    "mean",
    "min",
    "max",
    "last",
    "distinct",
    "same_share",
    "seconds_since_previous",
    "reversal",
]
FUNCTIONS: tuple[Function, ...] = tuple(each for each in get_args(Function) if each != "reversal")
"""Those that may be declared; `reversal` comes with `[reversal]`: 1 or 0, whether the event that is taken back is known."""
OF_NOTHING: tuple[Function, ...] = ("count", "seconds_since_previous")
"""Those that are of events, not of a value."""
OF_NUMBERS: tuple[Function, ...] = ("sum", "mean", "min", "max", "last")

WORDS: dict[Function, str] = {
    "count": "number of events",
    "sum": "sum of {of}",
    "mean": "mean of {of}",
    "min": "smallest {of}",
    "max": "largest {of}",
    "last": "{of} of the event before",
    "distinct": "number of different {of}",
    "same_share": "share of events with the same {of}",
    "seconds_since_previous": "seconds since the event before",
    "reversal": "whether a reversal's event is known, 1 or 0,",
}


@dataclass(frozen=True, slots=True)
class Velocity:
    """A number that describes the events of an entity with event time in [t - window, t] that arrived before, and itself.

    Refunds count in none, nor do events that were taken back before. Missing values do not count, except that `same_share` divides by all events. Of an empty window,
    which only a refund can have, count, sum, distinct and the mean amount are 0. What there is no value for is null.
    """

    column: Column
    function: Function
    window_ms: int
    of: str = ""
    """`amount`, a variable, or nothing for a function of events."""
    kind: Kind = "amount"
    """Of what it is computed of."""

    @property
    def label(self) -> str:
        """What pages call it.

        >>> declared("shops", "distinct", 3_600_000, "shop", "string").label
        'Number of different shop within 1h'
        """
        words = WORDS[self.function].format(of=self.of)
        return f"{words[0].upper()}{words[1:]} within {span(self.window_ms)}"

    @property
    def alone_s(self) -> float:
        """Return seconds_since_previous of an event that is alone in its window: just past it."""
        return float(self.window_ms // 1000 + 1)


def span(window_ms: int) -> str:
    """Return a window's length as files write it.

    >>> span(60_000), span(5_400_000), span(86_400_000)
    ('1m', '90m', '24h')
    """
    minutes = window_ms // MINUTE_MS
    return f"{minutes}m" if minutes % 60 else f"{minutes // 60}h"


def declared(name: str, function: Function, window_ms: int, of: str = "", kind: Kind = "amount") -> Velocity:
    """Return a velocity feature with the column it makes."""
    counts = function in ("count", "distinct")
    unit = "s" if function == "seconds_since_previous" else "events" if counts else ""
    return Velocity(
        Column(name, pl.Int64 if counts else pl.Float64, "window", unit), function, window_ms, of, kind
    )


BUILT_IN = (
    Velocity(NUM_TRANS_LAST_10M, "count", WINDOW_MS),
    Velocity(AVG_AMT_LAST_10M, "mean", WINDOW_MS, "amount"),
    Velocity(SECONDS_SINCE_PREVIOUS, "seconds_since_previous", WINDOW_MS),
    Velocity(NUM_TRANS_LAST_1M, "count", MINUTE_MS),
)
"""What every event type with an entity has."""


@dataclass(frozen=True)
class Windows:
    """All velocity features of an event type, and what is kept of each event to compute them; `decimals` are the currency's."""

    declared: Sequence[Velocity] = ()
    decimals: int = HUNDREDTHS
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        kept = (Value(each.of, each.kind) for each in self.declared if each.of and each.kind != "amount")
        longest_ms = max([WINDOW_MS, *(each.window_ms for each in self.declared)])
        object.__setattr__(self, "layout", Layout(longest_ms, tuple(dict.fromkeys(kept))))

    @cached_property
    def velocities(self) -> tuple[Velocity, ...]:
        """Return all, built in and declared, in the order of their columns."""
        return (*BUILT_IN, *self.declared)

    @cached_property
    def units(self) -> float:
        """Return how many minor units one unit of the currency has."""
        return float(units_of(self.decimals))

    @cached_property
    def dtypes(self) -> list[type[np.generic]]:
        """Return the type of each feature's column."""
        return [np.int64 if each.column.dtype == pl.Int64 else np.float64 for each in self.velocities]

    @cached_property
    def sources(self) -> list[tuple[Velocity, int]]:
        """Return each feature with what it is of: 0 for the amount, from 1 on a value of an entry. Without that of reversals."""
        values = [*self.layout.values]
        return [
            (each, 0 if each.kind == "amount" else 1 + values.index(Value(each.of, each.kind)))
            for each in self.velocities
            if each.function != "reversal"
        ]

    @cached_property
    def reversal_at(self) -> int | None:
        """Return which value of an entry says what it takes back; None if there are no reversals."""
        kinds = [value.kind for value in self.layout.values]
        return kinds.index("reversal") if "reversal" in kinds else None


CARD_WINDOWS = Windows()
"""Those of an event type that declares none of its own, in hundredths of a currency."""
