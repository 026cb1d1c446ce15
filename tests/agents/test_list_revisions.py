"""Whatever is decided again is decided with the lists of the first time, whatever became of them meanwhile."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from faust.types import TP
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.publisher import ProduceResults
from fraudstream.agents import list_revisions
from fraudstream.agents.delivery import OutputBatch
from fraudstream.domain.lists.entries import SNOOZE, Change
from fraudstream.domain.lists.table import ListTable
from fraudstream.domain.releases.plan import Plan
from fraudstream.domain.rules import Rule, Ruleset
from fraudstream.domain.tokens import Tokenizer
from tests.agents.memory_worker import TARGETS, MemoryWorker, until
from tests.agents.test_scoring import CARDS, Payment, paid
from tests.agents.test_switching import RELEASES, A, B
from tests.domain.lists.test_lists import DENY, NOON_MS, ON

TOKENS = [Tokenizer(bytes(32)).token(card) for card in CARDS[:2]]
PUT, REMOVED = ([Change("deny", token, said) for token in TOKENS] for said in (ON, None))
ANY = Rule("any", "amount > 0", "review")
ASKING = replace(
    event_type_named("card"), ruleset=Ruleset([Rule("denied", "in_list('deny', card)", "block"), ANY])
)
NOT_ASKING = replace(event_type_named("card"), ruleset=Ruleset([ANY]))
SNOOZED, AWAKE = (Change(f"{SNOOZE}any", TOKENS[0], said) for said in (ON, None))


class Topic:
    """The topic `lists`: its records, and the tables that follow it."""

    def __init__(self, *changes: Change) -> None:
        self.changes: list[Change] = []
        self.table = ListTable()
        self.write(*changes)

    def write(self, *changes: Change) -> None:
        """Publish changes."""
        self.changes += changes
        self.read(self.table, len(self.changes))

    def read(self, table: ListTable, end: int) -> None:
        """Let a table read up to an offset."""
        for offset in range(table.revision, end):
            table.apply(self.changes[offset], offset, NOON_MS + offset)


def told(decisions: list[Payment]) -> list[tuple[str, str, int | None]]:
    """Return what became of which payment, and with which lists."""
    return [(each["transaction_id"], each["outcome"], each.get("lists_as_of")) for each in decisions]


async def decided(worker: MemoryWorker, *tids: str, first: int | None = None) -> list[Any]:
    """Let payments arrive, `first`: again, from that offset on; return what became of them."""
    before, values = len(worker.published("decisions")), [paid(tid) for tid in tids]
    await (worker.receive(values) if first is None else worker.receive_again(values, first))
    await worker.settled()
    return told(worker.published("decisions")[before:])


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


class Crash(NamedTuple):
    """A worker ends; another one reads again what was not committed."""

    half: bool
    """Whether decisions of two more payments were published, and the changelog did not learn them."""
    back: int
    """So many of the newest payments are read again, at least."""
    disk_lost: bool
    unread: int
    """So many of the newest records of lists are read only while the next worker runs."""
    meanwhile: tuple[Change, ...]
    """Changes of lists before the next worker starts."""


some_changes = st.sampled_from([DENY, *PUT, *REMOVED, SNOOZED, AWAKE, Change("deny", None, None)])
steps = st.lists(
    st.one_of(
        st.integers(1, 3),
        some_changes,
        st.builds(
            Crash, st.booleans(), st.integers(0, 6), st.booleans(), st.integers(0, 3), st.tuples(some_changes)
        ),
    ),
    min_size=3,
    max_size=10,
)


@settings(max_examples=25)
@given(steps)
def test_no_crash_makes_two_decisions_of_one(some: list[int | Change | Crash]) -> None:
    """Whatever lists, crashes and new payments come in which order; what is new is decided with the newest lists."""
    with TemporaryDirectory() as directory:
        asyncio.run(Story(Path(directory)).told(some))


class Story:
    """Workers, one after the other, and the lists that they follow."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._disks = 0
        self._topic = Topic(DENY)
        self._payments: list[Payment] = []
        self._worker = self._next_worker()

    async def told(self, some: Sequence[int | Change | Crash]) -> None:
        """Let it happen, and compare all decisions."""
        await self._worker.__aenter__()
        for step in (*some, 1):
            if isinstance(step, Change):
                self._topic.write(step)
            elif isinstance(step, int):
                await self._worker.receive(self._new(step))
                await self._worker.settled()
                newest = [each["lists_as_of"] for each in self._worker.published("decisions")[-step:]]
                assert [self._topic.table.revision] * step == newest
            else:
                await self._crash(step)
        await self._worker.__aexit__(None, None, None)
        found: dict[str, list[dict[str, Any]]] = {}
        for each in self._worker.published("decisions"):
            said = {name: each[name] for name in set(each) - {"decided_at", "timing_ms"}}
            found.setdefault(each["transaction_id"], []).append(said)
        assert [each["tid"] for each in self._payments] == [*found]
        for first, *again in found.values():
            assert [first] * len(again) == again

    def _next_worker(self) -> MemoryWorker:
        return MemoryWorker(self._directory / str(self._disks), event_type=ASKING, lists=self._topic.table)

    def _new(self, count: int) -> list[Payment]:
        made = range(len(self._payments), len(self._payments) + count)
        self._payments += [paid(str(number), number, CARDS[number % 2]) for number in made]
        return self._payments[-count:]

    async def _crash(self, crash: Crash) -> None:
        """End the worker, and let another one read again what was not committed, while lists change."""
        if crash.half:
            await half_decided(self._worker, self._new(2))
        await self._worker.__aexit__(None, None, None)
        self._topic.write(*crash.meanwhile)
        before, changes = self._worker, self._topic.changes
        self._topic = Topic(*changes[: len(changes) - crash.unread])
        self._disks += crash.disk_lost
        self._worker = self._next_worker().restarted_from(before)
        await self._worker.__aenter__()
        if crash.disk_lost:
            restore(self._worker)
        first = max(0, len(self._payments) - max(1, 2 * crash.half + crash.back))
        again = self._payments[first:]
        for start in range(0, len(again), 2):
            await self._worker.receive_again(again[start : start + 2], first + start)
            for _ in range(20):
                await asyncio.sleep(0)
            self._topic.write(*changes[len(self._topic.changes) :])
            await self._worker.settled()
        self._topic.write(*changes[len(self._topic.changes) :])


def restore(worker: MemoryWorker) -> None:
    """Apply the changelog, as a worker that lost its disk."""
    for (topic, partition), messages in worker.delivery.topics.items():
        if topic == TARGETS.changelog and messages:
            records = [
                SimpleNamespace(offset=offset, key=each.key, value=each.value, headers=each.headers)
                for offset, each in enumerate(messages)
            ]
            worker.table.store._apply(partition, records)
            worker.table._last_changelog_offset[partition] = len(messages) - 1


async def half_decided(worker: MemoryWorker, payments: Sequence[Payment]) -> None:
    """Let payments be decided and published; then nothing more is delivered."""
    deliver, published = worker.delivery.deliver, len(worker.published("decisions"))

    async def half(batch: OutputBatch) -> ProduceResults:
        for outbox in batch.outputs.values():
            worker.delivery._append(outbox)
        return await asyncio.get_running_loop().create_future()

    worker.delivery.deliver = half  # type: ignore[method-assign]
    await worker.receive(payments)
    await until(lambda: len(worker.published("decisions")) == published + len(payments))
    worker.delivery.deliver = deliver  # type: ignore[method-assign]
