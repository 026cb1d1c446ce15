"""The ten-minute window, against its definition."""

from struct import Struct
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.windows.entity_window import Conflict, EntityWindow
from fraudstream.domain.windows.entries import (
    CENTS_MAX,
    WINDOW_MS,
    Entry,
    Layout,
    Value,
    unpack_all,
    unpack_first,
)
from fraudstream.domain.windows.velocity import CARD_WINDOWS
from tests.windows import LAYOUT, Told, told

NOON = 1_580_558_400_000
ALLOWED_LATENESS_MS = 3_600_000


class Paid(NamedTuple):
    """A payment of the one card these tests are about; `after_s` counts from noon."""

    tid: int
    after_s: float
    cents: int = 100


def add(window: EntityWindow, after_ms: int, cents: int, late_by_ms: int, tid: int, sequence: int) -> Told:
    """Add a payment and return its answer."""
    return told(window.add(Entry(NOON + after_ms, cents, late_by_ms, tid, sequence)).numbers)


def aggregated(*payments: Paid) -> list[Told]:
    """Add payments in order of arrival and return all answers."""
    window = EntityWindow(CARD_WINDOWS, [], ALLOWED_LATENESS_MS)
    return [
        add(window, round(paid.after_s * 1000), paid.cents, 0, paid.tid, sequence)
        for sequence, paid in enumerate(payments)
    ]


def test_a_single_payment_counts_itself() -> None:
    """The window of a payment includes the payment itself."""
    assert [Told(1, 250, -1, 1)] == aggregated(Paid(1, 0, 250))


#   0 ───────────── 600 601
#   a |─────────────|        ten minutes of a end at 600, inclusive
#   b  |────────────────|    so b, at 601, stands alone
def test_a_payment_older_than_ten_minutes_no_longer_counts() -> None:
    """The window reaches back ten minutes, both ends included, not a millisecond more."""
    assert 2 == aggregated(Paid(1, 0), Paid(2, 600))[-1].payments
    assert 1 == aggregated(Paid(1, 0), Paid(2, 600.001))[-1].payments


def test_the_minute_reaches_back_sixty_seconds_inclusive() -> None:
    """The shorter span has the same ends."""
    assert 2 == aggregated(Paid(1, 0), Paid(2, 60))[-1].payments_1m
    assert 1 == aggregated(Paid(1, 0), Paid(2, 60.001))[-1].payments_1m


def test_of_two_payments_at_the_same_time_only_the_second_to_arrive_sees_the_other() -> None:
    """Ties are decided by arrival, as a stream has to."""
    first, second = aggregated(Paid(1, 5), Paid(2, 5))

    assert 1 == first.payments
    assert 2 == second.payments
    assert 0 == second.ms_since_previous


#   arrival   a(0)  b(100)  c(50)
#   c sees a, not b: b lies after it
def test_a_late_payment_s_window_ends_at_its_own_time() -> None:
    """What happened after it does not count, although it arrived before."""
    answers = aggregated(Paid(1, 0), Paid(2, 100), Paid(3, 50))

    assert Told(2, 200, 50_000, 2) == answers[-1]


def test_a_replay_is_answered_as_the_first_time() -> None:
    """The same id is not counted again and does not see what came after it."""
    first, _, again, after = aggregated(Paid(1, 0), Paid(2, 1), Paid(1, 0), Paid(3, 2))

    assert first == again
    assert 3 == after.payments


def test_the_same_id_with_another_amount_is_a_conflict() -> None:
    """The worker cannot know which of the two is right."""
    with pytest.raises(Conflict):
        aggregated(Paid(1, 0, 100), Paid(1, 0, 101))


def test_a_payment_beyond_the_allowed_lateness_leaves_out_what_may_have_expired() -> None:
    """Otherwise its answer would depend on when old buckets happen to be deleted."""
    window = EntityWindow(CARD_WINDOWS, [], ALLOWED_LATENESS_MS)
    add(window, 0, 100, 0, 1, 0)
    kept = add(window, 1000, 100, ALLOWED_LATENESS_MS, 2, 1)
    cut = add(window, 2000, 100, ALLOWED_LATENESS_MS + WINDOW_MS - 1500, 3, 2)

    assert 2 == kept.payments
    assert 2 == cut.payments


