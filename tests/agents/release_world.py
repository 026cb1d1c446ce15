"""A worker's follower of releases with an operator's log, a switcher and a store that tests control; Kafka is between the calls."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from fraudstream.adapters.models.directory import DirectoryStore
from fraudstream.adapters.releases.store import Releases
from fraudstream.agents.release_loader import ReleaseLoader
from fraudstream.agents.releases import Follower
from fraudstream.agents.switching import Loaded
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import BrokerUnavailable
from fraudstream.domain.registry.store import Stored, StoreUnavailable
from fraudstream.domain.releases.applied import Applied
from fraudstream.domain.releases.control import Control, controls
from fraudstream.domain.releases.plan import Plan
from fraudstream.domain.releases.release_log import Action, ReleaseLog, put
from tests.releases import CARD, drafted_in


class MemorySwitch:
    """Switches when a test lets it."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.detectors: dict[str, Detector] = {}
        self.may = asyncio.Event()
        self.may.set()

    def plan(self, plan: Plan, releases: Mapping[str, Loaded]) -> None:
        """Note the plan; its releases have to be there."""
        self.detectors |= {sha256: each.detector for sha256, each in releases.items()}
        assert plan.releases <= self.detectors.keys()
        self.plans.append(plan)

    async def applied(self, plan: Plan) -> None:
        """Wait until the test lets it switch."""
        await self.may.wait()


class AwayStore(DirectoryStore):
    """A directory that does not answer for a while."""

    away = False

    def read(self, name: str, bytes_max: int) -> Stored | None:
        """Read, or raise StoreUnavailable."""
        if self.away:
            raise StoreUnavailable("the bucket does not answer")
        return super().read(name, bytes_max)


class ReleaseWorld:
    """A worker's follower, an operator's log, and what is between them."""

    def __init__(self, models_dir: Path, releases: int = 2) -> None:
        drafted_in(models_dir, *range(1, releases + 1))
        self.store = AwayStore(models_dir)
        self.operator = Releases.at(models_dir, "card")
        for number in range(1, releases + 1):
            self.do(number, Action.CHECK)
        self.answers: list[Applied] = []
        self.shown: list[tuple[str | None, str | None]] = []
        self.refused_roles: list[str] = []
        self.challengers: list[str | None] = []
        self.broker_away = False
        self.switch = MemorySwitch()
        self.follower = self.started()

    def started(self) -> Follower:
        """Start a worker's follower."""
        releases = Releases(self.store, "card", "worker")
        loader = ReleaseLoader(releases, CARD, 1e9, lambda limit: [])
        follower = Follower(releases, loader, "host:6066", self.answer, self, self.challenge)
        follower.attach(self.switch)
        return follower

    def running(self, champion: str | None, canary: str | None, detector: Detector | None) -> None:
        """Note what is shown."""
        self.shown.append((champion, canary))

    def refused(self, role: str) -> None:
        """Note what is counted."""
        self.refused_roles.append(role)

    def challenge(self, challenger: Loaded | None) -> None:
        """Note who decides beside."""
        self.challengers.append(None if challenger is None else challenger.name)

    async def answer(self, said: Applied) -> None:
        """Take an answer, if a broker is there."""
        if self.broker_away:
            raise BrokerUnavailable("no broker")
        self.answers.append(said)

    def do(self, number: int, action: Action, share: float | None = None) -> ReleaseLog:
        """Do what an operator does, without telling it."""
        return self.operator.append(
            lambda log: put(log, self.operator.entry(log, number, action, "for a test", share))
        )

    async def tell(self, *said: Control) -> None:
        """Let the worker read records, all that the log says unless some are given."""
        records = said or tuple(controls(self.operator.log()))
        await self.follower.take([(each.key, each.value) for each in records])
        await self.settled()

    async def settled(self) -> None:
        """Let acknowledgements run."""
        for _ in range(5):
            await asyncio.sleep(0)

    def sha256(self, number: int) -> str:
        """Return the identity of a release."""
        return self.operator.log().sha256_of(number)

    @property
    def said(self) -> list[tuple[str, int | None, int, str]]:
        """What was answered."""
        return [(each.role.value, each.release, each.revision, each.result) for each in self.answers]

    @property
    def sentences(self) -> list[str]:
        """What health says."""
        return [problem.sentence for problem in self.follower.problems()]
