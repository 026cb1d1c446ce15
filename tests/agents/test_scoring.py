"""The scoring loop, record by record, in memory: what is decided, what is delivered, and when it is acknowledged."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.domain.tokens import partition_of
from fraudstream.domain.weekly import WeeklyAnswer, WeeklyStore
from tests.agents.memory_worker import NOON_S, PARTITIONS, MemoryWorker, until
from tests.fakes import MemoryWeekly

Payment: TypeAlias = dict[str, Any]

CARDS = [number for tail in range(40) if partition_of(number := f"40000000000000{tail:02d}", PARTITIONS) == 0]
"""Cards of partition 0."""

ELSEWHERE = next(
    number for tail in range(40) if partition_of(number := f"40000000000000{tail:02d}", PARTITIONS) == 1
)
"""A card of partition 1."""


def paid(tid: str, after_s: float = 0, card: str = CARDS[0], amount: float = 1.0) -> Payment:
    """Return a payment made so many seconds after noon."""
    return {"cc_num": card, "amount": amount, "trans_ts": NOON_S + after_s, "tid": tid}


def told(decision: Payment) -> tuple[str, int, float]:
    """Return what a decision says of the last ten minutes."""
    features = decision["features"]
    return decision["transaction_id"], features["num_trans_last_10m"], features["avg_amt_last_10m"]


async def test_a_payment_is_decided_with_its_ten_minutes(tmp_path: Path) -> None:
    """12:00, 12:05 and 12:10 count for 12:10; at 12:10:01 noon is over."""
    async with MemoryWorker(tmp_path) as worker:
        await worker.receive([paid("a", 0, amount=1), paid("b", 300, amount=2), paid("c", 600, amount=3)])
        await worker.receive([paid("d", 601, amount=4)])
        await worker.settled()

        assert [("a", 1, 1.0), ("b", 2, 1.5), ("c", 3, 2.0), ("d", 3, 3.0)] == [
            told(decision) for decision in worker.published("decisions")
        ]


async def test_suspicious_decisions_are_alerts_too(tmp_path: Path) -> None:
    """The counting model calls the second payment within a minute fraud; the alert is the decision itself."""
    async with MemoryWorker(tmp_path) as worker:
        await worker.receive([paid("calm", 0), paid("quick", 10)])
        await worker.settled()

        assert ["approve", "block"] == [each["outcome"] for each in worker.published("decisions")]
        assert worker.published("decisions")[1:] == worker.published("fraud-alerts")


async def test_nothing_is_acknowledged_or_remembered_before_it_is_delivered(tmp_path: Path) -> None:
    """While the brokers do not answer, a crash would lose nothing: all of it is read again."""
    async with MemoryWorker(tmp_path) as worker:
        worker.delivery.brokers_answer.clear()
        await worker.receive([paid("a"), paid("b")])
        for _ in range(200):
            await asyncio.sleep(0)

        assert worker.to_commit() is None
        assert 0 == worker.table.store.clock(0).watermark_ms

        worker.delivery.brokers_answer.set()
        await worker.settled()

        assert 2 == worker.to_commit()
        assert NOON_S * 1000 == worker.table.store.clock(0).watermark_ms


async def test_every_record_of_a_chunk_has_one_outcome_and_all_are_acknowledged(tmp_path: Path) -> None:
    """A payment, one of another partition's card, and two records that are not payments."""
    async with MemoryWorker(tmp_path) as worker:
        await worker.receive([paid("a"), paid("b", card=ELSEWHERE), b"{", {"amount": 1}])
        await worker.settled()

        assert ["a"] == [each["transaction_id"] for each in worker.published("decisions")]
        assert [2, 3] == [each["offset"] for each in worker.published("dead-letters")]
        assert ["b"] == [each["tid"] for each in worker.published("transactions-by-card", 1)]
        assert 4 == worker.to_commit()


async def test_a_repartitioned_payment_counts_on_the_partition_of_its_card(tmp_path: Path) -> None:
    """Keyed and repartitioned payments of a card share its ten minutes."""
    async with MemoryWorker(tmp_path) as worker:
        await worker.receive([paid("keyed", 0, ELSEWHERE)], partition=1)
        await worker.receive(
            [paid("repartitioned", 60, ELSEWHERE)], partition=1, topic="transactions-by-card"
        )
        await worker.settled()

        assert [("keyed", 1, 1.0), ("repartitioned", 2, 1.0)] == [
            told(decision) for decision in worker.published("decisions", 1)
        ]
        assert 1 == worker.to_commit(1, "transactions-by-card")


async def test_a_repeated_payment_is_answered_as_the_first_time(tmp_path: Path) -> None:
    """Whatever was paid meanwhile; and it counts once."""
    async with MemoryWorker(tmp_path) as worker:
        await worker.receive([paid("a", 0), paid("b", 60)])
        await worker.receive([paid("a", 0), paid("c", 120)])
        await worker.settled()

        assert [("a", 1, 1.0), ("b", 2, 1.0), ("a", 1, 1.0), ("c", 3, 1.0)] == [
            told(decision) for decision in worker.published("decisions")
        ]


