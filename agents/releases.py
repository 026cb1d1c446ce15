"""Follows the control topic: loads and checks releases beside the one that decides, then hands them over to the switcher.

Nothing here is needed to decide. Whatever is wrong with topic, store or release, the worker goes on with what it has, says so
in its health, and answers on `releases-applied`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Protocol

from fraudstream.adapters.releases.store import Releases
from fraudstream.agents.release_loader import ReleaseLoader
from fraudstream.agents.switching import Loaded
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import FraudstreamError, SetupError
from fraudstream.domain.problems import Problem
from fraudstream.domain.registry.store import StoreUnavailable
from fraudstream.domain.releases.applied import Applied, Result
from fraudstream.domain.releases.control import Control, Followed
from fraudstream.domain.releases.plan import OWN, Plan
from fraudstream.domain.releases.release import name_of
from fraudstream.domain.releases.release_log import NOBODY, Assigned, Role

logger = logging.getLogger(__name__)

DECIDING = (Role.CHAMPION, Role.CANARY)
"""The roles that a plan is made of."""

PUBLISH = "fraudstream releases publish"

Answer = Callable[[Applied], Awaitable[None]]
"""Publishes what became of a revision here; raises FraudstreamError."""


class Switch(Protocol):
    """What changes the releases that decide, between two micro-batches."""

    def plan(self, plan: Plan, releases: Mapping[str, Loaded]) -> None:
        """Let a plan decide as soon as may be; `releases`: at least those of its releases that are not loaded yet."""

    async def applied(self, plan: Plan) -> None:
        """Wait until all partitions of this worker decide by a plan."""


class Display(Protocol):
    """Shows what decides."""

    def running(self, champion: str | None, canary: str | None, detector: Detector | None) -> None:
        """Show which releases decide from now on; `detector`: the champion's, None if it is the worker's own."""

    def refused(self, role: str) -> None:
        """Count a release that was refused."""


class Challenge(Protocol):
    """Lets a release decide beside those that count."""

    def __call__(self, challenger: Loaded | None) -> None:
        """Begin with a challenger, or end."""


def plan_of(champion: Assigned, canary: Assigned) -> Plan:
    """Return the plan by which two releases decide; a role that nobody has is the worker's own, or no canary."""
    share = canary.share or 0.0
    return Plan(champion.sha256 or OWN, canary.sha256 or OWN, share if canary.sha256 else 0.0)


