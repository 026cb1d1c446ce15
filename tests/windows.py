"""Windows as these tests speak of them: in whole cents and milliseconds, which the features are computed from."""

from collections.abc import Iterable
from typing import NamedTuple

from fraudstream.domain.windows.entries import Layout
from fraudstream.domain.windows.velocity import BUILT_IN
from fraudstream.domain.windows.window_columns import Column
from fraudstream.tables.activity_layout import delta_size

LAYOUT = Layout()
"""How entries of an event type without velocity features of its own are packed."""
DELTA_BYTES = delta_size(LAYOUT)


class Told(NamedTuple):
    """What an event is told of its windows."""

    payments: int
    cents: int
    ms_since_previous: int
    """-1 for one that is alone in its ten minutes."""
    payments_1m: int


def told(numbers: Iterable[float | None], units: int = 100) -> Told:
    """Return the features built in; `units`: minor units of one unit of the currency."""
    given = [number for number in list(numbers)[: len(BUILT_IN)] if number is not None]
    payments, mean, seconds, payments_1m = given
    since_ms = -1 if seconds == 601 else round(seconds * 1000)
    return Told(int(payments), round(mean * int(payments) * units), since_ms, int(payments_1m))


def all_told(columns: Iterable[Column]) -> list[Told]:
    """Return what the events of a micro-batch are told."""
    return [told(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
