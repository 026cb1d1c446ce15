"""Whatever is decided again is decided with the lists of the first time, whatever became of them meanwhile."""

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from faust.types import TP

from fraudstream.agents import list_revisions
from fraudstream.domain.lists.table import ListTable
from fraudstream.domain.releases.plan import Plan
from tests.agents.list_world import (
    ASKING,
    AWAKE,
    NOT_ASKING,
    PUT,
    REMOVED,
    SNOOZED,
    Topic,
    decided,
    half_decided,
    told,
)
from tests.agents.memory_worker import TARGETS, MemoryWorker
from tests.agents.test_scoring import paid
from tests.agents.test_switching import RELEASES, A, B
from tests.domain.lists.test_lists import DENY


@pytest.mark.parametrize("few_events", [0, 128])
async def test_a_value_that_was_listed_between_a_crash_and_the_replay_does_not_count_there(
    tmp_path: Path, few_events: int
) -> None:
    """It counts for what nobody can have decided before."""
    topic = Topic(DENY)
    async with MemoryWorker(tmp_path, event_type=ASKING, lists=topic.table, few_events=few_events) as worker:
        assert [("a", "review", 1), ("b", "review", 1)] == await decided(worker, "a", "b")
    topic.write(PUT[0])
    again = MemoryWorker(tmp_path, event_type=ASKING, lists=topic.table, few_events=few_events)
    async with again.restarted_from(worker):
        assert [("a", "review", 1), ("b", "review", 1)] == await decided(again, "a", "b", first=0)
        assert [("c", "block", 2)] == await decided(again, "c")


async def test_a_payment_that_is_sent_again_is_decided_with_the_lists_of_the_first_time(
    tmp_path: Path,
) -> None:
    """Also among new ones: a decision depends on the payment, not on who is decided beside it."""
    topic = Topic(DENY)
    async with MemoryWorker(tmp_path, event_type=ASKING, lists=topic.table) as worker:
        await decided(worker, "a")
        topic.write(PUT[0])
        await decided(worker, "b")
        topic.write(REMOVED[0])

        expected = [("a", "review", 1), ("c", "review", 3), ("b", "block", 2)]
        assert expected == await decided(worker, "a", "c", "b")


async def test_what_was_published_and_is_in_no_changelog_is_decided_with_the_lists_of_then(
    tmp_path: Path,
) -> None:
    """The changelog learns a revision before the first decision with it."""
    topic = Topic(DENY)
    async with MemoryWorker(tmp_path, event_type=ASKING, lists=topic.table) as worker:
        await decided(worker, "a")
        topic.write(PUT[0])
        await half_decided(worker, [paid("b")])
        assert ("b", "block", 2) == told(worker.published("decisions"))[-1]
    topic.write(REMOVED[0])
    async with MemoryWorker(tmp_path, event_type=ASKING, lists=topic.table).restarted_from(worker) as again:
        assert [("a", "review", 1), ("b", "block", 2)] == await decided(again, "a", "b", first=0)
        assert [("c", "review", 3)] == await decided(again, "c")


async def test_a_worker_that_has_read_less_of_the_lists_waits(tmp_path: Path) -> None:
    """It took over from one that was quicker."""
    topic, late = Topic(DENY, PUT[0]), ListTable()
    async with MemoryWorker(tmp_path, event_type=ASKING, lists=topic.table) as worker:
        await decided(worker, "a")
    async with MemoryWorker(tmp_path, event_type=ASKING, lists=late).restarted_from(worker) as again:
        await again.receive_again([paid("a")], 0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert 1 == len(again.published("decisions"))
        topic.read(late, 2)
        await again.settled()
        assert [("a", "block", 2)] == told(again.published("decisions"))[1:]


async def test_a_snooze_is_as_exact(tmp_path: Path) -> None:
    """Rules that ask no lists are snoozed, too; and once no rule is, decisions say nothing of lists any more."""
    topic = Topic()
    async with MemoryWorker(tmp_path, event_type=NOT_ASKING, lists=topic.table) as worker:
        assert [("a", "review", None)] == await decided(worker, "a")
        topic.write(DENY, SNOOZED)
        assert [("b", "approve", 2)] == await decided(worker, "b")
        topic.write(AWAKE)
        assert [("c", "review", None)] == await decided(worker, "c")
    async with MemoryWorker(tmp_path, event_type=NOT_ASKING, lists=topic.table).restarted_from(
        worker
    ) as again:
        expected = [("a", "review", None), ("b", "approve", 2), ("c", "review", None)]
        assert expected == await decided(again, "a", "b", "c", first=0)


async def test_lists_that_no_rule_asks_cost_no_records(tmp_path: Path) -> None:
    """A partition is told once from which revision it began; then only its payments are written."""
    topic = Topic(DENY)
    async with MemoryWorker(tmp_path, event_type=NOT_ASKING, lists=topic.table) as worker:
        for tid in "abc":
            topic.write(PUT[0], REMOVED[0])
            await decided(worker, tid)

        deltas = worker.delivery.topics[TARGETS.changelog, 0]
        assert [True, False, False, False] == [not each.value for each in deltas]


async def test_a_release_that_asks_lists_begins_with_the_newest(tmp_path: Path) -> None:
    """Before it nobody asked them, so partitions were not told."""
    topic = Topic(DENY)
    loaded = RELEASES[A]
    asking = loaded._replace(detector=replace(loaded.detector, ruleset=ASKING.ruleset))
    async with MemoryWorker(tmp_path, event_type=NOT_ASKING, lists=topic.table) as worker:
        await decided(worker, "a")
        topic.write(PUT[0])
        await decided(worker, "b")
        worker.switcher.plan(Plan(A), {A: asking})

        assert [("c", "block", 2), ("a", "review", None)] == await decided(worker, "c", "a")


async def test_a_partition_that_waits_for_a_release_keeps_no_other_from_new_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every micro-batch looks whether it still has to wait; the other partition is told lists twice a second all the same."""
    clock, topic = [0.0], Topic(DENY)
    monkeypatch.setattr(list_revisions, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    asking = {
        release: loaded._replace(detector=replace(loaded.detector, ruleset=ASKING.ruleset))
        for release, loaded in RELEASES.items()
    }
    async with MemoryWorker(tmp_path, event_type=ASKING, lists=topic.table) as worker:
        worker.switcher.plan(Plan(A), asking)
        await worker.switcher.applied(Plan(A))
    async with MemoryWorker(tmp_path, event_type=ASKING, lists=topic.table, every_s=0.5).restarted_from(
        worker
    ) as again:
        again.thread.ends[TP("transactions", 1)] = 5  # the worker before may have decided these
        again.switcher.plan(Plan(A), asking)
        again.switcher.plan(Plan(B), asking)
        for tid in "ab":
            assert [(tid, "review", 1)] == await decided(again, tid)
        topic.write(PUT[0])
        for tid in "cde":
            clock[0] += 0.3
            (last,) = await decided(again, tid)

        assert (Plan(A), Plan(B)) == tuple(again.table.plans([each])[each].now for each in (1, 0))
        assert ("e", "block", 2) == last
