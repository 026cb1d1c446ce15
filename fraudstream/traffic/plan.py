"""How to replay a history: at its own pace or faster, in order or shuffled, from where the last attempt ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.traffic.encoder import EncodedBatch, Encoder, Floats
from fraudstream.traffic.payments import Frame, ParquetFiles, Payments

End = Literal["first", "last"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to replay. `speed` 60 sends an hour in a minute, None as fast as Kafka takes it."""

    speed: float | None = 1.0
    shuffle_seed: int | None = None
    shift_to_now: End | None = None
    labels: bool = False

    @property
    def order(self) -> str:
        """Name the order, for the bookmark."""
        return "in order" if self.shuffle_seed is None else f"shuffled {self.shuffle_seed}"

    def shift_ms(self, payments: Payments, now_ms: int) -> int:
        """Return what to add to every time so that the first or last payment is now; 0 if times stay."""
        if self.shift_to_now is None:
            return 0
        first_ms, last_ms = payments.span_ms()
        return now_ms - (first_ms if self.shift_to_now == "first" else last_ms)


def prepared(source: ParquetFiles | Frame, plan: Plan) -> Payments:
    """Return the payments in the order of the plan; raises SetupError if the plan does not fit them."""
    if not source.rows:
        raise SetupError("there are no payments to replay")
    if plan.labels and not source.labelled:
        raise SetupError(
            "the payments have no labels (column is_fraud); map their column with --column, or leave out --labels"
        )
    if plan.shuffle_seed is None:
        return source
    frame = source if isinstance(source, Frame) else source.in_memory()
    return frame.shuffled(plan.shuffle_seed)


def batches(
    payments: Payments, plan: Plan, encoder: Encoder, shift_ms: int, first_row: int
) -> Iterator[EncodedBatch]:
    """Yield the payments from a row on, ready to be sent; the first of them is due at once.

    In a shuffled replay the n-th payment leaves when the n-th in order would have: only the order changes, not the pace.
    """
    pace = _Pace(plan, payments)
    row = first_row
    for chunk in payments.chunks(first_row):
        due_s = pace.due_s(chunk, row)
        moved = chunk.with_columns(pl.col("event_time") + shift_ms) if shift_ms else chunk
        yield encoder.encode(moved, due_s, labelled=plan.labels)
        row += len(chunk)


class _Pace:
    """When each payment is due, from the history's times."""

    def __init__(self, plan: Plan, payments: Payments) -> None:
        self._speed = plan.speed
        self._times: Floats | None = None
        if plan.shuffle_seed is not None and plan.speed is not None:
            times = [chunk["event_time"].to_numpy() for chunk in payments.chunks(0)]
            self._times = np.sort(np.concatenate(times)).astype(np.float64)
        self._start_ms: float | None = None
        self._latest_ms = -np.inf

    def due_s(self, chunk: pl.DataFrame, first_row: int) -> Floats | None:
        if self._speed is None:
            return None
        if self._times is not None:
            times = self._times[first_row : first_row + len(chunk)]
        else:
            times = chunk["event_time"].to_numpy().astype(np.float64)
        times = np.maximum.accumulate(np.maximum(times, self._latest_ms))  # what arrived late leaves late
        self._latest_ms = float(times[-1])
        if self._start_ms is None:
            self._start_ms = float(times[0])
        return (times - self._start_ms) / 1000.0 / self._speed


def check_times(plan: Plan, payments: Payments, shift_ms: int, now_ms: int, future_tolerance_ms: int) -> None:
    """Raise SetupError if payments would reach the worker before their event time."""
    first_ms, last_ms = (time + shift_ms for time in payments.span_ms())
    lasts_ms = 0.0 if plan.speed is None else (last_ms - first_ms) / plan.speed
    if last_ms > now_ms + lasts_ms + future_tolerance_ms:
        raise SetupError(
            "the last payments would be sent before their event time, and workers refuse payments from the future; "
            "use --shift-to-now last, or --speed 1"
        )
