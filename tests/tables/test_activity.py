"""The activity table on a real RocksDB: exact in any order, in any batch size, and the same again after a restart."""

from pathlib import Path
from typing import NamedTuple

import faust
import pytest
from faust.types import TP
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraudstream.adapters.kafka.coalescing_consumer import coalesce
from fraudstream.adapters.kafka.log_losses import LogLosses
from fraudstream.adapters.kafka.publisher import Acknowledged
from fraudstream.domain.windows.entries import WINDOW_MS, Entry
from fraudstream.domain.windows.velocity import CARD_WINDOWS, Windows
from fraudstream.tables.activity import ActivityTable
from fraudstream.tables.activity_batch import Arrivals, BatchAggregates
from fraudstream.tables.activity_layout import Clock, bucket_key, merged
from tests.windows import DELTA_BYTES, LAYOUT, Told, all_told

NOON = 1_580_558_400_000
ALLOWED_LATENESS_MS = 3_600_000
HOURS_S = 3 * ALLOWED_LATENESS_MS / 1000
SOURCE = TP("transactions", 0)


class Paid(NamedTuple):
    """A payment; its place in the list is its offset."""

    card: int
    after_s: float
    tid: int
    cents: int = 100


def token(card: int) -> bytes:
    """Return the token of a card in these tests."""
    return card.to_bytes(16, "big")


def arrivals(payments: list[Paid], first_offset: int = 0, repartitioned: bool = False) -> Arrivals:
    """Return payments as the agent hands them over."""
    return Arrivals(
        {0: len(payments)},
        [token(paid.card) for paid in payments],
        [NOON + round(paid.after_s * 1000) for paid in payments],
        [paid.cents for paid in payments],
        [paid.tid for paid in payments],
        [None if repartitioned else offset for offset, _ in enumerate(payments, first_offset)],
    )


def answered(aggregates: BatchAggregates) -> list[Told]:
    """Return the answers row by row."""
    return all_told(aggregates.windows)


def table_in(directory: Path, windows: Windows = CARD_WINDOWS) -> ActivityTable:
    """Return a table with its RocksDB in this directory; no broker is asked for anything."""
    app = faust.App("test", broker="kafka://localhost:1", datadir=str(directory), store="rocksdb://")
    coalesce(app, [SOURCE.topic], [], 512, LogLosses())
    return ActivityTable(
        app,
        allowed_lateness_ms=ALLOWED_LATENESS_MS,
        name="activity",
        partitions=1,
        stall_timeout_s=1,
        windows=windows,
    )


@pytest.fixture
def table(tmp_path: Path) -> ActivityTable:
    """Return an empty table."""
    return table_in(tmp_path)


class Partition:
    """Feeds one partition of a table as the agent does: aggregate, publish the delta, write."""

    def __init__(self, table: ActivityTable) -> None:
        self.table = table
        self.changelog: list[bytes] = []

    def feed(self, payments: list[Paid], first_offset: int = 0, repartitioned: bool = False) -> list[Told]:
        """Aggregate and write one micro-batch."""
        aggregates = self.table.aggregate(arrivals(payments, first_offset, repartitioned))
        update = aggregates.updates[0]
        acknowledged = []
        if update.delta:
            self.changelog.append(update.delta)
            acknowledged = [Acknowledged(len(self.changelog) - 1, 1)]
        self.table.apply(0, update, acknowledged, {SOURCE: first_offset + len(payments) - 1})
        return answered(aggregates)

    def stored(self) -> dict[bytes, bytes]:
        """Return all buckets."""
        database = self.table.store._db_for_partition(0)
        return {key: value for key, value in database.items() if not key.startswith(b"__")}


payments = st.lists(
    st.builds(
        Paid,
        card=st.integers(0, 2),
        after_s=st.one_of(st.integers(0, 1300), st.sampled_from([0, 60, 600, 1200])),
        tid=st.integers(0, 60),
    ),
    min_size=1,
    max_size=90,
)


