"""Which revision of the lists decides: all partitions are told another one between two micro-batches, as of releases.

A worker that takes a partition over finds in its state with which lists the one before decided, and decides again with those.
"""

import time
from collections.abc import Awaitable, Callable, Iterable

from fraudstream.domain.lists.table import Lists
from fraudstream.domain.releases.plan import Plans
from fraudstream.domain.rules import Ruleset

EVERY_S = 0.5
"""How often partitions are told of lists that change all the time; each time costs the brokers a record for each."""


class ListRevisions:
    """Knows what partitions have to be told."""

    def __init__(
        self,
        lists: Lists,
        rulesets: Callable[[], Iterable[Ruleset]],
        reached: Callable[[int], Awaitable[None]],
        every_s: float = EVERY_S,
    ) -> None:
        """`rulesets`: those that may decide; `reached`: waits until the lists are at a revision."""
        self._lists = lists
        self._rulesets = rulesets
        self._reached = reached
        self._every_s = every_s
        self._told: int | None = None
        """What all partitions decide with; None while that is not known."""
        self._not_before_s = 0.0

    @property
    def revision(self) -> int:
        """The newest."""
        return self._lists.revision

    @property
    def are_due(self) -> bool:
        """Whether partitions are to be told something now."""
        if self._lists.revision == self._told or time.monotonic() < self._not_before_s:
            return False
        return self._told is None or self._matter(self._told)

    def differ(self, plans: Plans) -> bool:
        """Tell whether a partition decides with other lists than the newest, and it matters."""
        as_of = plans.lists_as_of
        return as_of is None or (as_of != self._lists.revision and self._matter(as_of))

    def told(self, revision: int | None) -> None:
        """Note that all partitions decide with a revision; None: some must wait."""
        self._told = revision
        self._not_before_s = time.monotonic() + self._every_s

    def look_again(self) -> None:
        """Note that other partitions or other releases decide."""
        self._told, self._not_before_s = None, 0.0

    async def reach(self, plans: Plans) -> None:
        """Wait until the lists are known with which a partition decides."""
        as_of = plans.lists_as_of
        if as_of is not None and as_of > self._lists.revision and self._are_asked:
            await self._reached(as_of)

    @property
    def _are_asked(self) -> bool:
        return self._lists.has_snoozes or any(ruleset.calls for ruleset in self._rulesets())

    def _matter(self, as_of: int) -> bool:
        """Tell whether it makes a difference that a partition decides with a former revision."""
        return self._are_asked or self._lists.at(as_of).has_snoozes
