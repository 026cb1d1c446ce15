"""Lists, crashes and payments in any order: no crash makes two decisions of one."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.domain.lists.entries import Change
from tests.agents.list_world import (
    ASKING,
    AWAKE,
    PUT,
    REMOVED,
    SNOOZED,
    Topic,
    half_decided,
)
from tests.agents.memory_worker import TARGETS, MemoryWorker
from tests.agents.test_scoring import CARDS, Payment, paid
from tests.domain.lists.test_lists import DENY


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
