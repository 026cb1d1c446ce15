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


@pytest.mark.parametrize(
    ("after_s", "conflicts"), [(0.001, [0]), (1199, [0]), (1200, []), (-600, [0]), (-601, [])]
)
def test_an_id_with_another_time_conflicts_in_its_bucket_and_its_neighbours(
    partition: Partition, after_s: float, conflicts: list[int]
) -> None:
    """At least ten minutes either way, and less than twenty; from further away the id is a payment of its own."""
    again = partition.table.aggregate(arrivals([FIRST._replace(after_s=after_s)], first_offset=1))

    assert conflicts == again.conflicts.tolist()


@pytest.mark.parametrize("together", [True, False], ids=["one-micro-batch", "two-micro-batches"])
def test_how_far_an_id_is_known_does_not_depend_on_the_micro_batch(tmp_path: Path, together: bool) -> None:
    """A replay cuts the log in other places, and must come to the same."""
    fed = Partition(table_in(tmp_path))
    again = FIRST._replace(after_s=1200)
    if together:
        fed.feed([FIRST, again])
    else:
        fed.feed([FIRST])
        fed.feed([again], first_offset=1)

    assert 2 == len(fed.stored())


def test_a_conflict_moves_neither_the_clock_nor_the_changelog(partition: Partition) -> None:
    """Nothing is counted, so a rebuilt state could not know that time had come so far."""
    partition.feed([FIRST._replace(after_s=700)], first_offset=1)

    assert 1 == len(partition.changelog)
    assert NOON == partition.table.store.clock(0).watermark_ms


def test_between_conflicts_the_others_are_answered_as_ever(partition: Partition) -> None:
    """Each answer stays in its row."""
    conflict, other = FIRST._replace(cents=1), Paid(card=0, after_s=9, tid=2)
    aggregates = partition.table.aggregate(arrivals([conflict, other, conflict, conflict], first_offset=1))

    assert [0, 2, 3] == aggregates.conflicts.tolist()
    assert 2 == aggregates.windows[0][1]


def test_a_repetition_is_as_late_as_the_first_time(partition: Partition) -> None:
    """Whatever the clock says when it comes again."""
    partition.feed([Paid(card=1, after_s=1150, tid=9)], first_offset=1)
    again = partition.table.aggregate(arrivals([FIRST], first_offset=2))

    assert [0] == again.late_by_ms.tolist()
