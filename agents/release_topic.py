"""Reads the control topic for as long as a worker runs: at once when a record comes, and all of it again every minute.

A topic that was deleted and written again has its records at offsets that this worker has passed; reading all of it finds them.
"""

import asyncio
import logging
import time
from contextlib import AbstractAsyncContextManager, suppress

from aiokafka.errors import KafkaError

from fraudstream import topics
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.tail import Record, Tail, following
from fraudstream.agents.releases import Follower
from fraudstream.domain.errors import FraudstreamError
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)

READ_AGAIN_S = 60.0
RECORDS_MAX = 100_000
"""Of the topic; compaction leaves a few."""

HELD_S = 5.0
"""How long the brokers hold an answer while there is nothing new; a record is answered at once.

Other requests of the connection wait for it, so all of the topic is read by another one."""

AGAIN_S = 5.0
"""Wait after an error."""

FIRST_LOOK_S = 30.0
"""How long a start waits to know what decides, and to load it; after that the worker decides with what it has."""


class ReleaseTopic:
    """Tells a follower what the topic says."""

    def __init__(self, settings: Settings, follower: Follower) -> None:
        self._settings = settings
        self._follower = follower
        self._looked = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read, and wait until what the topic says now is loaded, or refused."""
        self._running = asyncio.create_task(self._run(), name="releases")
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_S):
                await self._looked.wait()

    async def stop(self) -> None:
        """End reading."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])

    async def _run(self) -> None:
        topic = self._settings.topic(topics.RELEASES.name)
        while True:
            try:
                async with self._tail(HELD_S) as tail:
                    while True:
                        await self._read(tail)
            except (KafkaError, FraudstreamError, OSError) as error:
                self._follower.unreadable = str(error) or type(error).__name__
                logger.warning("the topic %s cannot be read: %s", topic, self._follower.unreadable)
            except Exception as error:  # a release that cannot be followed must not end a worker
                self._follower.unreadable = f"{type(error).__name__}: {error}"
                logger.warning("releases cannot be followed", exc_info=True)
            self._looked.set()
            await asyncio.sleep(AGAIN_S)

    def _tail(self, held_s: float = 0.1) -> AbstractAsyncContextManager[Tail]:
        topic, partitions = self._settings.topic(topics.RELEASES.name), self._settings.partitions
        return following(Kafka.of(self._settings), topic, partitions, held_s)

    async def _read(self, tail: Tail) -> None:
        """Read all of it, then what comes for a minute."""
        async with self._tail() as whole:
            await self._take(await whole.newest(RECORDS_MAX))
        self._follower.unreadable = ""
        self._looked.set()
        await self._follower.compare_with_log()
        again = time.monotonic() + READ_AGAIN_S
        while time.monotonic() < again:
            await self._take(await tail.fetch(round(AGAIN_S * 1000)))
        await self._follower.try_again()

    async def _take(self, records: list[Record]) -> None:
        ordered = sorted(records, key=lambda record: (record.partition, record.offset))
        await self._follower.take([(record.key, record.value) for record in ordered])
