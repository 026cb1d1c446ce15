"""Who is next, where not everybody can be served at once: in turn by who they are, not by how often they ask."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Crowded(Exception):
    """As many are waiting as may."""


class Turns:
    """Lets `at_once` in together, no two of one; the others wait, at most `each_max` of one and `all_max` in all.

    Whoever asks often waits behind himself: each in turn has one go. Where all places are taken, one who has fewer takes
    the newest of whoever has most. Who stops waiting (is cancelled) has no turn.
    """

    def __init__(self, at_once: int, each_max: int, all_max: int) -> None:
        self._at_once = at_once
        self._each_max = each_max
        self._all_max = all_max
        self._in: set[str] = set()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._count = 0

    @property
    def idle(self) -> bool:
        """True if nobody is in and nobody waits."""
        return not self._in

    @asynccontextmanager
    async def turn(self, who: str) -> AsyncIterator[None]:
        """Be in while the block runs; raises Crowded."""
        await self.enter(who)
        try:
            yield
        finally:
            self.leave(who)

    async def enter(self, who: str, *, reserved: bool = False) -> None:
        """Wait to be let in; raises Crowded. Whoever is in has to leave. `reserved`: there is a place, whoever else waits."""
        if len(self._in) < self._at_once and who not in self._in:
            self._in.add(who)
            return
        queue = self._waiting.get(who, deque())
        if len(queue) >= self._each_max:
            raise Crowded
        if self._count >= self._all_max and not reserved:
            self._make_room(len(queue))
        mine = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, queue).append(mine)
        self._count += 1
        try:
            await mine
        except asyncio.CancelledError:
            if mine.cancelled():
                self._forget(who, mine)
            else:  # it had just been let in
                self.leave(who)
            raise

    def leave(self, who: str) -> None:
        """Let in whose turn it is."""
        self._in.remove(who)
        while following := next((each for each in self._waiting if each not in self._in), None):
            first = self._waiting[following].popleft()
            queue = self._waiting.pop(following)
            self._count -= 1
            if queue:
                self._waiting[following] = queue  # behind the others
            if not first.done():  # or it stopped waiting a moment ago
                self._in.add(following)
                first.set_result(None)
                return

    def _make_room(self, own: int) -> None:
        """Take the newest place of whoever has most, if that leaves him no fewer than the one who comes."""
        who = max(self._waiting, key=lambda each: len(self._waiting[each]))
        if len(self._waiting[who]) <= own + 1:
            raise Crowded
        newest = self._waiting[who][-1]
        self._forget(who, newest)
        if not newest.done():
            newest.set_exception(Crowded())

    def _forget(self, who: str, one: asyncio.Future[None]) -> None:
        queue = self._waiting.get(who, deque())
        if one not in queue:  # passed over already
            return
        queue.remove(one)
        self._count -= 1
        if not queue:
            del self._waiting[who]
