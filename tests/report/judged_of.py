"""Judged payments as tests make them up."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from fraudstream.report.judged import Judged


def judged(
    fraud: Sequence[bool],
    scores: Sequence[float],
    *,
    amounts: Sequence[float] | None = None,
    times_ms: Sequence[int] | None = None,
    entities: Sequence[int] | None = None,
    threshold: float = 0.25,
    **more: Sequence[object],
) -> Judged:
    """Return payments, of 10.00 each and a second apart if nothing else is said."""
    count = len(fraud)
    frame = pl.DataFrame(
        {
            "is_fraud": fraud,
            "amount": amounts or [10.0] * count,
            "event_time": times_ms or [1000 * at for at in range(count)],
            **more,
        }
    )
    numbers = None if entities is None else np.array(entities, np.int64)
    return Judged(frame, np.array(scores, np.float64), threshold, numbers)