def oracle(sequence: list[Paid]) -> list[Told | None]:
    """Told every payment from the list of those before it; None for a conflicting id. Written without windows."""
    counted: dict[tuple[int, int], tuple[Paid, Told]] = {}
    answers: list[Told | None] = []
    for paid in sequence:
        known = counted.get((paid.card, paid.tid))
        if known is not None:
            same = (known[0].after_s, known[0].cents) == (paid.after_s, paid.cents)
            answers.append(known[1] if same else None)
            continue
        before = [other for other, _ in counted.values() if other.card == paid.card and other.cents >= 0]
        window = [other for other in before if 0 <= paid.after_s - other.after_s <= 600]
        answer = Told(
            len(window) + (paid.cents >= 0),
            sum(other.cents for other in [*window, paid] if other.cents >= 0),
            round(min((paid.after_s - other.after_s for other in window), default=-0.001) * 1000),
            sum(paid.after_s - other.after_s <= 60 for other in window) + (paid.cents >= 0),
        )
        counted[paid.card, paid.tid] = (paid, answer)
        answers.append(answer)
    return answers


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payments, st.sampled_from([1, 7, 30, 100]))
def test_every_answer_equals_the_definition(
    tmp_path_factory: pytest.TempPathFactory, sequence: list[Paid], batch_rows: int
) -> None:
    """Disorder, ties, duplicates, refunds; sequential (small) and columnar (large) batches; across RocksDB in between."""
    times = {(paid.card, paid.tid): paid.after_s for paid in reversed(sequence)}
    sequence = [paid._replace(after_s=times[paid.card, paid.tid], cents=paid.tid - 12) for paid in sequence]
    partition = Partition(table_in(tmp_path_factory.mktemp("table")))
    got = [
        answer
        for start in range(0, len(sequence), batch_rows)
        for answer in partition.feed(sequence[start : start + batch_rows], start)
    ]

    assert oracle(sequence) == got


def test_a_replay_writes_nothing_and_answers_as_the_first_time(table: ActivityTable) -> None:
    """What at-least-once delivery needs to become exactly once."""
    partition = Partition(table)
    sequence = [Paid(number % 3, number * 10, number) for number in range(60)]
    first = partition.feed(sequence)
    before = partition.stored()

    assert first == partition.feed(sequence)
    assert before == partition.stored()
    assert 1 == len(partition.changelog)


def test_a_replay_of_a_part_in_other_batches_answers_the_same(table: ActivityTable) -> None:
    """After a crash the batches fall elsewhere; entries that came later must not be seen."""
    partition = Partition(table)
    sequence = [Paid(0, number, number) for number in range(40)]
    first = partition.feed(sequence)

    assert first[10:13] == partition.feed(sequence[10:13], 10)


def test_conflicting_ids_are_named_and_not_counted(table: ActivityTable) -> None:
    """The first content stays."""
    partition = Partition(table)
    partition.feed([Paid(0, 0, 1, 100)])
    aggregates = table.aggregate(arrivals([Paid(0, 0, 1, 999), Paid(0, 1, 2)], 1))

    assert [0] == aggregates.conflicts.tolist()
    assert 2 == answered(aggregates)[1].payments


def test_repartitioned_payments_come_after_what_was_there_and_stay_there(table: ActivityTable) -> None:
    """They have offsets of another topic, so their place is remembered with them."""
    partition = Partition(table)
    partition.feed([Paid(0, 0, 1), Paid(0, 2, 2)])
    repartitioned = partition.feed([Paid(0, 1, 3)], repartitioned=True)
    after = partition.feed([Paid(0, 3, 4)], first_offset=2)

    assert 2 == repartitioned[0].payments
    assert 4 == after[0].payments
    assert repartitioned == partition.feed([Paid(0, 1, 3)], repartitioned=True)


def test_a_micro_batch_without_payments_of_a_fresh_partition_can_be_written(table: ActivityTable) -> None:
    """Its records were all of other partitions' cards; there is no arrival yet."""
    assert [] == Partition(table).feed([])
    assert Clock() == table.store.clock(0)


def test_partitions_are_answered_together_and_kept_apart(table: ActivityTable) -> None:
    """One answer, a clock and a delta for each."""
    paid = arrivals([Paid(0, 50, 1), Paid(0, 51, 2), Paid(1, 10, 3), Paid(1, 9, 4)])
    aggregates = table.aggregate(paid._replace(rows={2: 2, 5: 2}, offset=[7, 8, 100, 101]))

    assert [1, 2, 1, 1] == [answer.payments for answer in answered(aggregates)]
    assert [0, 0, 0, 1000] == aggregates.late_by_ms.tolist()
    assert Clock(NOON + 51_000, 8 << 28) == aggregates.updates[2].clock
    assert Clock(NOON + 10_000, 101 << 28) == aggregates.updates[5].clock
    assert {token(0)} == {aggregates.updates[2].delta[at : at + 16] for at in (0, DELTA_BYTES)}
    assert {token(1)} == {aggregates.updates[5].delta[at : at + 16] for at in (0, DELTA_BYTES)}


