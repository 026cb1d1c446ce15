"""The last fifteen minutes, second by second: outcomes, dead letters and latency.

Latency is kept as a histogram per second with bounds 5 % apart, so that percentiles of any span are a sum away
and off by at most 2.5 %. Filled once per micro-batch from whole arrays.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fraudstream.metrics import BatchReport

KEPT_S: Final = 900
OUTCOMES: Final = ("approve", "review", "block")
COUNTS: Final = (*OUTCOMES, "dead_letters", "degraded", "forwarded")
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
        return self.payments - self.counts["approve"]


class Timeline:
    """A ring of seconds; a second that nobody reported in reads as zeros."""

    def __init__(self) -> None:
        self._second = np.full(KEPT_S, -1, dtype=np.int64)
        self._counts = np.zeros((KEPT_S, len(COUNTS)), dtype=np.int64)
        self._latency = np.zeros((KEPT_S, _BUCKETS), dtype=np.int64)
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
        numbers = {
            **{outcome: report.outcomes.get(outcome, 0) for outcome in OUTCOMES},
            "dead_letters": sum(report.dead_letters.values()),
            "degraded": sum(report.degraded.values()),
            "forwarded": report.forwarded,
        }
        for column, (name, number) in enumerate(numbers.items()):
            if number:
                self._counts[slot, column] += number
                self.totals[name] += number
        if report.latency_ms.size:
            self._latency[slot] += np.bincount(_buckets(report.latency_ms), minlength=_BUCKETS)

    def span(self, seconds: int, now_s: float) -> Span:
        """Sum up the last whole seconds before `now_s` (epoch); the running second is left out."""
        slots, _ = self._slots(seconds, now_s)
        totals = self._counts[slots].sum(axis=0).tolist()
        latency = self._latency[slots].sum(axis=0)
        return Span(
            seconds,
            dict(zip(COUNTS, totals, strict=True)),
            _percentile(latency, 50.0),
            _percentile(latency, 99.0),
        )

    def series(self, seconds: int, now_s: float) -> dict[str, list[int] | list[float | None]]:
        """Return columns, oldest second first: `time` (epoch s), one per count, `p50_ms` and `p99_ms`.

        Latencies are None in seconds without a payment. At most KEPT_S seconds are known.
        """
        slots, wanted = self._slots(seconds, now_s, keep_empty=True)
        known = self._second[slots] == wanted
        counts = np.where(known[:, None], self._counts[slots], 0)
        columns: dict[str, list[int] | list[float | None]] = {"time": wanted.tolist()}
        columns.update({name: counts[:, column].tolist() for column, name in enumerate(COUNTS)})
        latency = np.where(known[:, None], self._latency[slots], 0)
        columns["p50_ms"] = _percentiles(latency, 50.0)
        columns["p99_ms"] = _percentiles(latency, 99.0)
        return columns

    def _slots(
        self, seconds: int, now_s: float, keep_empty: bool = False
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return ring positions and seconds of a span; only those that were reported in, unless `keep_empty`."""
        end = int(now_s)
        wanted = np.arange(end - min(seconds, KEPT_S - 1), end, dtype=np.int64)
        slots = wanted % KEPT_S
        known = self._second[slots] == wanted
        return (slots, wanted) if keep_empty else (slots[known], wanted[known])


def _buckets(latency_ms: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """Return the bucket of each latency; what is not a positive number counts as shortest."""
    scaled = np.log(np.maximum(np.nan_to_num(latency_ms), _SHORTEST_MS) / _SHORTEST_MS) / _STEP
    buckets: npt.NDArray[np.int64] = np.minimum(scaled, _BUCKETS - 1).astype(np.int64)
    return buckets


def _percentiles(histograms: npt.NDArray[np.int64], percent: float) -> list[float | None]:
    """Return a percentile of each row, in ms, at the geometric middle of its bucket."""
    cumulative = histograms.cumsum(axis=1)
    total = cumulative[:, -1]
    rank = np.maximum(1, np.ceil(total * (percent / 100.0)))
    bucket = (cumulative >= rank[:, None]).argmax(axis=1)
    values = np.round(_SHORTEST_MS * np.exp((bucket + 0.5) * _STEP), 3)
    return [value if count else None for value, count in zip(values.tolist(), total.tolist(), strict=True)]


def _percentile(histogram: npt.NDArray[np.int64], percent: float) -> float | None:
    """Return a percentile of one histogram in ms, None if it is empty."""
    return _percentiles(histogram[None, :], percent)[0]