@pytest.mark.parametrize("cents", [CENTS_MAX, -CENTS_MAX, 0, -1, 2**32, -(2**32)])
def test_an_entry_has_32_bytes_and_8_for_each_value(cents: int) -> None:
    """The stored form is fixed: a changelog written today must be readable tomorrow."""
    entry = Entry(NOON, cents, 2**32 - 1, 2**64 - 1, 2**63 - 1)
    wide = Layout(3_600_000, (Value("shop", "string"), Value("km", "float")))
    with_values = entry._replace(values=(-(2**63), 2**63 - 1))

    assert 32 == LAYOUT.size == len(LAYOUT.pack(entry))
    assert 48 == wide.size == len(wide.pack(with_values))
    assert [entry] == unpack_all(LAYOUT, [LAYOUT.pack(entry)])
    assert [with_values] == unpack_all(wide, [wide.pack(with_values)])
    columns = wide.unpack_columns(np.frombuffer(wide.pack(with_values), wide.dtype))
    assert [with_values] == list(columns.rows())
    assert wide.pack(with_values) == wide.pack_columns(columns).tobytes()


def test_what_releases_before_velocity_features_stored_is_read_as_it_was() -> None:
    """Amounts had 32 signed bits, and none before there were refunds."""
    stored = Struct("<qIIQq").pack(NOON, 1_000_000_000, 7, 2**64 - 1, 2**63 - 1)
    refund = Struct("<qiIQq").pack(NOON, -5, 7, 2**64 - 1, 2**63 - 1)

    assert [Entry(NOON, 1_000_000_000, 7, 2**64 - 1, 2**63 - 1)] == list(unpack_first(stored))
    assert [Entry(NOON, -5, 7, 2**64 - 1, 2**63 - 1)] == list(unpack_first(refund))


#   pay 1.00 at 0 · refund at 10 · pay 2.00 at 20 · a late refund at 15 and a late payment of 4.00 at 15
def test_a_refund_is_told_what_was_spent_and_is_no_spending() -> None:
    """Neither for itself nor for anyone after it, in order or late."""
    answers = aggregated(Paid(1, 0), Paid(2, 10, -40), Paid(3, 20, 200), Paid(4, 15, -1), Paid(5, 15, 400))

    assert Told(1, 100, -1, 1) == answers[0]
    assert Told(1, 100, 10_000, 1) == answers[1]
    assert Told(2, 300, 20_000, 2) == answers[2]
    assert Told(1, 100, 15_000, 1) == answers[3]
    assert Told(2, 500, 15_000, 2) == answers[4]


def test_a_refund_on_a_card_that_paid_nothing_finds_nothing() -> None:
    """Not even an earlier refund."""
    assert [Told(0, 0, -1, 0)] * 2 == aggregated(Paid(1, 0, -40), Paid(2, 1, -40))


payments = st.lists(
    st.builds(
        Paid,
        tid=st.integers(0, 40),
        after_s=st.one_of(st.integers(0, 1300), st.sampled_from([0, 60, 600, 660, 1200])),
        cents=st.just(0),
    ),
    max_size=60,
)


def by_definition(seen: list[Paid], now: Paid) -> tuple[int, int, float]:
    """Count, cents and seconds to the previous one, straight from the design's sentence."""
    spent = [paid for paid in seen if paid.cents >= 0]
    window = [paid for paid in spent if now.after_s - 600 <= paid.after_s <= now.after_s]
    previous = max((paid.after_s for paid in window), default=None)
    return (
        len(window) + (now.cents >= 0),
        sum(paid.cents for paid in window) + max(now.cents, 0),
        -1 if previous is None else (now.after_s - previous) * 1000,
    )


@given(payments, st.integers(1, 10))
def test_the_window_equals_its_definition(arrivals: list[Paid], rows_per_batch: int) -> None:
    """In any order, with replays and refunds, and through stored buckets: streaming agrees with recomputing from scratch."""
    buckets: dict[int, bytes] = {}
    first_time: dict[int, Paid] = {}
    first_answer: dict[int, Told] = {}
    for start in range(0, len(arrivals), rows_per_batch):
        window = EntityWindow(CARD_WINDOWS, unpack_all(LAYOUT, buckets.values()), ALLOWED_LATENESS_MS)
        for sequence, given_paid in enumerate(arrivals[start : start + rows_per_batch], start):
            paid = first_time.get(given_paid.tid, given_paid._replace(cents=(given_paid.tid % 4 - 1) * 7))
            kept = len(window.entries)
            answer = add(window, round(paid.after_s * 1000), paid.cents, 0, paid.tid, sequence)
            if paid.tid in first_time:
                assert first_answer[paid.tid] == answer
                assert kept == len(window.entries)
                continue
            expected = by_definition(list(first_time.values()), paid)
            assert expected == (answer.payments, answer.cents, answer.ms_since_previous)
            first_time[paid.tid], first_answer[paid.tid] = paid, answer
            entry = window.entries[-1]
            bucket = LAYOUT.bucket_of(entry.event_time_ms)
            buckets[bucket] = buckets.get(bucket, b"") + LAYOUT.pack(entry)