def test_the_changelog_rebuilds_the_same_state(table: ActivityTable) -> None:
    """Every batch twice and in pieces: the merge drops what it knows."""
    partition = Partition(table)
    for start in range(0, 60, 20):
        partition.feed([Paid(number % 3, number * 20, number) for number in range(start, start + 20)], start)
    rebuilt: dict[bytes, bytes] = {}
    clock = Clock()
    for deltas in ([partition.changelog[0]], partition.changelog[:2], partition.changelog):
        changed, clock = merged(LAYOUT, lambda _keys, all_of_it=rebuilt: all_of_it, deltas, clock)
        rebuilt |= changed

    assert partition.stored() == rebuilt
    assert table.store.clock(0) == clock


def test_a_delta_is_the_token_and_the_entry(table: ActivityTable) -> None:
    """The changelog's form is fixed: a worker of tomorrow must read it."""
    update = table.aggregate(arrivals([Paid(7, 0, 5, 250)], 3)).updates[0]

    assert DELTA_BYTES == len(update.delta)
    assert token(7) == update.delta[:16]
    assert Entry(NOON, 250, 0, 5, 3 << 28) == next(LAYOUT.unpack(update.delta[16:]))


def test_the_changelog_offset_is_written_with_the_state(table: ActivityTable) -> None:
    """Recovery starts where the state stands."""
    partition = Partition(table)
    partition.feed([Paid(0, 0, 1)])
    partition.feed([Paid(0, 1, 2)], 1)

    assert 1 == table.store.persisted_offset(TP("test-activity-changelog", 0))


def test_after_a_foreign_changelog_record_the_stored_offset_stands_still(table: ActivityTable) -> None:
    """Offsets between ours belong to a worker thought dead: the next recovery must read them."""
    partition = Partition(table)
    partition.feed([Paid(0, 0, 1)])
    update = table.aggregate(arrivals([Paid(0, 1, 2)], 1)).updates[0]
    table.apply(0, update, [Acknowledged(5, 1)], {SOURCE: 1})

    assert 0 == table.store.persisted_offset(TP("test-activity-changelog", 0))
    assert 2 == len(partition.stored()[bucket_key(NOON, token(0))]) // LAYOUT.size


def test_old_buckets_go_when_a_replay_can_no_longer_need_them(table: ActivityTable) -> None:
    """Judged by the watermark of committed micro-batches, not by the newest payment."""
    partition = Partition(table)
    partition.feed([Paid(0, 0, 1)])
    partition.feed([Paid(1, HOURS_S, 2)], 1)
    assert 2 == len(partition.stored())

    table.app.consumer._confirmed[SOURCE] = 2
    partition.feed([Paid(1, HOURS_S + 1, 3)], 2)

    assert [bucket_key(NOON + 3 * ALLOWED_LATENESS_MS, token(1))] == list(partition.stored())


def test_a_replay_expires_nothing_that_it_still_needs(table: ActivityTable) -> None:
    """After a crash the state knows of later payments; committing the first of the replayed ones must not cost the others."""
    sequence = [Paid(0, 0, 1), Paid(0, 1, 2), Paid(0, 2, 3), Paid(0, HOURS_S, 4)]
    partition = Partition(table)
    first = partition.feed(sequence)
    table._expiry.forget()
    again = []
    for offset, paid in enumerate(sequence):
        again += partition.feed([paid], offset)
        table.app.consumer._confirmed[SOURCE] = offset + 1

    assert first == again


def test_a_page_sees_a_cards_entries_up_to_the_watermark(table: ActivityTable) -> None:
    """And nothing of a card that never paid."""
    Partition(table).feed([Paid(0, 0, 1), Paid(0, WINDOW_MS / 1000 - 1, 2), Paid(1, 600, 3)])
    found = table.store.activity_of(token(0).hex())

    assert found is not None
    assert [NOON, NOON + WINDOW_MS - 1000] == [entry.event_time_ms for entry in found[0]]
    assert NOON + WINDOW_MS == found[1]
    assert table.store.activity_of(token(9).hex()) is None
