"""The last fifteen minutes, second by second: outcomes, dead letters and latency.

Latency is kept as a histogram per second with bounds 5 % apart, so that percentiles of any span need one sum
and are off by at most 2.5 %. Filled once per micro-batch from whole arrays.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fraudstream.domain.rules import APPROVE, OUTCOMES
from fraudstream.domain.weekly import MISSING, NO_ANSWER, STALE
from fraudstream.metrics import BatchReport
from fraudstream.metrics.histogram import FEW

KEPT_S: Final = 900
COUNTS: Final = (
    *OUTCOMES,
    "dead_letters",
    "degraded",
    "forwarded",
    "week_missing",
    "week_stale",
    "week_failed",
)
"""`week_missing`: no weekly aggregates for the payment's midnight; `week_stale`: those of an earlier one;
`week_failed`: the store did not answer, answered too late, or with impossible values."""
_SHORTEST_MS: Final = 0.1
_STEP: Final = float(np.log(1.05))
_BUCKETS: Final = 284
"""Bounds from 0.1 ms in steps of 5 %: the last one is about 100 s; what is longer counts there."""


@dataclass(frozen=True, slots=True)
class Span:
    """What happened in a span of whole seconds; latencies are None when nothing was decided."""

    seconds: int
    counts: dict[str, int]
    p50_ms: float | None
    p99_ms: float | None

    @property
    def payments(self) -> int:
        """Payments decided."""
        return sum(self.counts[outcome] for outcome in OUTCOMES)

    @property
    def alerts(self) -> int:
        """Payments decided and not approved."""
        return self.payments - self.counts[APPROVE]

    def share(self, *counts: str) -> float:
        """Return which part of the payments these counts are, at most 1: a payment may be degraded for two reasons."""
        return min(1.0, sum(map(self.counts.__getitem__, counts)) / self.payments) if self.payments else 0.0


class Timeline:
    """A ring of seconds; a second that nobody reported in reads as zeros."""

    def __init__(self) -> None:
        self._second = np.full(KEPT_S, -1, dtype=np.int64)
        self._counts = np.zeros((KEPT_S, len(COUNTS)), dtype=np.int64)
        self._latency = np.zeros((KEPT_S, _BUCKETS), dtype=np.int64)
        self._percentiles = np.full((KEPT_S, 2), np.nan)
        self._stale = np.zeros(KEPT_S, dtype=np.bool_)
        self.totals = dict.fromkeys(COUNTS, 0)

    def batch(self, report: BatchReport) -> None:
        """Add one finished micro-batch to the second it was finished in."""
        second = int(report.finished_at)
        slot = second % KEPT_S
        if second < self._second[slot]:
            return  # the clock went back by more than the ring is long: nothing sensible to show
        if second != self._second[slot]:
            self._second[slot] = second
            self._counts[slot] = 0
            self._latency[slot] = 0
        self._stale[slot] = True
        numbers = {
            **{outcome: report.outcomes.get(outcome, 0) for outcome in OUTCOMES},
            "dead_letters": sum(report.dead_letters.values()),
            "degraded": sum(report.degraded.values()),
            "forwarded": report.repartitioned,
            "week_missing": report.degraded.get(MISSING, 0),
            "week_stale": report.degraded.get(STALE, 0),
            "week_failed": sum(report.degraded.get(reason, 0) for reason in NO_ANSWER),
        }
        for column, (name, number) in enumerate(numbers.items()):
            if number:
                self._counts[slot, column] += number
                self.totals[name] += number
        buckets = _buckets(report.latency_ms)
        if len(buckets) > FEW:
            self._latency[slot] += np.bincount(buckets, minlength=_BUCKETS)
        else:
            for bucket in buckets.tolist():
                self._latency[slot, bucket] += 1

    def span(self, seconds: int, now_s: float) -> Span:
        """Sum up the last whole seconds before `now_s` (epoch); the running second is left out."""
        slots, _ = self._slots(seconds, now_s)
        totals = self._counts[slots].sum(axis=0).tolist()
        latency = _percentiles(self._latency[slots].sum(axis=0)[None, :])[0]
        p50_ms, p99_ms = _none_for_nan(latency)
        return Span(seconds, dict(zip(COUNTS, totals, strict=True)), p50_ms, p99_ms)

    def series(self, seconds: int, now_s: float) -> dict[str, list[int] | list[float | None]]:
        """Return columns, oldest second first: `time` (epoch s), one per count, `p50_ms` and `p99_ms`.

        Latencies are None in seconds without a payment. At most KEPT_S seconds are known.
        """
        slots, wanted = self._slots(seconds, now_s, keep_empty=True)
        known = self._second[slots] == wanted
        counts = np.where(known[:, None], self._counts[slots], 0)
        columns: dict[str, list[int] | list[float | None]] = {"time": wanted.tolist()}
        columns.update({name: counts[:, column].tolist() for column, name in enumerate(COUNTS)})
        self._refresh(slots[known])
        latency = np.where(known[:, None], self._percentiles[slots], np.nan)
        columns["p50_ms"] = _none_for_nan(latency[:, 0])
        columns["p99_ms"] = _none_for_nan(latency[:, 1])
        return columns

    def _refresh(self, slots: npt.NDArray[np.int64]) -> None:
        """Compute the percentiles of seconds that changed since they were last asked for: usually one."""
        stale = slots[self._stale[slots]]
        if stale.size:
            self._percentiles[stale] = _percentiles(self._latency[stale])
            self._stale[stale] = False

    def _slots(
        self, seconds: int, now_s: float, keep_empty: bool = False
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return ring positions and seconds of a span; only seconds with a report, unless `keep_empty`."""
        end = int(now_s)
        wanted = np.arange(end - min(seconds, KEPT_S - 1), end, dtype=np.int64)
        slots = wanted % KEPT_S
        known = self._second[slots] == wanted
        return (slots, wanted) if keep_empty else (slots[known], wanted[known])


def _buckets(latency_ms: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """Return the bucket of each latency; what is not a positive number counts as shortest."""
    scaled = np.log(np.fmax(latency_ms, _SHORTEST_MS) / _SHORTEST_MS) / _STEP
    buckets: npt.NDArray[np.int64] = np.minimum(scaled, _BUCKETS - 1).astype(np.int64)
    return buckets


def _percentiles(histograms: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return p50 and p99 of each row in ms, at the geometric middle of their buckets; NaN for an empty row."""
    cumulative = histograms.cumsum(axis=1)
    total = cumulative[:, -1]
    columns = []
    for quantile in (0.5, 0.99):
        rank = np.maximum(1, np.ceil(total * quantile))
        bucket = (cumulative >= rank[:, None]).argmax(axis=1)
        columns.append(np.where(total > 0, _SHORTEST_MS * np.exp((bucket + 0.5) * _STEP), np.nan))
    return np.stack(columns, axis=1)


def _none_for_nan(values: npt.NDArray[np.float64]) -> list[float | None]:
    """Return plain numbers as JSON can carry them, rounded to a microsecond."""
    return [None if value != value else value for value in values.round(3).tolist()]
