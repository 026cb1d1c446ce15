"""Computes what the worker knows at each payment of a history, point in time, exactly, for millions of payments at once.

The windows are computed by the domain (`window_columns`, and `EntityWindow` where payments came late or twice), as if
the history were one micro-batch. Only the week is computed here. `fraudstream parity` compares all of it with what a
worker published.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.amounts import units_of
from fraudstream.domain.events.reversals import Reversal
from fraudstream.domain.features.inputs import week_columns, window_columns
from fraudstream.domain.features.schema import LATE_BY_MS
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly import LONGEST_LOOK_BACK_MS, WEEK_MS
from fraudstream.domain.windows.cells import MISSING, Ints, Kind, id_cells
from fraudstream.domain.windows.entries import LATE_BY_MAX_MS, Entries, Layout
from fraudstream.domain.windows.velocity import CARD_WINDOWS, Windows
from fraudstream.domain.windows.window_columns import (
    aggregate_columns,
    aggregate_sequentially,
    columns_of,
)

NEVER_MS = LATE_BY_MAX_MS
"""An allowed lateness that no payment exceeds."""

NOTHING_BEFORE: Mapping[int, int] = {}

SESSION_GAP_BUCKETS = 2
"""After a gap of so many buckets between payments of a card nothing earlier matters: windows are shorter, and ids are looked
for in neighbouring buckets only."""

ROWS_AT_ONCE = 1 << 16
"""Payments that are looked at together, of whole cards: their columns take 20 MB and stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Payments in order of arrival, as columns. Cards and ids are distinguishing integers, those of cards count from 0."""

    card: Ints
    event_time_ms: Ints
    cents: Ints
    id_hash: npt.NDArray[np.uint64]
    partition: Ints
    values: tuple[Ints, ...] = ()
    """Cells of each value that velocity features need, in the order of the layout."""

    @classmethod
    def of(
        cls,
        card: Ints,
        event_time_ms: Ints,
        cents: Ints,
        id_hash: npt.NDArray[np.uint64] | None = None,
        partition: Ints | None = None,
    ) -> "Arrived":
        """Make columns; without ids all payments are different, without partitions one watermark decides lateness."""
        rows = len(card)
        return cls(
            card,
            event_time_ms,
            cents,
            np.arange(rows, dtype=np.uint64) if id_hash is None else id_hash,
            np.zeros(rows, np.int64) if partition is None else partition,
        )


def point_in_time(
    arrived: Arrived,
    allowed_lateness_ms: int = NEVER_MS,
    windows: Windows = CARD_WINDOWS,
    late_by_ms: Ints | None = None,
) -> pl.DataFrame:
    """Return what is known at each payment, in the given order, with the domain's column names.

    Beside the window, `late_by_ms` and the week: `counted` is False for a repeated id, which is answered as the first
    time; `conflict` is True if it came before with another time or amount, and then the other columns mean nothing.
    `allowed_lateness_ms` is the worker's allowed lateness, `windows` are the event type's. `late_by_ms` says how late each
    came, if these are not all payments: then there is no conflict among them.
    """
    if late_by_ms is not None:
        return _known(arrived, late_by_ms, allowed_lateness_ms, windows)
    known = _known(arrived, _late_by_ms(arrived), allowed_lateness_ms, windows)
    conflict = known["conflict"].to_numpy()
    if conflict.any():  # they move no clock, and whether a payment is one does not depend on the clock
        known = _known(arrived, _late_by_ms(arrived, conflict), allowed_lateness_ms, windows)
    return known


def _known(arrived: Arrived, late_by_ms: Ints, allowed_lateness_ms: int, windows: Windows) -> pl.DataFrame:
    """Return what is known at each payment, given how late it was; computed for some cards at a time, which bounds the memory."""
    rows = len(arrived.card)
    order = _by_card(arrived.card)
    week = np.empty(rows, np.int64), np.empty(rows, np.float64)
    flags = np.empty(rows, np.bool_), np.empty(rows, np.bool_)
    columns = [*columns_of(windows, rows), late_by_ms, *week, *flags]
    for part in _whole_cards(arrived.card, order):
        found = _known_of(arrived, late_by_ms, part, allowed_lateness_ms, windows)
        for column, values in zip(columns, found, strict=True):
            column[part] = values
    return pl.DataFrame(
        [
            *(each.series() for each in window_columns(windows, columns[: len(windows.velocities)])),
            LATE_BY_MS.series(late_by_ms),
            *(each.series() for each in week_columns(*week)),
            pl.Series("counted", flags[0]),
            pl.Series("conflict", flags[1]),
        ]
    )


def _by_card(card: Ints) -> Ints:
    """Return the rows by card, and each card's in order of arrival; 16 bits after the other, which NumPy sorts in linear time."""
    order = np.argsort(card.astype(np.uint16), kind="stable")
    for bits in range(16, int(card.max(initial=0)).bit_length(), 16):
        order = order[np.argsort((card >> bits).astype(np.uint16)[order], kind="stable")]
    return order


def _whole_cards(card: Ints, order: Ints) -> Iterator[Ints]:
    """Yield parts of the payments in order of card, none of which ends within a card."""
    firsts = np.unique(np.searchsorted(card, card[order[::ROWS_AT_ONCE]], sorter=order))
    return (order[first:end] for first, end in pairwise([*firsts.tolist(), len(order)]))


