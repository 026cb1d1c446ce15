"""Which release decides an event: the plan of its first arrival, and the canary for its share of the entities."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.lists.as_of import STEPS_MAX
from fraudstream.domain.releases.plan import FIRST, KEPT_MS, OWN, Choice, Plan, Plans, newest, releases_of

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


def test_an_event_is_decided_with_the_lists_of_its_sequence() -> None:
    """The first revision that was noted stands for what came before, too; None is the newest."""
    changed = Plans().with_lists(7, 50, 1).with_lists(9, 100, 2).switched(Plan(A), 120, 3)

    asked = [changed.choice(sequence, "a") for sequence in (0, 99, 100, 120)]
    assert [(OWN, 7), (OWN, 7), (OWN, 9), (A, 9)] == [(each.release, each.lists_as_of) for each in asked]
    assert None is Plans().choice(0, "a").lists_as_of
    assert (9, None) == (changed.lists_as_of, Plans().lists_as_of)
    assert changed == Plans.parsed(changed.to_bytes())


def test_plans_of_before_lists_were_noted_are_read() -> None:
    """Workers of two versions share a changelog."""
    assert Plans().switched(Plan(A), 9, 1) == Plans.parsed(
        b'{"switches":[{"plan":{"champion":"","canary":"","share":0.0},"from_sequence":-9223372036854775808,"at_ms":0},'
        b'{"plan":{"champion":"%b","canary":"","share":0.0},"from_sequence":9,"at_ms":1}]}' % A.encode()
    )


def test_lists_that_change_all_the_time_are_remembered_for_a_number_of_changes() -> None:
    """And for three days; so what a partition remembers has a size."""
    plans = Plans()
    for number in range(STEPS_MAX + 10):
        plans = plans.with_lists(number, 10 * number, number)

    assert STEPS_MAX == len(plans.lists)
    assert (10, STEPS_MAX + 9) == (plans.choice(0, "a").lists_as_of, plans.lists_as_of)
    assert [STEPS_MAX + 9, 5] == [step.revision for step in plans.with_lists(5, 10**9, 10**12).lists]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), max_size=12), st.integers(0, 12))
def test_records_of_the_changelog_say_together_what_was_remembered(
    changes: list[tuple[int, int]], repeated: int
) -> None:
    """Each says the last two changes, and one may be said again; whoever reads all of them knows every change."""
    kept, read, sequence = Plans(), Plans(), 0
    for at_ms, (revision, gap) in enumerate(changes):
        sequence += gap
        kept = kept.with_lists(revision, sequence, at_ms)
        for _ in range(1 + (at_ms == repeated)):
            read = Plans.parsed(kept.to_say().to_bytes()).after(read)

    assert kept == read


def test_after_growing_the_lists_in_force_count_alone() -> None:
    """Those that were switched last, of all partitions."""
    one = Plans().switched(Plan(A), 10, 9).with_lists(3, 10, 1)
    other = Plans().with_lists(3, 10, 1).with_lists(4, 20, 5)

    assert Choice(A, lists_as_of=4) == newest([Plans(), one, other]).choice(FIRST, "a")


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
    switches=st.lists(
        st.lists(st.tuples(plans | st.integers(1, 9), st.integers(1, 50)), max_size=4), min_size=2, max_size=2
    ),
    rows=st.lists(
        st.builds(Row, st.integers(0, 1), st.integers(0, 150), st.sampled_from(KEYS[:20])), max_size=12
    ),
)
def test_a_micro_batch_is_divided_as_each_of_its_events_would_be(
    switches: list[list[tuple[Plan | int, int]]], rows: list[Row]
) -> None:
    """Oracle: for each event, walk through its partition's switches of plans and lists up to its sequence."""
    rows = sorted(rows, key=lambda row: row.partition)
    histories, expected = {}, []
    for partition, each in enumerate(switches):
        history, at = Plans(), 0
        for step, (plan, gap) in enumerate(each):
            at += gap
            history = (
                history.switched(plan, at, step)
                if isinstance(plan, Plan)
                else history.with_lists(plan, at, step)
            )
        histories[partition] = history
    for row in rows:
        in_force, at = Plan(), 0
        lists = next((each for each, _ in switches[row.partition] if isinstance(each, int)), None)
        for plan, gap in switches[row.partition]:
            at += gap
            if at <= row.sequence and isinstance(plan, Plan):
                in_force = plan
            elif at <= row.sequence and isinstance(plan, int):
                lists = plan
        expected.append(in_force.choice(row.key)._replace(lists_as_of=lists))

    counts = {partition: sum(row.partition == partition for row in rows) for partition in (0, 1)}
    sequences = np.array([row.sequence for row in rows], np.int64)
    found = releases_of(histories, counts, sequences, lambda: [row.key for row in rows])

    assert expected == [
        next(release for release, each in found.items() if each is None or row in each.tolist())
        for row in range(len(rows))
    ]
