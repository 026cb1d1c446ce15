"""Which release decides an event: the plan of its first arrival, and the canary for its share of the entities."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.releases.plan import FIRST, KEPT_MS, OWN, Choice, Plan, Plans, releases_of

A, B, C = "aa" * 32, "bb" * 32, "cc" * 32
KEYS = [f"card-{number}" for number in range(2000)]

plans = st.builds(Plan, st.sampled_from([OWN, A, B]), st.just(C), st.sampled_from([0.0, 0.25]))


def test_a_worker_without_releases_decides_all_by_its_own_detector() -> None:
    """Until the first release is activated, nothing is remembered."""
    assert Plan() == Plans().now
    assert frozenset() == Plans().releases
    assert {Choice(OWN): None} == releases_of({0: Plans()}, {0: 2}, np.array([0, 7]), lambda: ["a", "b"])


def test_an_event_is_decided_by_the_plan_of_its_sequence() -> None:
    """However often it comes again."""
    switched = Plans().switched(Plan(A), 100, 1).switched(Plan(B), 200, 2)

    assert [OWN, A, A, B] == [switched.at(sequence).champion for sequence in (99, 100, 199, 200)]
    assert {A, B} == switched.releases


def test_plans_survive_being_written() -> None:
    """They are kept in RocksDB and in the changelog."""
    switched = Plans().switched(Plan(A, B, 0.05), 100, 1)

    assert switched == Plans.parsed(switched.to_bytes())


def test_a_plan_that_decided_nothing_is_forgotten_at_once() -> None:
    """Two switches before the same event: only the second decides anything."""
    assert Plans((Plans().switches[0],)).switched(Plan(B), 5, 2) == Plans().switched(Plan(A), 5, 1).switched(
        Plan(B), 5, 2
    )


def test_plans_replaced_long_ago_are_forgotten() -> None:
    """The events that they decided are not in the state any more; a plan replaced within three days is kept."""
    old = Plans().switched(Plan(A), 10, 1).switched(Plan(B), 20, 2)
    soon, late = old.switched(Plan(C), 30, KEPT_MS), old.switched(Plan(C), 30, 2 + KEPT_MS)

    assert {A, B, C} == soon.releases
    assert {B, C} == late.releases
    assert B == late.at(5).champion


def test_after_growing_only_the_plan_in_force_counts() -> None:
    """Growing numbers all events anew, before all later ones."""
    assert Plan(B) == Plans().switched(Plan(A), 10, 1).switched(Plan(B), 20, 2).only_now().at(FIRST)


def test_a_larger_share_of_a_canary_keeps_the_entities_of_the_smaller() -> None:
    """So growing a canary moves no entity back; a share of 5 % is 5 %."""
    small, large = ({key for key in KEYS if Plan(A, B, share).choice(key).canary} for share in (0.05, 0.2))

    assert small < large
    assert 60 <= len(small) <= 140
    assert 330 <= len(large) <= 470


def test_another_canary_takes_other_entities() -> None:
    """Otherwise the same cards would try everything."""
    one, other = ({key for key in KEYS if Plan(A, canary, 0.5).choice(key).canary} for canary in (B, C))

    assert 400 <= len(one & other) <= 600


@dataclass
class Row:
    """An event of a micro-batch."""

    partition: int
    sequence: int
    key: str


@given(
    switches=st.lists(st.lists(st.tuples(plans, st.integers(1, 50)), max_size=4), min_size=2, max_size=2),
    rows=st.lists(
        st.builds(Row, st.integers(0, 1), st.integers(0, 150), st.sampled_from(KEYS[:20])), max_size=12
    ),
)
def test_a_micro_batch_is_divided_as_each_of_its_events_would_be(
    switches: list[list[tuple[Plan, int]]], rows: list[Row]
) -> None:
    """Oracle: for each event, walk through its partition's switches up to its sequence."""
    rows = sorted(rows, key=lambda row: row.partition)
    histories, expected = {}, []
    for partition, each in enumerate(switches):
        history, at = Plans(), 0
        for step, (plan, gap) in enumerate(each):
            at += gap
            history = history.switched(plan, at, step)
        histories[partition] = history
    for row in rows:
        in_force, at = Plan(), 0
        for plan, gap in switches[row.partition]:
            at += gap
            if at <= row.sequence:
                in_force = plan
        expected.append(in_force.choice(row.key))

    counts = {partition: sum(row.partition == partition for row in rows) for partition in (0, 1)}
    sequences = np.array([row.sequence for row in rows], np.int64)
    found = releases_of(histories, counts, sequences, lambda: [row.key for row in rows])

    assert expected == [
        next(release for release, each in found.items() if each is None or row in each.tolist())
        for row in range(len(rows))
    ]
