"""Computes the declared weekly aggregates of every payment of a history, point in time, for millions of payments at once.

Whatever the nightly job would have found at the last midnight before each payment; `fraudstream parity` compares the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly_aggregates import AMOUNT, SUMMED_MAX, Weekly, WeeklyAggregates
from fraudstream.domain.windows.cells import Ints
from fraudstream.offline.point_in_time import Arrived

Bools = npt.NDArray[np.bool_]


def declared_weeks(
    weekly: WeeklyAggregates, arrived: Arrived, known: pl.DataFrame, paid: pl.DataFrame
) -> list[pl.Series]:
    """Return the declared aggregates of each payment, in the given order.

    `known`: what `point_in_time` says of the payments; `paid`: their variables, filled with the defaults.
    """
    if not weekly.each:
        return []
    axis = _Axis.of(arrived, (known["counted"] & ~known["conflict"]).to_numpy() & (arrived.cents >= 0))
    values = {each.of: _values(each, arrived, paid) for each in weekly.each}
    parts = [part for each in weekly.each for part in _parts(each, axis, values[each.of], weekly.decimals)]
    named = [
        pl.Series(part.name, column, part.dtype) for part, column in zip(weekly.parts, parts, strict=True)
    ]
    return weekly.values([series.fill_nan(None) if series.dtype.is_float() else series for series in named])


@dataclass(frozen=True, slots=True)
class _Axis:
    """All payments that count, entity after entity and each in order of time, on one axis; and where each payment's midnight is.

    Entities lie so far apart that no look back reaches the previous one.
    """

    rows: Ints
    """The payments that count."""
    place: Ints
    midnight: Ints

    @classmethod
    def of(cls, arrived: Arrived, counts: Bools) -> "_Axis":
        """Place payments on the axis."""
        time = arrived.event_time_ms
        start_ms, end_ms = (time.min(), time.max()) if len(time) else (0, 0)
        offset = arrived.card * (end_ms - start_ms + LOOK_BACK_MS) - start_ms
        rows = np.flatnonzero(counts)
        rows = rows[np.argsort((offset + time)[rows], kind="stable")]
        return cls(rows, (offset + time)[rows], offset + time - time % DAY_MS)

    def span(self, days: int) -> tuple[Ints, Ints]:
        """Return which of the counted payments, first and end, lie in the days before each payment's midnight."""
        first = np.searchsorted(self.place, self.midnight - days * DAY_MS)
        return first, np.searchsorted(self.place, self.midnight)


LOOK_BACK_MS = 32 * DAY_MS
"""More than the longest aggregate reaches back from a payment."""


def _values(weekly: Weekly, arrived: Arrived, paid: pl.DataFrame) -> pl.Series:
    """Return what an aggregate is computed of, a value a payment; of a repeated payment the smallest counts, as in the nightly job."""
    if weekly.kind == AMOUNT:
        return pl.Series(arrived.cents)
    if weekly.of not in paid.columns:
        raise SetupError(f"the history has no column {weekly.of}, from which a weekly aggregate is computed")
    values = paid[weekly.of]
    if weekly.kind == "float":
        values = values.cast(pl.Float64)
        values = pl.select(pl.when(values.is_finite()).then(values + 0.0)).to_series()
    elif weekly.kind != "string":
        values = values.cast(pl.Int64)
    same = pl.DataFrame([values.alias("value")]).with_columns(
        card=arrived.card, time=arrived.event_time_ms, cents=arrived.cents, id_hash=arrived.id_hash
    )
    return same.select(pl.col("value").min().over("card", "time", "cents", "id_hash")).to_series()


def _parts(
    weekly: Weekly, axis: _Axis, values: pl.Series, decimals: int
) -> Sequence[Ints | npt.NDArray[np.float64]]:
    """Return the columns of an aggregate's parts."""
    first, end = axis.span(weekly.days)
    of = values.gather(axis.rows)
    match weekly.function:
        case "count":
            return [end - first]
        case "sum" | "mean":
            whole, given = _whole(weekly, of)
            total = _before(whole)
            sums = [total[end] - total[first]]
            if weekly.function == "mean":
                number = _before(given.astype(np.int64))
                sums.append(number[end] - number[first])
            return sums
        case "max":
            units = weekly.units(decimals) if weekly.kind == AMOUNT else 1
            return [_largest(of.cast(pl.Float64).fill_null(np.nan).to_numpy(), first, end) / units]
        case "distinct":
            return [_different(of, first, end)]


def _whole(weekly: Weekly, values: pl.Series) -> tuple[Ints, Bools]:
    """Return the whole numbers that are added up, and which values count."""
    if weekly.kind == AMOUNT:
        return values.to_numpy(), np.ones(len(values), np.bool_)
    if weekly.kind != "float":
        counts = (values.is_between(-SUMMED_MAX, SUMMED_MAX)).fill_null(value=False).to_numpy()
        return np.where(counts, values.fill_null(0).to_numpy(), 0), counts
    scaled = values.fill_null(np.nan).to_numpy() * float(weekly.units(0))
    counts = np.abs(scaled) <= SUMMED_MAX
    return np.rint(np.where(counts, scaled, 0.0)).astype(np.int64), counts


def _before(values: Ints) -> Ints:
    """Return the sum of all values before each place, and of all."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])


def _largest(values: npt.NDArray[np.float64], first: Ints, end: Ints) -> npt.NDArray[np.float64]:
    """Return the largest number in each span, NaN if there is none: by the maxima of 1, 2, 4, 8 ... neighbours."""
    found = np.full(len(first), np.nan)
    length, largest = end - first, values
    for power in range(int(length.max(initial=0)).bit_length()):
        size = 1 << power
        rows = np.flatnonzero((length >= size) & (length < 2 * size))
        found[rows] = np.fmax(largest[first[rows]], largest[end[rows] - size])
        largest = np.fmax(largest[:-size], largest[size:]) if len(largest) > size else largest
    return found


def _different(values: pl.Series, first: Ints, end: Ints) -> Ints:
    """Return how many different values there are in each span: those that have not been there since its beginning.

    A value counts where its place before lies before the span. How many places up to an end have theirs before a beginning is
    counted bit by bit, for all spans at once: sorted by a bit, those with 0 and those with 1 stay in order.
    """
    frame = pl.DataFrame([values.alias("value")]).with_row_index("row").drop_nulls("value")
    rows = frame["row"].cast(pl.Int64).to_numpy()
    previous = frame.select(pl.col("row").cast(pl.Int64).shift().over("value") + 1).fill_null(0).to_series()
    earlier = previous.to_numpy()
    low, high = np.searchsorted(rows, first), np.searchsorted(rows, end)
    return _counted_below(earlier, high, first + 1) - _counted_below(earlier, low, first + 1)


def _counted_below(values: Ints, end: Ints, limit: Ints) -> Ints:
    """Return, for each of many questions, how many of the values before the place `end` are below `limit`."""
    start, end = np.zeros_like(end), end.copy()
    below = np.zeros_like(end)
    top = max(int(values.max(initial=0)), int(limit.max(initial=0))).bit_length()
    for bit in reversed(range(top)):
        ones = values >> bit & 1
        zeros_before = _before(1 - ones)
        zero_start, zero_end = zeros_before[start], zeros_before[end]
        is_one = (limit >> bit & 1).astype(np.bool_)
        below += np.where(is_one, zero_end - zero_start, 0)
        zeros = zeros_before[-1]
        start = np.where(is_one, zeros + start - zero_start, zero_start)
        end = np.where(is_one, zeros + end - zero_end, zero_end)
        values = np.concatenate([values[ones == 0], values[ones == 1]])
    return below
