"""Pages are served on the loop that decides payments: this is the share of it they get."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any

from aiohttp.web import StreamResponse

from fraudstream.web.turns import Turns

SHARE = 0.2
"""Which part of the loop's time pages have while more of them are asked for."""

CREDIT_S = 0.5
"""A page and its parts are asked for at once: how far ahead of their share an unused loop lets them get."""

OVERHEAD_S = 0.0005
"""What a request costs the loop beside its handler: reading and writing it."""


class Timed:
    """Awaits an answer and tells for how long it had the loop."""

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
    """Lets requests begin: in turn by client, and no sooner than the share allows."""

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
        """Note that the loop was used: it is left to payments for the rest of what that is the share of."""
        self._free_at_s = max(self._free_at_s, time.monotonic() - CREDIT_S) + seconds / SHARE
