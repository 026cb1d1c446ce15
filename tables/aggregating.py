"""Each event's windows, and what to write: of few events in plain Python, of many by columns."""

from collections.abc import Callable, Mapping

import numpy as np

from fraudstream.domain.windows.velocity import Windows
from fraudstream.tables.activity_batch import Arrivals, BatchAggregates, MicroBatch
from fraudstream.tables.activity_layout import Clock
from fraudstream.tables.small_batch import SmallBatch

COLUMNAR_FROM = 24
"""From so many payments on columns are faster."""


def aggregate(
    windows: Windows,
    arrivals: Arrivals,
    clocks: Mapping[int, Clock],
    read: Callable[[int, list[bytes]], dict[bytes, bytes]],
    allowed_lateness_ms: int,
) -> BatchAggregates:
    """Aggregate the payments in order, from stored buckets (`read`: partition, keys) and from each other.

    A conflicting payment is not logged in the changelog, so it does not advance the watermark.
    """
    kind = SmallBatch if len(arrivals.entity) < COLUMNAR_FROM else MicroBatch
    batch = kind(windows, read, allowed_lateness_ms)
    aggregates = batch.aggregate(arrivals, clocks)
    gone = aggregates.conflicts
    if not len(gone):
        return aggregates
    rest = batch.aggregate(arrivals.without(gone), clocks)
    places = gone - np.arange(len(gone))
    return rest._replace(
        windows=[np.insert(column, places, 0) for column in rest.windows],
        late_by_ms=np.insert(rest.late_by_ms, places, 0),
        conflicts=gone,
        sequence=np.insert(rest.sequence, places, 0),
    )