async def test_a_refund_is_decided_and_not_counted_as_spending(tmp_path: Path) -> None:
    """Pay 10, refund 4, pay 20; a refund that comes twice has one decision."""
    refund = paid("back", 10, amount=-4)
    async with MemoryWorker(tmp_path) as worker:
        await worker.receive([paid("lone", 0, CARDS[1], -1), paid("a", 0, amount=10), refund])
        await worker.receive([paid("b", 20, amount=20), refund])
        await worker.settled()

        decisions = worker.published("decisions")
        assert [("lone", 0, 0.0), ("a", 1, 10.0), ("back", 1, 10.0), ("b", 2, 15.0), ("back", 1, 10.0)] == [
            told(decision) for decision in decisions
        ]
        assert [-1.0, 10.0, -4.0, 20.0, -4.0] == [decision["amount"] for decision in decisions]
        assert [-4.0 / 40.0] * 2 == [decisions[row]["features"]["amt_ratio2"] for row in (2, 4)]
        assert decisions[2]["features"] == decisions[4]["features"]
        assert not worker.published("dead-letters")


async def test_an_id_that_comes_again_with_another_amount_is_a_dead_letter(tmp_path: Path) -> None:
    """It may be a mistake or a fraud; it is no payment, and it does not count."""
    async with MemoryWorker(tmp_path) as worker:
        await worker.receive([paid("a", 0, amount=1)])
        await worker.receive([paid("a", 0, amount=2), paid("b", 60, amount=3)])
        await worker.settled()

        assert ["conflict"] == [each["reason"] for each in worker.published("dead-letters")]
        assert [("a", 1, 1.0), ("b", 2, 2.0)] == [told(each) for each in worker.published("decisions")]


async def test_records_that_were_decided_are_left_out_of_a_chunk_that_comes_again(tmp_path: Path) -> None:
    """A chunk that was fetched before a seek may overlap what is decided."""
    async with MemoryWorker(tmp_path) as worker:
        await worker.receive([paid("a"), paid("b")])
        await worker.settled()
        await worker.receive_again([paid("b"), paid("c")], first=1)
        await worker.settled()

        assert ["a", "b", "c"] == [each["transaction_id"] for each in worker.published("decisions")]


async def test_a_chunk_of_an_earlier_assignment_is_neither_decided_nor_acknowledged(tmp_path: Path) -> None:
    """It belongs to the partition's new owner."""
    async with MemoryWorker(tmp_path) as worker:
        await worker.receive([paid("a")])
        worker.app.consumer_generation_id += 1
        await worker.settled()

        assert [] == worker.published("decisions")
        assert worker.to_commit() is None


async def test_once_a_rebalance_has_begun_nothing_new_is_decided(tmp_path: Path) -> None:
    """It waits for the micro-batch in flight, and what was only collected is read again."""
    async with MemoryWorker(tmp_path) as worker:
        await worker.receive([paid("a")])
        worker.consumer.stop_flow()
        await worker.settled()

        assert [] == worker.published("decisions")


async def test_without_a_week_a_payment_is_decided_and_marked(tmp_path: Path) -> None:
    """A store that has no snapshot, and one that has an old one."""
    for name, store, why in (
        ("none", MemoryWeekly({}), "weekly-missing"),
        ("silent", SilentWeekly(), "weekly-unavailable"),
    ):
        async with MemoryWorker(tmp_path / name, store) as worker:
            await worker.receive([paid("a")])
            await worker.settled()

            assert [[why]] == [decision["degraded"] for decision in worker.published("decisions")]


async def test_the_report_says_what_a_micro_batch_did(tmp_path: Path) -> None:
    """Metrics and pages use it."""
    async with MemoryWorker(tmp_path) as worker:
        await worker.receive([paid("a"), paid("b", card=ELSEWHERE), b"{"])
        await worker.settled()
        await until(lambda: bool(worker.reports))
        report = worker.reports[0]

        assert (1, {"approve": 1}, 1) == (report.payments, report.outcomes, report.repartitioned)
        assert 1 == sum(report.dead_letters.values())
        assert {("transactions", 0): (2, 3)} == report.offsets


class SilentWeekly(WeeklyStore):
    """A weekly store that does not answer."""

    async def get_many(self, entities: Any, midnight_ms: int) -> WeeklyAnswer:
        """Fail for every card."""
        return WeeklyAnswer(failed=dict.fromkeys(entities, "weekly-unavailable"))


payments = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 1500), st.integers(-2, 9)), min_size=1, max_size=30
)


@given(sequence=payments, cuts=st.sets(st.integers(1, 29)))
@settings(max_examples=25, deadline=None)
def test_windows_do_not_depend_on_how_payments_are_cut_into_chunks(
    tmp_path_factory: Any, sequence: list[tuple[int, int, int]], cuts: set[int]
) -> None:
    """One by one or all at once: what each payment is told is what a list of those before it says."""
    stream = [
        paid(f"p{place}", after_s, CARDS[card], amount)
        for place, (card, after_s, amount) in enumerate(sequence)
    ]
    expected = []
    for place, (card, after_s, _) in enumerate(sequence):
        window = [
            amount
            for other, at_s, amount in sequence[: place + 1]
            if other == card and after_s - 600 <= at_s <= after_s and amount >= 0
        ]
        expected.append((f"p{place}", len(window), sum(window) / max(len(window), 1)))

    async def decided() -> list[tuple[str, int, float]]:
        async with MemoryWorker(tmp_path_factory.mktemp("worker")) as worker:
            edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
            for first, last in pairwise(edges):
                await worker.receive(stream[first:last])
            await worker.settled()
            return [told(decision) for decision in worker.published("decisions")]

    assert expected == asyncio.run(decided())