class Follower:
    """What a worker wants of the control topic, what it runs, and why that differs."""

    def __init__(
        self,
        releases: Releases,
        loader: ReleaseLoader,
        worker: str,
        answer: Answer,
        display: Display,
        challenge: Challenge,
    ) -> None:
        self._releases = releases
        self._loader = loader
        self._worker = worker
        self._answer = answer
        self._display = display
        self._challenge = challenge
        self.followed = Followed(releases.event_type)
        self.effective: dict[Role, Assigned] = dict.fromkeys(Role, NOBODY)
        """What this worker runs, or will as soon as its partitions may switch."""
        self._loaded: dict[str, Loaded] = {}
        self._refused: dict[Role, tuple[Assigned, str]] = {}
        self._shown_refused: dict[Role, int] = {}
        self._answered: set[tuple[Role, int, Result]] = set()
        self._unavailable = self._log_unreadable = self._invalid = self.unreadable = ""
        self._behind: list[Role] = []
        self._was_behind: list[Role] = []
        self._switch: Switch | None = None
        self._deciding: dict[Role, Assigned] | None = None
        """What the plan that was handed over last is made of."""
        self._acknowledging: asyncio.Task[None] | None = None

    def attach(self, switch: Switch) -> None:
        """Use a switcher from now on; it is told the plan that is known."""
        self._switch = switch
        if self._deciding is not None:
            self._hand_over(switch, self._deciding)

    async def needed(self, sha256: str) -> Loaded:
        """Return a release that partitions cannot be decided without; raises SetupError."""
        return await self._loader.needed(sha256)

    async def take(self, records: Sequence[tuple[bytes | None, bytes | None]]) -> None:
        """Take keys and values of the topic's records, and do what they ask for."""
        for key, value in records:
            try:
                control = Control.parsed(key, value)
            except SetupError as error:
                self._invalid = str(error)
                logger.warning("%s", error)
                continue
            if control is not None and self.followed.take(control):
                self._refused.pop(control.role, None)
        await self.settle()

    async def settle(self) -> None:
        """Load what is wanted and not refused, and let it decide."""
        self._unavailable = ""
        for role in DECIDING:
            wanted = self.followed.roles[role]
            if wanted.revision > self.effective[role].revision and role not in self._refused:
                await self._try(role, wanted)
        deciding = {role: self.effective[role] for role in DECIDING}
        if any(each.revision for each in deciding.values()) and deciding != self._deciding:
            self._deciding = deciding
            if self._switch is not None:
                self._hand_over(self._switch, deciding)
        await self._settle_challenger()
        await self._say_refusals()

    async def try_again(self) -> None:
        """Try what was refused once more, a file may have been restored; and say what could not be said.

        Records that are not valid are noted anew when all of the topic is read next.
        """
        self._invalid = ""
        self._refused.clear()
        await self.settle()
        if self._acknowledging is not None and self._acknowledging.done():
            await self._say_applied(self._deciding or {})

    async def compare_with_log(self) -> None:
        """See whether the log in the store knows more than the topic, at this look and the one before."""
        try:
            log = await asyncio.to_thread(self._releases.log)
        except FraudstreamError as error:
            self._log_unreadable = f"the log of releases cannot be read: {error}"
            return
        self._log_unreadable = ""
        now = self.followed.behind(log)
        self._behind, self._was_behind = [role for role in now if role in self._was_behind], now

    def problems(self) -> Iterator[Problem]:
        """Yield what is not as the control topic says, or keeps this worker from knowing it; payments are decided."""
        for role, (assigned, why) in self._refused.items():
            name = self._name(assigned)
            yield Problem(
                "degraded",
                f"this worker refuses release {name} as {role} ({why}) and goes on with {self._name(self.effective[role])}",
                "mend it, or see: fraudstream releases rollback",
            )
        if self.unreadable:
            yield Problem("degraded", f"the topic releases cannot be read: {self.unreadable}")
        for unavailable in filter(None, (self._unavailable, self._log_unreadable)):
            yield Problem("degraded", unavailable, "see to the store of models (FRAUDSTREAM_MODELS)")
        if self._invalid:
            yield Problem("degraded", self._invalid, f"write the topic again: {PUBLISH}")
        if self._behind:
            yield Problem(
                "degraded",
                f"the log of releases says more of {', '.join(self._behind)} than the topic releases",
                f"tell workers again: {PUBLISH}",
            )
        yield from self._loader.problems()

    async def _try(self, role: Role, wanted: Assigned) -> None:
        try:
            if wanted.sha256 is not None and wanted.sha256 not in self._loaded:
                self._loaded[wanted.sha256] = await self._loader.try_out(wanted.sha256)
        except StoreUnavailable as error:
            self._unavailable = f"release {self._name(wanted)} cannot be loaded: {error}"
        except SetupError as error:
            self._refused[role] = wanted, str(error)
            if self._shown_refused.get(role) != wanted.revision:  # it is tried again every minute
                logger.error("release %s is refused as %s: %s", self._name(wanted), role, error)
                self._display.refused(role)
                self._shown_refused[role] = wanted.revision
        else:
            self.effective[role] = wanted

    async def _settle_challenger(self) -> None:
        """Let another challenger decide beside, or none; that needs no switch."""
        role, wanted = Role.CHALLENGER, self.followed.roles[Role.CHALLENGER]
        if wanted.revision > self.effective[role].revision and role not in self._refused:
            await self._try(role, wanted)
            if self.effective[role] == wanted:
                self._challenge(self._loaded.get(wanted.sha256 or OWN))
        await self._say_applied({role: self.effective[role]})

    def _hand_over(self, switch: Switch, deciding: Mapping[Role, Assigned]) -> None:
        plan = plan_of(deciding[Role.CHAMPION], deciding[Role.CANARY])
        self._loaded = {sha256: each for sha256, each in self._loaded.items() if sha256 in plan.releases}
        switch.plan(plan, self._loaded)
        if self._acknowledging is not None:
            self._acknowledging.cancel()
        self._acknowledging = asyncio.create_task(self._acknowledge(switch, plan, deciding))

    async def _acknowledge(self, switch: Switch, plan: Plan, deciding: Mapping[Role, Assigned]) -> None:
        """Answer as soon as every partition of this worker decides by a plan; by then other releases may be loading."""
        await switch.applied(plan)
        loaded = self._loaded.get(plan.champion)
        champion, canary = (self._name_or_none(deciding[role]) for role in DECIDING)
        self._display.running(champion, canary, loaded and loaded.detector)
        await self._say_applied(deciding)

    async def _say_applied(self, assigned: Mapping[Role, Assigned]) -> None:
        for role, each in assigned.items():
            if each.revision:
                await self._say(role, each, "applied", "")

    async def _say_refusals(self) -> None:
        for role, (assigned, why) in list(self._refused.items()):
            await self._say(role, assigned, "refused", why)

    async def _say(self, role: Role, assigned: Assigned, result: Result, reason: str) -> None:
        """Answer a revision once."""
        if (role, assigned.revision, result) in self._answered:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        said = Applied(
            worker=self._worker,
            event_type=self._releases.event_type,
            role=role,
            release=assigned.release,
            sha256=assigned.sha256,
            revision=assigned.revision,
            result=result,
            reason=reason,
            at=now,
            fraudstream=version("fraudstream"),
        )
        try:
            await self._answer(said)
        except FraudstreamError as error:
            logger.warning("the answer to revision %s was not published: %s", assigned.revision, error)
        else:
            self._answered.add((role, assigned.revision, result))

    def _name_or_none(self, assigned: Assigned) -> str | None:
        if assigned.release is None:
            return None
        return name_of(self._releases.event_type, assigned.release)

    def _name(self, assigned: Assigned) -> str:
        return self._name_or_none(assigned) or "this worker's own model and rules"
