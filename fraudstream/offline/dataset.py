"""What the worker would have known at each payment of the history, for training: point in time, exact, vectorised.

The definitions are the domain's (`activity`, `weekly`, `features`); this file only computes them for millions of
payments at once. Tests hold it against a naive oracle and against the worker's own CardActivity.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.activity import MINUTE_MS, WINDOW_MS
from fraudstream.domain.features import with_activity, with_features
from fraudstream.domain.weekly import DAY_MS, WEEK_MS
from fraudstream.offline.history import dates_of, read_payments
from fraudstream.offline.rows import Int64s

LONGEST_LOOK_BACK_MS = WEEK_MS + DAY_MS
"""From a payment to the start of the week before its last midnight."""


def point_in_time(card: Int64s, event_time_ms: Int64s, cents: Int64s) -> pl.DataFrame:
    """Return what is known at each payment: the window's integers and the week, named as the domain names them.

    Rows come, and are answered, in order of arrival; cards are small integers.
    """
    # By card, then time; the sort is stable, so arrival breaks ties.
    order = np.lexsort((event_time_ms, card)).astype(np.int64)
    card, time, paid = card[order], event_time_ms[order], cents[order]
    timeline = _Timeline.of(card, time, paid)
    here = np.arange(len(card))
    first = timeline.positions(time - WINDOW_MS)
    previous = np.where(first < here, time - np.roll(time, 1), -1)
    count, total = here + 1 - first, timeline.cents_before[here + 1] - timeline.cents_before[first]
    count_1m = here + 1 - timeline.positions(time - MINUTE_MS)
    for i in _overtaken(card, order):
        window = np.arange(first[i], i + 1)
        window = window[order[window] <= order[i]]  # what arrived later was not known yet
        count[i], total[i] = len(window), paid[window].sum()
        previous[i] = time[i] - time[window[-2]] if len(window) > 1 else -1
        count_1m[i] = (time[window] >= time[i] - MINUTE_MS).sum()
    week_count, week_mean = timeline.week_before(time - time % DAY_MS)
    arrived = np.empty_like(order)
    arrived[order] = here
    known = {
        "num_trans_last_10m": count,
        "cents_last_10m": total,
        "ms_since_previous": previous,
        "num_trans_last_1m": count_1m,
        "num_trans_last_1w": week_count,
        "avg_amt_last_1w": week_mean,
    }
    return pl.DataFrame({name: column[arrived] for name, column in known.items()})


@dataclass(frozen=True, slots=True)
class _Timeline:
    """All payments on one line: card after card, far enough apart that no look back reaches the card before."""

    place: Int64s
    offset: Int64s
    cents_before: Int64s

    @classmethod
    def of(cls, card: Int64s, time: Int64s, cents: Int64s) -> "_Timeline":
        """Lay out payments sorted by card and time."""
        start_ms, end_ms = (time.min(), time.max()) if len(time) else (0, 0)
        offset = card * (end_ms - start_ms + LONGEST_LOOK_BACK_MS + 1) - start_ms
        return cls(offset + time, offset, np.concatenate([[0], np.cumsum(cents)]))

    def positions(self, since_ms: Int64s) -> Int64s:
        """Return, for each payment, the position of its card's first payment at or after `since_ms`."""
        return np.searchsorted(self.place, self.offset + since_ms)

    def week_before(self, midnight_ms: Int64s) -> tuple[Int64s, npt.NDArray[np.float64]]:
        """Return count and mean amount of each payment's card in [midnight - 7 days, midnight)."""
        first, end = self.positions(midnight_ms - WEEK_MS), self.positions(midnight_ms)
        count, total = end - first, self.cents_before[end] - self.cents_before[first]
        return count, np.where(count > 0, total / (np.maximum(count, 1) * 100), 0.0)


def _overtaken(card: Int64s, arrival: Int64s) -> Int64s:
    """Return the positions of payments before which, in time, lies one of the same card that arrived after them."""
    rank = card * len(card) + arrival
    return np.flatnonzero(np.maximum.accumulate(rank) > rank)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled payments with everything the features need; `frame` has event_time, is_fraud, scenario if known."""

    frame: pl.DataFrame
    dates: list[date]

    @classmethod
    def of_history(cls, directory: Path) -> "Dataset":
        """Read a history and compute what was known at each payment; raises SetupError if there is none."""
        paid = read_payments(directory, ("event_time", "amount", "is_fraud", "scenario"))
        paid = paid.with_columns(cents=(pl.col("amount") * 100).round().cast(pl.Int64)).drop("amount")
        known = point_in_time(*(paid[name].to_numpy() for name in ("card_code", "event_time", "cents")))
        frame = paid.drop("card_code").hstack(known)
        return cls(frame, dates_of(directory))


def features_of(frame: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
    """Add the features a model wants to a dataset's rows, by the domain's only definitions."""
    return with_features(with_activity(frame), names)