def _known_of(
    arrived: Arrived, late_by_ms: Ints, rows: Ints, allowed_lateness_ms: int, windows: Windows
) -> list[npt.NDArray[Any]]:
    """Return the columns of some payments: all those of some cards, card after card and each in order of arrival."""
    card = arrived.card[rows]
    new = Entries(
        arrived.event_time_ms[rows],
        arrived.cents[rows],
        late_by_ms[rows],
        arrived.id_hash[rows],
        rows.copy(),  # aggregating writes into it
        tuple(cells[rows] for cells in arrived.values),
    )
    session = _sessions(card, new.event_time_ms, SESSION_GAP_BUCKETS * windows.layout.bucket_ms)
    nothing = np.empty(0, np.int64)
    window, unordered = aggregate_columns(
        windows, new.at(nothing), nothing, new, session, allowed_lateness_ms
    )
    counted, conflicts = aggregate_sequentially(
        windows, window, {}, new, session, unordered, allowed_lateness_ms
    )
    conflict = np.zeros(len(rows), np.bool_)
    conflict[conflicts] = True
    cents = new.cents
    week_count, week_cents = _week_before(card, new.event_time_ms, cents, counted & (cents >= 0))
    mean_amount = week_cents / (np.maximum(week_count, 1) * units_of(windows.decimals))
    return [*window, new.late_by_ms, week_count, mean_amount, counted, conflict]


def _late_by_ms(arrived: Arrived, conflict: npt.NDArray[np.bool_] | None = None) -> Ints:
    """Return how far the watermark of its partition was ahead of each payment; conflicts do not advance it."""
    clock_ms = arrived.event_time_ms if conflict is None else np.where(conflict, 0, arrived.event_time_ms)
    return late_by(arrived.event_time_ms, clock_ms, arrived.partition)


def late_by(
    event_time_ms: Ints, clock_ms: Ints, partition: Ints, before_ms: Mapping[int, int] = NOTHING_BEFORE
) -> Ints:
    """Return how far the watermark of its partition was ahead of each payment, in order of arrival.

    `clock_ms`: what each advances the watermark to; `before_ms`: where the watermark of a partition was before the first.
    """
    late_by_ms = np.zeros(len(event_time_ms), np.int64)
    partitions = np.unique(partition).tolist()
    for one in partitions:
        rows = slice(None) if len(partitions) == 1 else np.flatnonzero(partition == one)
        watermark_ms = np.maximum.accumulate(clock_ms[rows])
        if one in before_ms:
            np.maximum(watermark_ms, before_ms[one], out=watermark_ms)
        late_by_ms[rows] = watermark_ms - event_time_ms[rows]
    return np.clip(late_by_ms, 0, LATE_BY_MAX_MS, out=late_by_ms)


def _sessions(card: Ints, event_time_ms: Ints, gap_ms: int) -> Ints:
    """Return a number for each payment's session: the payments of a card without a long gap in event time."""
    start_ms, end_ms = (event_time_ms.min(), event_time_ms.max()) if len(card) else (0, 0)
    place = card * (end_ms - start_ms + 1) + event_time_ms - start_ms
    order = np.argsort(place, kind="stable")  # quick, since nearly sorted
    begins = np.diff(card[order]) != 0
    begins |= np.diff(event_time_ms[order]) >= gap_ms
    session = np.empty(len(card), np.int64)
    session[order] = np.concatenate([[0], np.cumsum(begins)])[: len(card)]
    return session


def _week_before(card: Ints, time: Ints, cents: Ints, counted: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Return count and sum of each card's `counted` payments in the seven days before each payment's last midnight.

    All cards lie on one axis, so far apart that no look back reaches the previous card.
    """
    start_ms, end_ms = (time.min(), time.max()) if len(time) else (0, 0)
    offset = card * (end_ms - start_ms + LONGEST_LOOK_BACK_MS + 1) - start_ms
    place = (offset + time)[counted]
    order = np.argsort(place, kind="stable")
    place, cents_before = place[order], np.concatenate([[0], np.cumsum(cents[counted][order])])
    midnight = offset + time - time % DAY_MS
    first, end = np.searchsorted(place, midnight - WEEK_MS), np.searchsorted(place, midnight)
    return end - first, cents_before[end] - cents_before[first]


def kept_values(paid: pl.DataFrame, layout: Layout, reversal: Reversal | None = None) -> tuple[Ints, ...]:
    """Return the cells of what velocity features need of a history's columns, which hold its variables.

    `reversal`: what the event type says of its reversals; ids are told from each other by their hash.
    """
    names = [value.name for value in layout.values]
    if reversal is not None and reversal.variable is not None:
        names.append(reversal.variable)
    for name in names:
        if name not in paid.columns:
            raise SetupError(f"the history has no column {name}, from which a velocity feature is computed")
    return tuple(
        _reversed(paid.select(reversal.originals.alias(value.name))[value.name])
        if reversal is not None and value.kind == "reversal"
        else _cells(paid[value.name], value.kind)
        for value in layout.values
    )


def _reversed(originals: pl.Series) -> Ints:
    """Return the cells of the ids that are taken back; they have the hashes that `Arrived.id_hash` has of ids."""
    return np.where(originals.is_null().to_numpy(), MISSING, id_cells(originals.hash().to_numpy()))


def _cells(values: pl.Series, kind: Kind) -> Ints:
    """Return cells as entries have them; of texts only whether two are the same matters, so their rank does."""
    if kind == "string":
        whole = values.rank("dense").cast(pl.Int64)
    elif kind == "float":
        given = values.cast(pl.Float64).fill_nan(None)
        bits = pl.Series((given.fill_null(0.0).to_numpy() + 0.0).view(np.int64))
        whole = bits.set(given.is_null(), None)
    else:
        whole = values.cast(pl.Int64)
    return whole.fill_null(MISSING).to_numpy()
