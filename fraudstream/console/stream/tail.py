"""A topic as it grows, as server-sent events: each browser has a reader of its own, which waits for nobody.

A browser that takes its events slowly slows down its own reader only: what it has not read stays with the brokers, and once it is far behind it goes
on at the end and says how much was left out.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fraudstream.adapters.kafka.browsing import Browsing, browsing
from fraudstream.adapters.kafka.partition_logs import Record
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import FraudstreamError

AT_ONCE_MAX = 20
"""So many browsers follow topics at the same time."""

RECORDS_MAX, EVERY_S = 20, 0.5
"""So many records an event has, and so far apart events are; of more the newest are shown."""

BEHIND_MAX = 1_000
"""A reader that is further behind goes on at the end."""

CHECK_S, LASTS_S = 5.0, 600.0
"""How often it is checked that somebody is still logged in; and when a browser has to ask anew, which it does by itself."""

Shown = Callable[[list[Record], int], Awaitable[str]]


class Crowded(FraudstreamError):
    """Too many follow topics."""

    later = True


class Tails:
    """All that follow topics in this process."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._now = 0

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._now >= AT_ONCE_MAX:
            raise Crowded("too many people follow topics at this moment")
        self._now += 1
        try:
            yield
        finally:
            self._now -= 1

    async def events(
        self, topic: str, partitions: int, shown: Shown, may: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[bytes]:
        """Yield events until whoever asked is logged out, or LASTS_S have passed; `shown` makes the text of one.

        The first event comes at once: from then on every record is seen.
        """
        async with self._place(), browsing(self._kafka, LASTS_S + 60) as browser:
            await browser.follow(topic, range(partitions))
            yield event("ready", "")
            began = checked = time.monotonic()
            while (now := time.monotonic()) - began < LASTS_S:
                if now - checked > CHECK_S:
                    checked = now
                    if not await may():
                        yield event("end", "You are no longer logged in.")
                        return
                    yield b": still here\n\n"
                records, left_out = await _next(browser)
                if records or left_out:
                    yield event("records", await shown(records, left_out))
                await asyncio.sleep(EVERY_S)


async def _next(browser: Browsing) -> tuple[list[Record], int]:
    """Return the newest of the records that have come, and how many were left out."""
    skipped = await browser.catch_up(BEHIND_MAX)
    records = await browser.poll(BEHIND_MAX)
    return records[-RECORDS_MAX:], skipped + max(0, len(records) - RECORDS_MAX)


def event(name: str, text: str) -> bytes:
    """Return a server-sent event.

    >>> event("records", "a\\nb")
    b'event: records\\ndata: a\\ndata: b\\n\\n'
    """
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{lines}\n".encode()
