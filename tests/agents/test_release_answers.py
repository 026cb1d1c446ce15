"""What a worker answers about releases: once for each revision, when its partitions decide by it, and again if it was not published."""

import asyncio
from functools import cached_property
from pathlib import Path

from fraudstream.adapters.releases.store import Releases
from fraudstream.agents.release_loader import ReleaseLoader
from fraudstream.agents.releases import Follower
from fraudstream.agents.switching import Loaded
from fraudstream.domain.releases.control import controls
from fraudstream.domain.releases.release_log import Action, Role
from tests.agents.release_world import ReleaseWorld
from tests.chaos.workers import until
from tests.releases import CARD


async def test_an_answer_that_is_not_published_is_published_when_brokers_are_back(
    tmp_path: Path,
) -> None:
    """Of each role, once."""
    w = ReleaseWorld(tmp_path)
    w.broker_away = True
    w.do(1, Action.ACTIVATE)
    w.do(2, Action.SHADOW)
    await w.tell()
    assert [] == w.said

    w.broker_away = False
    await w.follower.try_again()
    await w.follower.try_again()

    assert {("champion", 1, 5, "applied"), ("challenger", 2, 6, "applied")} == {*w.said}
    assert 2 == len(w.said)


async def test_the_same_share_again_is_answered_again(tmp_path: Path) -> None:
    """It is another revision, and nothing is loaded or switched for it."""
    w = ReleaseWorld(tmp_path)
    w.do(1, Action.ACTIVATE)
    for _ in range(2):
        w.do(2, Action.CANARY, 0.1)
        await w.tell()

    assert [("canary", 2, 6, "applied"), ("canary", 2, 7, "applied")] == w.said[1:]


class SlowLoader(ReleaseLoader):
    """Waits before it loads one of the releases."""

    slow = ""

    async def try_out(self, sha256: str) -> Loaded:
        """Load a release, if it is time."""
        if sha256 == self.slow:
            await self.go.wait()
        return await super().try_out(sha256)

    @cached_property
    def go(self) -> asyncio.Event:
        """When it is time."""
        return asyncio.Event()


async def test_nothing_is_called_applied_that_is_still_being_loaded(
    tmp_path: Path,
) -> None:
    """The first plan is switched to while the second one, a champion and a canary, is half loaded."""
    w = ReleaseWorld(tmp_path, 3)
    releases = Releases(w.store, "card", "worker")
    loader = SlowLoader(releases, CARD, 1e9, lambda limit: [])
    loader.slow = w.sha256(3)
    follower = Follower(releases, loader, "w", w.answer, w, w.challenge)
    follower.attach(w.switch)

    async def told() -> None:
        await follower.take([(each.key, each.value) for each in controls(w.operator.log())])

    w.switch.may.clear()
    w.do(1, Action.ACTIVATE)
    await told()
    w.do(2, Action.ACTIVATE)
    w.do(3, Action.CANARY, 0.1)
    loading = asyncio.create_task(told())
    assert await until(lambda: 2 == follower.effective[Role.CHAMPION].release, 60)
    w.switch.may.set()
    await w.settled()
    assert [("champion", 1)] == [(role, release) for role, release, _, _ in w.said]
    assert [("card-1", None)] == w.shown

    loader.go.set()
    await loading
    await w.settled()
    assert ["champion", "canary"] == [role for role, _, _, _ in w.said[1:]]
    assert ("card-2", "card-3") == w.shown[-1]
