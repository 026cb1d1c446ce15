"""Switches releases and lists between two micro-batches, partition by partition, and says so in the changelog first.

A worker that takes a partition over cannot know what the one before decided and did not commit. So a partition switches only
once all that its logs held then is decided, by the plan of then; what is decided twice is decided alike.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from faust.types import TP

from fraudstream.agents.assignment import Assignment
from fraudstream.agents.backlog import Backlog
from fraudstream.agents.list_revisions import ListRevisions
from fraudstream.deciding.decider import Decider
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.releases.plan import Plan, Plans
from fraudstream.tables.activity import ActivityTable
from fraudstream.tables.activity_batch import SEQUENCE_SHIFT

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
"""How long a worker without payments waits before it looks if it may switch."""

SAY_AGAIN_S = 24 * 3600
"""How often the changelog is told the plans again: its records are kept for days, and a worker may run for months."""


class Loaded(NamedTuple):
    """A release that was checked and can decide."""

    name: str
    """What decisions call it."""
    detector: Detector


Load = Callable[[str], Awaitable[Loaded]]
"""Loads a release by its SHA-256; raises SetupError if it is missing or damaged."""


async def no_releases(release: str) -> Loaded:
    """Refuse to load a release where none can be."""
    raise SetupError(
        f"the state was decided by release {release[:12]}, and this worker follows no releases; see: fraudstream releases list"
    )


class Switcher:
    """Knows the plan that is wanted, and which partitions may switch to it."""

    def __init__(
        self,
        decider: Decider,
        table: ActivityTable,
        assignment: Assignment,
        backlog: Backlog,
        sources: Sequence[str],
        has_entity: bool,
        load: Load = no_releases,
        lists: ListRevisions | None = None,
    ) -> None:
        """`sources`: the topics that payments are decided from, the users' own first; `lists`: None where there are none."""
        self._decider = decider
        self._table = table
        self._assignment = assignment
        self._backlog = backlog
        self._sources = sources
        self._has_entity = has_entity
        self._load = load
        self._lists = lists
        self._wanted: Plan | None = None
        self._switched: Plan | None = None
        """The plan that all partitions of the present generation have."""
        self._generation = -1
        self._ends: dict[TP, int] = {}
        """Where the logs ended when this generation began."""
        self._open: set[TP] = set()
        """The partitions of which that is not known yet."""
        self._ready: dict[int, Plans] = {}
        """The plans of a partition whose releases are all loaded."""
        self._said_at = time.monotonic()

    def plan(self, plan: Plan, releases: Mapping[str, Loaded]) -> None:
        """Let a plan decide as soon as may be; `releases`: at least those of its releases that are not loaded yet."""
        for release, (name, detector) in releases.items():
            if release not in self._decider.releases:
                self._decider.load(release, detector, name)
        lacking = plan.releases - self._decider.releases.keys()
        if lacking:
            raise ValueError(f"releases of a plan are not loaded: {', '.join(sorted(lacking))}")
        self._wanted = plan
        self._look_at_lists_again()
        self._backlog.wake()

    async def applied(self, plan: Plan) -> None:
        """Wait until all partitions of this worker decide by a plan."""
        while self._switched != plan or self._generation != self._assignment.generation:
            self._backlog.wake()
            await asyncio.sleep(LOOK_EVERY_S)

    async def ready(self, partitions: Sequence[int]) -> None:
        """Load the releases that decided events of these partitions and may decide them again; raises SetupError."""
        for partition, plans in self._table.plans(partitions).items():
            if self._ready.get(partition) is not plans:
                for release in plans.releases - self._decider.releases.keys():
                    name, detector = await self._load(release)
                    self._decider.load(release, detector, name)
                    self._look_at_lists_again()
                if self._lists is not None:
                    await self._lists.reach(plans)
                self._ready[partition] = plans

    async def between(self) -> None:
        """Switch the partitions that may; called between two micro-batches."""
        if not self._assignment.is_settled:
            return  # which partitions this worker has, and what they decided, is not known yet
        generation = self._assignment.generation
        if generation != self._generation:
            self._generation, self._ends, self._switched = generation, {}, None
            self._open = self._places()
            self._look_at_lists_again()
        if self._open:
            self._look_for_ends()
        wants_plan = self._wanted is not None and self._wanted != self._switched
        if wants_plan or (self._lists is not None and self._lists.are_due) or self._must_say_again:
            await self._switch(self._wanted, generation)

    def _look_at_lists_again(self) -> None:
        if self._lists is not None:
            self._lists.look_again()

    def _places(self) -> set[TP]:
        """Return the partitions that payments are read from."""
        held = self._table.store.held_partitions()
        return {TP(topic, partition) for topic in self._sources for partition in held}

    def _look_for_ends(self) -> None:
        """Note where logs end that are not known yet; a consumer knows it of a partition once it has fetched from it."""
        ends = {place: self._assignment.end(place) for place in self._open}
        self._ends |= {place: end for place, end in ends.items() if end is not None}
        self._open -= self._ends.keys()

    @property
    def _must_say_again(self) -> bool:
        return time.monotonic() - self._said_at > SAY_AGAIN_S

    async def _switch(self, wanted: Plan | None, generation: int) -> None:
        plans = self._table.plans(self._table.store.held_partitions())
        lists = self._lists if self._lists is not None and self._lists.are_due else None
        revision = None if lists is None else lists.revision
        at_ms = time.time_ns() // 1_000_000
        changed = {
            partition: self._changed(partition, own, wanted, at_ms) for partition, own in plans.items()
        }
        new = {partition: own for partition, own in changed.items() if own is not plans[partition]}
        if self._must_say_again:
            new = changed
            self._said_at = time.monotonic()
        if new:
            await self._table.switch(new, lambda: self._assignment.generation == generation)
        if lists is not None:
            waiting = any(own.lists_as_of != revision for own in changed.values() if lists.differ(own))
            lists.told(None if waiting else revision)
        if wanted is not None:
            due = [partition for partition, own in changed.items() if own.now != plans[partition].now]
            self._note(wanted, due, changed)

    def _changed(self, partition: int, own: Plans, wanted: Plan | None, at_ms: int) -> Plans:
        """Return the plans that a partition is to have now; the same ones if it has them, or must wait."""
        lists = self._lists if self._lists is not None and self._lists.differ(own) else None
        is_other = wanted is not None and own.now != wanted
        if lists is None and not is_other:
            return own
        caught_up, sequence, changed = self._caught_up(partition), self._next_sequence(partition), own
        switches = is_other and (caught_up or self._is_fresh(partition, own))
        if wanted is not None and switches:
            changed = changed.switched(wanted, sequence, at_ms)
        if lists is not None and (switches or not own.lists or (caught_up and lists.are_due)):
            changed = changed.with_lists(lists.revision, sequence, at_ms)
        return changed

    def _note(self, wanted: Plan, due: Sequence[int], plans: Mapping[int, Plans]) -> None:
        """Say which partitions were switched; forget the releases that none needs any more."""
        if due:
            logger.info(
                "partitions %s decide by %s now", ", ".join(map(str, sorted(due))), self._name(wanted)
            )
        if all(own.now == wanted for own in plans.values()):
            self._switched = wanted
        newest = self._wanted or wanted  # another plan may have come meanwhile
        own = (each.releases for each in plans.values())
        self._decider.keep(wanted.releases.union(newest.releases, *own))

    def _is_fresh(self, partition: int, plans: Plans) -> bool:
        """Tell whether nobody has decided anything yet."""
        decided_by_releases = plans.switches != Plans().switches
        if decided_by_releases or self._table.store.clock(partition).last_sequence >= 0:
            return False
        return not any(map(self._assignment.begun, (TP(topic, partition) for topic in self._sources)))

    def _caught_up(self, partition: int) -> bool:
        """Tell whether everything was decided that another worker may have decided before."""
        return all(
            place in self._ends and self._assignment.next_offset(place) >= self._ends[place]
            for place in (TP(topic, partition) for topic in self._sources)
        )

    def _next_sequence(self, partition: int) -> int:
        """Return a sequence that no event has that was decided, and none will have less."""
        if self._has_entity:
            return self._table.store.clock(partition).last_sequence + 1
        return self._assignment.next_offset(TP(self._sources[0], partition)) << SEQUENCE_SHIFT

    def _name(self, plan: Plan) -> str:
        names = {
            release: each.release or "this worker's own rules"
            for release, each in self._decider.releases.items()
        }
        canary = f", {plan.share:.1%} of the entities by {names[plan.canary]}" if plan.has_canary else ""
        return names[plan.champion] + canary
