"""A micro-batch in plain Python answers and writes what one by columns does, to the last byte."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.windows.cells import MISSING
from fraudstream.domain.windows.entries import CENTS_MAX
from fraudstream.domain.windows.velocity import CARD_WINDOWS, Windows, declared
from fraudstream.tables.activity_batch import Arrivals, MicroBatch, Update
from fraudstream.tables.activity_layout import Clock
from fraudstream.tables.small_batch import SmallBatch
from tests.tables.test_activity import NOON, token

ALLOWED_LATENESS_MS = 3_600_000
WITH_VALUES = Windows(
    [
        declared("spent", "sum", 600_000, "amount"),
        declared("shops", "distinct", 3_600_000, "shop", "string"),
        declared("mean_age", "mean", 86_400_000, "age", "float"),
        declared("quiet_s", "seconds_since_previous", 60_000),
    ]
)

events = st.tuples(
    st.sampled_from([0, 0, 0, 1, 2, 3]),
    st.integers(-700, 700) | st.sampled_from([-86_400, -7_200, -600, 0, 599, 600, 86_400]),
    st.integers(-3, 3) | st.sampled_from([CENTS_MAX, -CENTS_MAX]),
    st.integers(0, 30),
    st.booleans(),
    st.tuples(st.sampled_from([MISSING, -5, 7]), st.sampled_from([MISSING, 0, 2**62])),
)
batches = st.lists(st.lists(events, max_size=12), max_size=6)


class Store:
    """What two partitions hold; the entities of even number are on the first."""

    def __init__(self) -> None:
        self.buckets: dict[int, dict[bytes, bytes]] = {0: {}, 1: {}}
        self.clocks = {0: Clock(), 1: Clock()}

    def read(self, partition: int, keys: list[bytes]) -> dict[bytes, bytes]:
        """Return those buckets that exist."""
        here = self.buckets[partition]
        return {key: here[key] for key in keys if key in here}

    def write(self, updates: dict[int, Update]) -> None:
        """Write what a micro-batch wants written."""
        for partition, update in updates.items():
            self.buckets[partition] |= update.buckets
            self.clocks[partition] = update.clock


def arrivals(batch: list[Any], first_offset: int, several: bool) -> Arrivals:
    """Return a micro-batch of both partitions; some of its events are repartitioned."""
    batch = sorted(batch, key=lambda event: event[0] % 2)
    offsets = [
        None if repartitioned else first_offset + row for row, (*_, repartitioned, _) in enumerate(batch)
    ]
    values = [event[5] for event in batch]
    return Arrivals(
        {here: sum(event[0] % 2 == here for event in batch) for here in (0, 1)},
        [token(event[0]) for event in batch],
        [NOON + event[1] * 1000 for event in batch],
        [event[2] for event in batch],
        [event[3] << 59 for event in batch],
        offsets,
        [[pair[place] for pair in values] for place in (0, 1)],
        [row % 3 for row in range(len(batch))] if several else (),
    )


@pytest.mark.parametrize("windows", [CARD_WINDOWS, WITH_VALUES], ids=["card", "with values"])
@given(batches, st.booleans())
def test_small_batches_are_what_columns_make_of_them(
    windows: Windows, stream: list[list[Any]], several: bool
) -> None:
    """Ties, late events, refunds, repetitions, conflicts and repartitioned events of two partitions, on what was stored."""
    store = Store()
    for number, batch in enumerate(stream):
        coming = arrivals(batch, number * 100, several)
        if not windows.layout.values:
            coming = coming._replace(values=())
        by_columns, small = [
            kind(windows, store.read, ALLOWED_LATENESS_MS).aggregate(coming, store.clocks)
            for kind in (MicroBatch, SmallBatch)
        ]

        assert by_columns.conflicts.tolist() == small.conflicts.tolist()
        settled = np.delete(np.arange(len(batch)), by_columns.conflicts)
        assert by_columns.late_by_ms[settled].tolist() == small.late_by_ms[settled].tolist()
        for expected, column in zip(by_columns.windows, small.windows, strict=True):
            assert expected.dtype == column.dtype
            assert expected[settled].tobytes() == column[settled].tobytes()
        assert by_columns.updates == small.updates
        store.write(small.updates)
