"""How far a transaction id is known again: what `test_crash_schedules.py` leaves out, said exactly."""

from pathlib import Path

import pytest

from tests.tables.test_activity import NOON, Paid, Partition, arrivals, table_in

FIRST = Paid(card=0, after_s=0, tid=1, cents=100)


@pytest.fixture
def partition(tmp_path: Path) -> Partition:
    """Return a partition that has seen one payment."""
    fed = Partition(table_in(tmp_path))
    fed.feed([FIRST])
    return fed


@pytest.mark.parametrize(("after_s", "conflicts"), [(0.001, [0]), (1199, [0]), (1200, []), (-1, [])])
def test_an_id_with_another_time_conflicts_in_its_bucket_and_the_next(
    partition: Partition, after_s: float, conflicts: list[int]
) -> None:
    """A payment's own bucket and the one before are read; from elsewhere the id is a payment of its own."""
    again = partition.table.observe(arrivals([FIRST._replace(after_s=after_s)], first_offset=1))

    assert conflicts == again.conflicts.tolist()


def test_a_conflict_moves_the_clock_but_not_the_changelog(partition: Partition) -> None:
    """Nothing is counted, so a rebuilt state does not know that time had come so far."""
    partition.feed([FIRST._replace(after_s=700)], first_offset=1)

    assert 1 == len(partition.changelog)
    assert NOON + 700_000 == partition.table.store.clock(0).watermark_ms
