"""Compares stream and batch, and reports where they differ."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from fraudstream.parity.expected import Expected
from fraudstream.parity.published import Published, bits

NAMED_MAX = 10
"""How many differences a report lists."""


@dataclass(frozen=True, slots=True)
class ValueDifference:
    """One value that is not the same."""

    transaction_id: str
    partition: int
    offset: int
    name: str
    stream: float
    batch: float

    def __str__(self) -> str:
        place = f"{self.transaction_id} (partition {self.partition}, offset {self.offset})"
        return f"{place}: {self.name} is {self.stream!r} in the stream and {self.batch!r} in batch"


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a comparison; `missing` payments have no decision, `unexpected` ones should have none."""

    payments: int
    values: int
    differing: int
    missing: int
    unexpected: int
    first: tuple[ValueDifference, ...]

    @property
    def equal(self) -> bool:
        """Tell whether stream and batch agree in everything."""
        return not (self.differing or self.missing or self.unexpected)

    def facts(self) -> dict[str, Any]:
        """Return the counts for a script."""
        names = ("payments", "values", "differing", "missing", "unexpected")
        return {name: getattr(self, name) for name in names}


def compared(stream: pl.DataFrame, expected: Expected, published: Published) -> Report:
    """Compare every value of every decided payment, to the last bit."""
    decided = published.decisions > 0
    both = np.flatnonzero(decided & expected.decided)
    differs = bits(published.values[both]) != bits(expected.values[both])
    rows, columns = np.nonzero(differs)
    first = tuple(
        ValueDifference(
            str(stream["tid"][int(both[row])]),
            int(expected.partition[both[row]]),
            int(expected.offset[both[row]]),
            expected.names[column],
            float(published.values[both[row], column]),
            float(expected.values[both[row], column]),
        )
        for row, column in zip(rows[:NAMED_MAX], columns[:NAMED_MAX], strict=True)
    )
    return Report(
        payments=len(both),
        values=differs.size,
        differing=len(rows),
        missing=int((expected.decided & ~decided).sum()),
        unexpected=int((decided & ~expected.decided).sum()),
        first=first,
    )
