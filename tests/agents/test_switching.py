"""A release is switched between two micro-batches, and whatever is decided again is decided by the release of the first time."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from faust.types import TP

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.outbox import Acknowledged
from fraudstream.agents.switching import Loaded
from fraudstream.domain.detector import Detector
from fraudstream.domain.releases.plan import OWN, Plan, Plans
from fraudstream.tables.changelog_plans import plans_in
from tests.agents.memory_worker import TARGETS, MemoryWorker, until
from tests.agents.test_scoring import CARDS, Payment, paid
from tests.builders import CountingModel

A, B = "aa" * 32, "bb" * 32
SOURCE = TP("transactions", 0)


class AlarmedModel(CountingModel):
    """Calls everything fraud, by features of its own."""

    version = "alarmed-1"
    features = ("amount", "amt_ratio1", "amt_ratio2", "count_ratio")

    def probabilities(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return 0.9."""
        return np.full(len(rows), 0.9, np.float32)

    def contributions(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Attribute the score to the amount."""
        return np.tile(np.array([1, 0, 0, 0, 0], np.float32), (len(rows), 1))


def release(number: int, model: CountingModel | None = None) -> Loaded:
    """Return a release of `card`; by default it decides as `AlarmedModel`."""
    return Loaded(f"card-{number}", Detector.of(model or AlarmedModel(), event_type_named("card")))


RELEASES = {A: release(1), B: release(2, CountingModel())}


def by(decisions: list[Payment]) -> list[tuple[str, str | None]]:
    """Return which release decided which payment."""
    return [(each["transaction_id"], each.get("release")) for each in decisions]


async def decided(worker: MemoryWorker, *tids: str, **options: Any) -> list[tuple[str, str | None]]:
    """Let payments arrive, a second apart; return by which release each was decided."""
    before = len(worker.published("decisions"))
    await worker.receive([paid(tid, after_s) for after_s, tid in enumerate(tids)], **options)
    await worker.settled()
    return by(worker.published("decisions")[before:])


async def test_a_release_decides_from_the_next_micro_batch_on(tmp_path: Path) -> None:
    """What was decided before has no release; the new decisions name theirs, and have its features."""
    async with MemoryWorker(tmp_path) as worker:
        assert [("a", None), ("b", None)] == await decided(worker, "a", "b")
        worker.switcher.plan(Plan(A), RELEASES)

        assert [("c", "card-1")] == await decided(worker, "c")
        first, _, last = worker.published("decisions")
        assert (False, "alarmed-1", "block") == (last["canary"], last["model_version"], last["outcome"])
        assert "num_trans_last_1m" in first["features"]
        assert {"amount", "num_trans_last_10m"} <= last["features"].keys()
        assert "num_trans_last_1m" not in last["features"]


async def test_the_changelog_says_the_switch_before_the_first_decision(tmp_path: Path) -> None:
    """Its record is empty, so whoever reads the changelog finds the same entries as before."""
    async with MemoryWorker(tmp_path) as worker:
        await decided(worker, "a")
        worker.switcher.plan(Plan(A), RELEASES)
        await decided(worker, "b")
        deltas = worker.delivery.topics[TARGETS.changelog, 0]

        assert [False, True, False] == [not each.value for each in deltas]
        plans = plans_in(deltas)
        assert plans is not None
        assert [OWN, A] == [switch.plan.champion for switch in plans.switches]
        assert {0: plans} == worker.table.plans([0])


async def test_a_payment_that_is_sent_again_is_decided_by_the_release_of_the_first_time(
    tmp_path: Path,
) -> None:
    """Also among new ones: a decision depends on the payment, not on who is decided beside it."""
    async with MemoryWorker(tmp_path) as worker:
        await decided(worker, "a", "b")
        worker.switcher.plan(Plan(A), RELEASES)
        await decided(worker, "c", "d")
        worker.switcher.plan(Plan(B), RELEASES)

        again = [("a", None), ("d", "card-1"), ("e", "card-2"), ("b", None), ("c", "card-1")]
        before = len(worker.published("decisions"))
        await worker.receive([paid("a", 0), paid("d", 1), paid("e", 9), paid("b", 1), paid("c", 0)])
        await worker.settled()
        repeated = worker.published("decisions")[before:]

        assert again == by(repeated)
        first = {each["transaction_id"]: each for each in worker.published("decisions")[:before]}
        for each in repeated:
            if each["transaction_id"] != "e":
                same = set(each) - {"source", "decided_at", "timing_ms"}
                assert {name: first[each["transaction_id"]][name] for name in same} == {
                    name: each[name] for name in same
                }


async def test_a_crash_after_a_switch_repeats_the_decisions_of_before(tmp_path: Path) -> None:
    """Nothing was committed, so all is read again, from the start, by a worker that loads what its state names."""
    async with MemoryWorker(tmp_path) as worker:
        await decided(worker, "a", "b")
        worker.switcher.plan(Plan(A), RELEASES)
        await decided(worker, "c")
        expected = by(worker.published("decisions"))
    asked: list[str] = []

    async def load(sha256: str) -> Loaded:
        asked.append(sha256)
        return RELEASES[sha256]

    async with MemoryWorker(tmp_path).restarted_from(worker) as again:
        again.switcher._load = load
        await again.receive_again([paid("a", 0), paid("b", 1), paid("c", 0)], 0)
        await again.settled()

        assert [A] == asked
        assert expected == by(again.published("decisions")[3:])
        assert [("d", "card-1")] == await decided(again, "d")


async def test_a_partition_taken_over_switches_when_what_was_in_its_log_is_decided(tmp_path: Path) -> None:
    """The worker before may have decided and published all of it, by the plan of then, without a commit."""
    async with MemoryWorker(tmp_path) as worker:
        await decided(worker, "a")
    async with MemoryWorker(tmp_path).restarted_from(worker) as again:
        again.thread.ends[SOURCE] = 4
        again.switcher.plan(Plan(A), RELEASES)
        await again.receive_again([paid("b", 1), paid("c", 2)], 1)
        await again.settled()
        assert [("b", None), ("c", None)] == by(again.published("decisions")[1:])

        await again.receive_again([paid("d", 3)], 3)
        await again.settled()
        assert [("d", None)] == by(again.published("decisions")[3:])

        again.thread.ends[SOURCE] = 5
        await again.receive_again([paid("e", 4)], 4)
        await again.settled()
        assert [("e", "card-1")] == by(again.published("decisions")[4:])


async def test_a_group_that_decided_nothing_yet_decides_its_backlog_by_the_release(tmp_path: Path) -> None:
    """Nobody can have decided any of it before."""
    async with MemoryWorker(tmp_path) as worker:
        worker.thread.ends[SOURCE] = 100
        worker.switcher.plan(Plan(A), RELEASES)
        await worker.receive_again([paid("a")], 0)
        await worker.settled()

        assert [("a", "card-1")] == by(worker.published("decisions"))


async def test_a_worker_without_payments_switches_too(tmp_path: Path) -> None:
    """Or nobody would learn what it runs."""
    async with MemoryWorker(tmp_path) as worker:
        await decided(worker, "a")
        worker.switcher.plan(Plan(A), RELEASES)
        await worker.switcher.applied(Plan(A))

        assert Plan(A) == worker.table.plans([0])[0].now


async def test_nothing_is_switched_while_partitions_are_assigned(tmp_path: Path) -> None:
    """Records flow already, to restore state, and which partitions there are is not known yet."""
    async with MemoryWorker(tmp_path) as worker:
        await decided(worker, "a")
        worker.app.rebalancing = True
        worker.switcher.plan(Plan(A), RELEASES)
        assert [("b", None)] == await decided(worker, "b")

        worker.app.rebalancing = False
        await worker.switcher.applied(Plan(A))
        assert [("c", "card-1")] == await decided(worker, "c")


async def test_a_plan_that_comes_during_a_switch_follows_it(tmp_path: Path) -> None:
    """Its release is not forgotten with those that the first plan does not need."""
    async with MemoryWorker(tmp_path) as worker:
        write, begun, go = worker.table._write_empty, asyncio.Event(), asyncio.Event()

        async def write_slowly(plans: Mapping[int, Plans]) -> dict[int, Acknowledged]:
            begun.set()
            await go.wait()
            return await write(plans)

        worker.table._write_empty = write_slowly
        worker.switcher.plan(Plan(A), RELEASES)
        await begun.wait()
        worker.switcher.plan(Plan(B), RELEASES)
        go.set()
        await worker.switcher.applied(Plan(B))

        assert [("a", "card-2")] == await decided(worker, "a")


@pytest.mark.parametrize("few_events", [0, 128])
async def test_a_canary_decides_its_share_and_nothing_else_changes(tmp_path: Path, few_events: int) -> None:
    """Oracle: two workers, one with the champion alone, one with the canary alone; each decision is one of theirs, to the bit."""
    payments = [
        paid(f"{place}-{after_s}", after_s, card) for after_s in range(3) for place, card in enumerate(CARDS)
    ]
    published = []
    for number, plan in enumerate((Plan(B), Plan(A), Plan(B, A, 0.5))):
        async with MemoryWorker(tmp_path / str(number), few_events=few_events) as worker:
            worker.switcher.plan(plan, RELEASES)
            await worker.receive(payments)
            await worker.settled()
            published.append(worker.published("decisions"))
    champion, canary, mixed = published

    chosen = [each["canary"] for each in mixed]
    assert {True, False} == set(chosen)
    for before, after, each in zip(champion, canary, mixed, strict=True):
        expected = (after if each["canary"] else before) | {"canary": each["canary"]}
        same = set(each) - {"decided_at", "timing_ms"}
        assert {name: expected[name] for name in same} == {name: each[name] for name in same}
    by_card = {each["card"]: each["canary"] for each in mixed}
    assert [by_card[each["card"]] for each in mixed] == chosen


async def test_a_release_that_is_not_needed_any_more_is_forgotten(tmp_path: Path) -> None:
    """A partition that decided nothing between two switches remembers only the second."""
    async with MemoryWorker(tmp_path) as worker:
        worker.switcher.plan(Plan(A), RELEASES)
        await worker.switcher.applied(Plan(A))
        worker.switcher.plan(Plan(B), RELEASES)
        await worker.switcher.applied(Plan(B))
        await until(lambda: {OWN, B} == worker.scoring.decider.releases.keys())


async def test_a_plan_whose_releases_are_not_loaded_is_a_mistake(tmp_path: Path) -> None:
    """Deciding by it would fail later, in the middle of a micro-batch."""
    async with MemoryWorker(tmp_path) as worker:
        with pytest.raises(ValueError, match="not loaded"):
            worker.switcher.plan(Plan(A), {})
