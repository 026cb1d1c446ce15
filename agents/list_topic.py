"""Follows the topic `lists` for as long as a worker runs, so that its table has every change within a second.

A worker whose rules ask no lists follows it, too: a release may ask them later, and any rule can be snoozed. What goes wrong
with the topic keeps no worker from deciding, unless its own rules ask lists that it could never read.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator

from aiokafka.errors import KafkaError

from fraudstream import topics
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.tail import Record, following
from fraudstream.adapters.lists.topic import HELD_S
from fraudstream.domain.errors import BrokerUnavailable, FraudstreamError, SetupError
from fraudstream.domain.lists.entries import parsed
from fraudstream.domain.lists.table import ENTRIES_MAX, ListTable
from fraudstream.domain.names import did_you_mean
from fraudstream.domain.problems import Problem
from fraudstream.domain.rules import Ruleset
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)

LOOK_S = 0.02
"""How often a partition that waits for lists looks if they have come."""
AGAIN_S = 5.0
"""Wait after an error."""
FIRST_LOOK_S = 120.0
"""How long a start waits for all of it; a million entries take some seconds."""
REACHED_WITHIN_S = 10.0
"""How long a partition that was taken over waits for the lists that it was decided with."""


class ListTopic:
    """Keeps a table as the topic is."""

    def __init__(self, settings: Settings, table: ListTable, asked: bool) -> None:
        """`asked`: whether the worker's own rules ask lists."""
        self._settings = settings
        self._asked = asked
        self.table = table
        self.rulesets: Callable[[], Iterable[Ruleset]] = tuple
        """Those that decide; set as soon as they are known."""
        self._looked = asyncio.Event()
        self._known = False
        """Whether all that was in the topic at the start was read."""
        self._unreadable = self._invalid = ""
        self._read_to = 0
        """The offset of the next record; records that were removed count, too."""
        self._lacking = 0
        """The revision with which payments should have been decided, and the topic ends before it; 0: none."""
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read, and wait until all of it is known; raises BrokerUnavailable if it is needed and cannot be read."""
        self._running = asyncio.create_task(self._run(), name="lists")
        try:
            async with asyncio.timeout(FIRST_LOOK_S):
                await self._looked.wait()
        except TimeoutError:
            self._unreadable = f"it was not read within {FIRST_LOOK_S:g} s"
        if self._asked and not self._known:
            raise BrokerUnavailable(
                f"rules ask lists, and the topic {self._topic} cannot be read: {self._unreadable}"
            )

    async def stop(self) -> None:
        """End reading."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])

    async def reached(self, revision: int) -> None:
        """Wait until the table has what the topic had at a revision; a topic that was lost does not stop the worker."""
        ends_at = time.monotonic() + REACHED_WITHIN_S
        while max(self.table.revision, self._read_to) < revision:
            if time.monotonic() > ends_at:
                self._lacking = revision
                logger.warning("the topic %s does not have the lists as of %s", self._topic, revision)
                return
            await asyncio.sleep(LOOK_S)
        self._lacking = 0

    def problems(self) -> Iterator[Problem]:
        """Yield what keeps rules from knowing what is on lists."""
        if self._unreadable:
            yield Problem(
                "degraded",
                f"the topic {self._topic} cannot be read ({self._unreadable}); lists are as of revision {self.table.revision}",
            )
        if self._lacking > self.table.revision:
            yield Problem(
                "degraded",
                f"payments were decided with lists as of revision {self._lacking}, and the topic {self._topic} has less; "
                "what is decided again may be decided otherwise",
            )
        if self._invalid:
            yield Problem("degraded", self._invalid, "write it with: fraudstream lists")
        if self.table.left_out:
            yield Problem(
                "degraded",
                f"lists have more than {ENTRIES_MAX:,} entries; {self.table.left_out:,} are left out",
                "remove some",
            )
        known = self.table.listings
        asked = {call.name for ruleset in self.rulesets() for call in ruleset.calls}
        for name in sorted(asked - known.keys()):
            yield Problem(
                "degraded",
                f"rules ask the list {name}, and there is none{did_you_mean(name, known)}; these conditions do not hold",
                f"make it with: fraudstream lists create {name}",
            )

    @property
    def _topic(self) -> str:
        return self._settings.topic(topics.LISTS.name)

    async def _run(self) -> None:
        while True:
            try:
                async with following(Kafka.of(self._settings), self._topic, 1, HELD_S) as tail:
                    async for records in tail.whole():
                        await self._take(records)
                    self._known, self._unreadable, self._read_to = True, "", await tail.position()
                    self._looked.set()
                    async for records in tail.until_made_anew(self.table.revision):
                        await self._take(records)
                    logger.warning("the topic %s was made anew; all lists are read again", self._topic)
                    self.table.clear()
                    self._read_to = 0
            except (KafkaError, FraudstreamError, OSError) as error:
                self._unreadable = str(error) or type(error).__name__
                logger.warning("the topic %s cannot be read: %s", self._topic, self._unreadable)
            except (
                Exception
            ) as error:  # a list that cannot be followed must not end a worker, nor be old unnoticed
                self._unreadable = f"{type(error).__name__}: {error}"
                logger.warning("lists cannot be followed", exc_info=True)
            self._looked.set()
            await asyncio.sleep(AGAIN_S)

    async def _take(self, records: list[Record]) -> None:
        """Apply records, some thousands at most; between them payments are decided."""
        for record in records:
            try:
                change = parsed(record.key, record.value or None)
            except SetupError as error:
                self._invalid = f"offset {record.offset} of the topic {self._topic}: {error}"
                continue
            self.table.apply(change, record.offset, record.timestamp)
        self.table.forget_old(time.time_ns() // 1_000_000)
        await asyncio.sleep(0)
