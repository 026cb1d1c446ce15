"""Watches an inbox: lists it now and then, and hears of new objects from a queue."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from fraudstream.domain.errors import FraudstreamError
from fraudstream.inbox.running import Inbox

if TYPE_CHECKING:
    from fraudstream.adapters.inbox.queue import Queue, Told

logger = logging.getLogger(__name__)

DRAIN_WAIT_S = 2
"""How long `once` waits for a further message."""


async def once(inbox: Inbox, queue: "Queue | None", settle_s: float) -> None:
    """Take what is there, and end; raises the errors of place and queue."""
    async with _opened(inbox, queue):
        await inbox.take_all()
        if inbox.place.unfinished:
            await asyncio.sleep(settle_s)
            await inbox.take_all()
        while queue is not None and (told := await queue.receive(DRAIN_WAIT_S)) is not None:
            await _hear(inbox, queue, told)


async def forever(inbox: Inbox, queue: "Queue | None", every_s: float) -> None:
    """Take what comes, until it is cancelled. An outage of place or queue is waited for, other errors are raised."""
    async with _opened(inbox, queue):
        listed_at = -float("inf")
        while True:
            if time.monotonic() - listed_at >= every_s:
                await _patiently(inbox.take_all, every_s)
                listed_at = time.monotonic()
            if queue is None:
                await asyncio.sleep(every_s)
            else:
                await _patiently(lambda: _next(inbox, queue), every_s)


async def _next(inbox: Inbox, queue: "Queue") -> None:
    told = await queue.receive()
    if told is not None:
        await _hear(inbox, queue, told)


async def _hear(inbox: Inbox, queue: "Queue", told: "Told") -> None:
    """Take the files that a message names, as they are now; the message goes when all of them have settled."""
    if told.names is None:
        logger.warning(
            "a message in the queue is no notification of S3; it stays for the queue's dead-letter rule"
        )
        return
    waiting = False
    async with queue.held(told):
        for name in told.names:
            found = await inbox.place.find(name)
            if found is not None:
                await inbox.take(found)
                waiting = waiting or inbox.waits(found)
    if waiting:
        await queue.later(told, inbox.plan.retry_s)
    else:
        await queue.delete(told)


async def _patiently(step: Callable[[], Awaitable[object]], wait_s: float) -> None:
    try:
        await step()
    except FraudstreamError as error:
        if not error.later:
            raise
        logger.warning("%s; trying again in %.0f s", error, wait_s)
        await asyncio.sleep(wait_s)


@asynccontextmanager
async def _opened(inbox: Inbox, queue: "Queue | None") -> AsyncIterator[None]:
    """Connect place and queue for the length of a block."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(inbox.place)
        if queue is not None:
            await stack.enter_async_context(queue)
        yield
