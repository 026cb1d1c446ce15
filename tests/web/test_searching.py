"""Searching the archive: no client waits for another's search, and none gets more than its share."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import pytest

from fraudstream.adapters.archive.search import ArchiveQuery
from fraudstream.web import Views, searches
from fraudstream.web.turns import Turns
from tests.shared import PATIENCE_S
from tests.web.fake_worker import FakeWorker
from tests.web.served import Serve, Site


@dataclass
class SlowWorker(FakeWorker):
    """Its archive takes until it is told to answer."""

    answers: asyncio.Event = field(default_factory=asyncio.Event)
    searched: list[str] = field(default_factory=list)

    def views(self) -> Views:
        """Return what the pages are given."""
        return replace(super().views(), archive=self._search)

    async def _search(self, query: ArchiveQuery) -> list[dict[str, Any]]:
        self.searched.append(str(query.transaction_id))
        await self.answers.wait()
        return []


class Queue(Turns):
    """Counts the requests that are admitted or wait."""

    def __init__(self, at_once: int, each_max: int, all_max: int) -> None:
        super().__init__(at_once, each_max, all_max)
        self.asked = self.there = 0
        queues.append(self)

    async def enter(self, who: str, *, reserved: bool = False) -> None:
        """Count who comes, and who gives up."""
        self.asked, self.there = self.asked + 1, self.there + 1
        try:
            await super().enter(who, reserved=reserved)
        except BaseException:
            self.there -= 1
            raise

    def leave(self, who: str) -> None:
        """Count who goes."""
        self.there -= 1
        super().leave(who)


queues: list[Queue] = []


@pytest.fixture(autouse=True)
def queue(monkeypatch: pytest.MonkeyPatch) -> list[Queue]:
    """Let searches wait in queues that say who is there; return those of this test."""
    queues.clear()
    monkeypatch.setattr(searches, "Turns", Queue)
    return queues


async def until(true: Callable[[], bool]) -> None:
    """Wait for a state of the queue."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def search(site: Site, address: str, transaction_id: str) -> tuple[int, str]:
    """Search from an address; return the status and the error's code."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.get(f"{site.url}/api/v1/archive?id={transaction_id}") as response,
    ):
        answer = await response.json()
        return response.status, answer.get("error", {}).get("code", "")


async def begun(*searches: tuple[Site, str, str]) -> list[asyncio.Task[tuple[int, str]]]:
    """Begin searches, one after the other: each when the one before has arrived."""
    tasks = []
    for number, one in enumerate(searches, 1):
        tasks.append(asyncio.create_task(search(*one)))
        await until(lambda number=number: number == sum(each.asked for each in queues))  # type: ignore[misc]
    return tasks


async def test_a_slow_search_delays_only_the_client_that_asked_for_it(serve: Serve) -> None:
    """A client waits for its own search; others are next, and too many searches are refused."""
    worker = SlowWorker()
    site = await serve(worker)
    one, other = "127.0.0.2", "127.0.0.3"
    tasks = await begun(*((site, one, f"one{number}") for number in range(4)), (site, other, "other"))
    refused = await tasks[3]
    meanwhile = list(worker.searched)
    worker.answers.set()
    answers = [await task for task in (*tasks[:3], tasks[4])]

    assert (429, "too-many-searches") == refused
    assert ["one0", "other"] == meanwhile
    assert [(200, "")] * 4 == answers


async def test_a_search_whose_client_has_gone_makes_room(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a moment that its thread may need; a search that only waited does not begin."""
    monkeypatch.setattr(searches, "ABANDONED_S", 0.05)
    worker = SlowWorker()
    site = await serve(worker)
    places = [(site, f"127.0.0.{number}", f"gone{number}") for number in (2, 3, 4)]
    gone = await begun(*places)
    for task in gone:
        task.cancel()
    await asyncio.wait(gone)
    await until(lambda: 0 == sum(each.there for each in queues))
    worker.answers.set()

    assert (200, "") == await search(site, "127.0.0.5", "after")
    assert ["gone2", "gone3", "after"] == worker.searched


async def test_a_client_that_has_waited_too_long_for_others_searches_is_told_so(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says that it was not its own search."""
    monkeypatch.setattr(searches, "TURN_S", 0.1)
    worker = SlowWorker()
    site = await serve(worker)
    slow = await begun(*((site, f"127.0.0.{number}", "slow") for number in (2, 3)))

    assert (503, "archive-busy") == await search(site, "127.0.0.4", "next")
    worker.answers.set()
    assert [(200, "")] * 2 == [await task for task in slow]
