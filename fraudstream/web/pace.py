"""Limits the pages' share of the event loop, which also decides payments."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any

from aiohttp.web import StreamResponse

from fraudstream.web.turns import Turns

SHARE = 0.2
"""The largest share of the loop's time for pages while requests are waiting."""

CREDIT_S = 0.5
"""Loop time that pages may use ahead of their share when it was unused: a page and its parts are requested together."""

OVERHEAD_S = 0.0005
"""Loop time of a request beside its handler: reading and writing."""


class Timed:
    """Awaits an answer and reports how long it used the loop."""

    def __init__(self, answer: Awaitable[StreamResponse], spent: Callable[[float], None]) -> None:
        self._answer = answer
        self._spent = spent

    def __await__(self) -> Generator[Any, Any, StreamResponse]:
        """Run the answer step by step, as `await` does."""
        steps = self._answer.__await__()
        step = partial(steps.send, None)
        while True:
            started_s = time.perf_counter()
            try:
                awaited = step()
            except StopIteration as end:
                response: StreamResponse = end.value
                return response
            finally:
                self._spent(time.perf_counter() - started_s)
            try:
                yield awaited
                step = partial(steps.send, None)
            except BaseException as error:  # noqa: BLE001 - the answer's, raised where it waits
                step = partial(steps.throw, error)


class Pace:
    """Starts requests in turn by client, and no sooner than the share allows."""

    def __init__(self) -> None:
        self._turns = Turns(1, sys.maxsize, sys.maxsize)  # no more than connections
        self._free_at_s = 0.0

    async def run(self, client: str, answer: Callable[[], Awaitable[StreamResponse]]) -> StreamResponse:
        """Answer a request when its turn has come."""
        async with self._turns.turn(client):
            await asyncio.sleep(self._free_at_s - time.monotonic())
        self._spend(OVERHEAD_S)
        return await Timed(answer(), self._spend)

    def _spend(self, seconds: float) -> None:
        """Note that pages used the loop: the next request waits until that is no more than their share."""
        self._free_at_s = max(self._free_at_s, time.monotonic() - CREDIT_S) + seconds / SHARE
