"""The share of fraud among the earlier events with the same value: at each event, from the labels that were known before it."""

from collections.abc import Collection
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.labels import LABEL_KNOWN_AT
from fraudstream.domain.times import DAY_MS
from fraudstream.offline.columns import LABEL, TIME

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

SMOOTHING = 20.0
"""So many events with the share of fraud of all events are added to those of a value, so that few events say little."""

DELAY_MAX_MS = 7 * DAY_MS
DELAY_SHARE = 0.1
"""When labels without a time became known: so long after the event, or this share of the time to learn from, if that is shorter.
A version's table is days old when it serves, so labels of the same hour would teach what no worker will know."""


def smoothed(fraud: Any, events: Any, share: Any) -> Any:
    """Return the share of fraud among some events, drawn towards that of all events.

    >>> smoothed(1, 20, 0.1)
    0.075
    """
    return (fraud + share * SMOOTHING) / (events + SMOOTHING)


def known_at(payments: pl.DataFrame) -> Ints:
    """Return when the label of each payment became known, epoch ms."""
    time_ms = payments[TIME].to_numpy()
    assumed = time_ms + delay_ms(payments)
    if LABEL_KNOWN_AT not in payments.columns:
        return assumed
    told = payments[LABEL_KNOWN_AT].cast(pl.Int64)
    return np.where(told.is_null().to_numpy(), assumed, told.fill_null(0).to_numpy())


def delay_ms(payments: pl.DataFrame) -> int:
    """Return how long after its payment a label became known of which no time is known."""
    if not payments.height:
        return 0
    time_ms = payments[TIME].to_numpy()
    return min(DELAY_MAX_MS, round(float(time_ms.max() - time_ms.min()) * DELAY_SHARE))


def rates_before(values: pl.Series, payments: pl.DataFrame, listed: Collection[str]) -> Floats:
    """Return at each payment the smoothed share of fraud among those with its value whose label was known before it.

    `values`: texts of these payments; of those that are not `listed` nothing is known. NaN where the value is missing, or no label
    was known at all.
    """
    if not payments.height:
        return np.zeros(0)
    code = (values.rank("dense").cast(pl.Int64) - 1).fill_null(-1).to_numpy()
    time_ms, known_ms = payments[TIME].to_numpy(), known_at(payments)
    fraud = payments[LABEL].to_numpy().astype(np.int64)
    first = min(time_ms.min(), known_ms.min())
    span = int(time_ms.max() - first) + 2
    known_ms = np.minimum(known_ms - first, span - 1)  # later than all payments: no payment knows it
    all_events, all_fraud = _before(np.zeros(len(code), np.int64), time_ms - first, known_ms, fraud, span)
    events, frauds = _before(code, time_ms - first, known_ms, fraud, span)
    events, frauds = (
        np.where(values.is_in(list(listed)).fill_null(False).to_numpy(), each, 0) for each in (events, frauds)
    )
    share = np.full(len(code), np.nan)
    np.divide(all_fraud, all_events, out=share, where=all_events > 0)
    return np.where(code < 0, np.nan, smoothed(frauds, events, share))


def _before(code: Ints, time: Ints, known: Ints, fraud: Ints, span: int) -> tuple[Ints, Ints]:
    """Return at each payment how many of its code were known before it, and how many of them were fraud; times are 0 to span - 1."""
    place = code * span + known
    order = np.argsort(place, kind="stable")
    place, frauds = place[order], np.concatenate([[0], np.cumsum(fraud[order])])
    begin = np.searchsorted(place, code * span)
    end = np.searchsorted(place, code * span + time)
    return end - begin, frauds[end] - frauds[begin]
