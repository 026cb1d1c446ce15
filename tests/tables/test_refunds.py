"""Refunds in the activity table: remembered like any payment, told what was spent, and no spending themselves."""

from pathlib import Path

import pytest

from tests.tables.test_activity import Paid, Partition, arrivals, table_in
from tests.windows import Told


@pytest.fixture
def partition(tmp_path: Path) -> Partition:
    """Return a partition of an empty table."""
    return Partition(table_in(tmp_path))


@pytest.mark.parametrize("batch_rows", [1, 60])
def test_a_refund_is_remembered_and_not_counted(partition: Partition, batch_rows: int) -> None:
    """Pay, refund, pay, in small and large micro-batches; sent once more, the refund is answered as the first time."""
    others = [Paid(1, 0, tid) for tid in range(57)]
    story = [Paid(0, 0, 1, 1000), Paid(0, 10, 2, -400), Paid(0, 20, 3, 2000), *others]
    got = [
        answer
        for start in range(0, len(story), batch_rows)
        for answer in partition.feed(story[start : start + batch_rows], start)
    ]

    assert [Told(1, 1000, -1, 1), Told(1, 1000, 10_000, 1), Told(2, 3000, 20_000, 2)] == got[:3]
    assert 57 == got[-1].payments
    changes = len(partition.changelog)
    assert got[1:2] == partition.feed(story[1:2], 60)
    assert changes == len(partition.changelog)


def test_a_refund_with_another_amount_is_a_conflict(partition: Partition) -> None:
    """A sign is a part of an amount."""
    partition.feed([Paid(0, 0, 1, -400)])

    assert [0] == partition.table.aggregate(arrivals([Paid(0, 0, 1, 400)], 1)).conflicts.tolist()
    assert [0] == partition.table.aggregate(arrivals([Paid(0, 0, 1, -401)], 1)).conflicts.tolist()
