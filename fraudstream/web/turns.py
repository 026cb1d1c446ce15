"""Fair queueing where not all can be served at once: clients take turns, however often each asks."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Crowded(Exception):
    """The queue is full."""


class Turns:
    """Admits `at_once` requests, no two of one client; others wait, at most `each_max` per client and `all_max` in all.

    Clients take turns, one request each. If all places are taken, a client with fewer takes the newest place of the client
    with most. A cancelled request leaves the queue.
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
        """True if no request is admitted and none waits."""
        return not self._in

    @asynccontextmanager
    async def turn(self, who: str) -> AsyncIterator[None]:
        """Hold a turn while the block runs; raises Crowded."""
        await self.enter(who)
        try:
            yield
        finally:
            self.leave(who)

    async def enter(self, who: str, *, reserved: bool = False) -> None:
        """Wait for a turn; raises Crowded. Call `leave` afterwards. `reserved`: there is always a place to wait."""
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
            else:  # it had just been admitted
                self.leave(who)
            raise

    def leave(self, who: str) -> None:
        """End a turn and admit the next client."""
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
        """Take the newest place of the client with most, if it keeps no fewer than the new one then has."""
        who = max(self._waiting, key=lambda each: len(self._waiting[each]))
        if len(self._waiting[who]) <= own + 1:
            raise Crowded
        newest = self._waiting[who][-1]
        self._forget(who, newest)
        if not newest.done():
            newest.set_exception(Crowded())

    def _forget(self, who: str, one: asyncio.Future[None]) -> None:
        queue = self._waiting.get(who, deque())
        if one not in queue:  # already taken from the queue
            return
        queue.remove(one)
        self._count -= 1
        if not queue:
            del self._waiting[who]
