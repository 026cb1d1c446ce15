"""Follows the topic `lists` beside pages and requests, so that none of them reads it from its beginning.

An answer has all that was in the topic when it was asked for: people see what they, or anybody else, have changed before.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import TimeoutError as TookTooLong
from typing import NamedTuple, TypeVar

from aiokafka.errors import KafkaError

from fraudstream import topics
from fraudstream.adapters.failures import kafka_error
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.tail import Record, Tail, asking_end, following
from fraudstream.adapters.lists.topic import HELD_S, OnLists, Taken
from fraudstream.domain.errors import BrokerUnavailable, FraudstreamError, SetupError
from fraudstream.domain.lists.entries import SNOOZE, parsed
from fraudstream.domain.lists.table import ListTable
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)

ANSWER_S = 10.0
"""How long an answer waits until all of the topic was read that there was when it was asked for."""
END_S = 5.0
"""How long brokers may take to say where the topic ends."""
AGAIN_S = 5.0
"""Wait after an error."""

T = TypeVar("T")


class _Following(NamedTuple):
    """What there is while the topic is followed."""

    loop: asyncio.AbstractEventLoop
    moved: asyncio.Condition
    """Notified after records were taken."""


class FollowedLists:
    """What is on lists, for a process that runs `run` beside its work."""

    def __init__(self, settings: Settings) -> None:
        self._kafka = Kafka.of(settings)
        self._topic = settings.topic(topics.LISTS.name)
        self._settings = settings
        self._following: _Following | None = None
        self._end: Callable[[], Awaitable[int]] | None = None
        self._unreadable = f"the topic {self._topic} is not read here"
        self._clear()

    def _clear(self) -> None:
        self._taken, self._table = Taken(lambda name: True), ListTable()
        self._next = 0
        """The offset up to which the topic was read."""

    async def run(self) -> None:
        """Follow the topic until it is cancelled; raises FraudstreamError."""
        state = self._following = _Following(asyncio.get_running_loop(), asyncio.Condition())
        try:
            await ensure_topics(self._settings)
            async with (
                following(self._kafka, self._topic, 1, HELD_S) as tail,
                asking_end(self._kafka, self._topic) as self._end,
            ):
                while True:
                    self._clear()
                    async for records in tail.whole():
                        await self._take(tail, records)
                    await self._take(tail, [])  # perhaps there were none
                    async for records in tail.until_made_anew():
                        await self._take(tail, records)
                    logger.warning("the topic %s was made anew; all lists are read again", self._topic)
        except FraudstreamError as error:
            self._unreadable = str(error)
            raise
        except KafkaError as error:
            failed = kafka_error(f"the topic {self._topic} cannot be read", error)
            self._unreadable = str(failed)
            raise failed from error
        finally:
            self._following = self._end = None
            async with state.moved:
                state.moved.notify_all()

    async def run_again(self) -> None:
        """Do the same, and begin again when the topic could not be read; for a process without anybody who does."""
        while True:
            try:
                await self.run()
            except FraudstreamError as error:
                logger.warning("lists cannot be followed: %s", error)
            except Exception:
                logger.exception("lists cannot be followed")
            await asyncio.sleep(AGAIN_S)

    async def _take(self, tail: Tail, records: list[Record]) -> None:
        for record in records:
            try:
                change = parsed(record.key, record.value or None)
            except SetupError:
                continue  # none of ours; workers pass it over, too, and their health says so
            self._taken.take(change, record.offset)
            if not change.name.startswith(SNOOZE):
                self._table.apply(change, record.offset, record.timestamp)
        self._table.forget_old(time.time_ns() // 1_000_000)
        self._next = await tail.position()
        assert self._following is not None
        async with self._following.moved:
            self._following.moved.notify_all()

    async def on(self, name: str | None = None) -> OnLists:
        """Return what is on lists now, and the entries of one of them; on the loop of `run`. Raises BrokerUnavailable."""
        return await self._now(lambda: self._taken.on(name))

    def on_from_thread(self, name: str | None = None) -> OnLists:
        """Return the same in a thread that has no loop."""
        return self._from_thread(lambda: self._taken.on(name))

    def table_from_thread(self) -> ListTable:
        """Return the lists as rules ask them, without snoozes, which are about workers and not about values; it goes on changing."""
        return self._from_thread(lambda: self._table)

    async def _now(self, look: Callable[[], T]) -> T:
        """Look once all was read that is there now."""
        state = self._required()
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._until(state, lambda: self._end is not None)
                end = await self._asked_end()
                await self._until(state, lambda: self._next >= end)
        except TimeoutError:
            raise BrokerUnavailable(f"the topic {self._topic} was not read within {ANSWER_S:g} s") from None
        return look()

    async def _until(self, state: _Following, holds: Callable[[], bool]) -> None:
        """Wait until something holds; raises BrokerUnavailable if the topic is not followed any more."""
        async with state.moved:
            await state.moved.wait_for(lambda: self._following is not state or holds())
        if self._following is not state:
            raise BrokerUnavailable(self._unreadable)

    async def _asked_end(self) -> int:
        assert self._end is not None
        try:
            async with asyncio.timeout(END_S):
                return await self._end()
        except KafkaError as error:
            raise kafka_error(f"the topic {self._topic} cannot be read", error) from error
        except TimeoutError:
            said = f"Kafka at {self._kafka.bootstrap} did not say within {END_S:g} s where the topic {self._topic} ends"
            raise BrokerUnavailable(said) from None

    def _from_thread(self, look: Callable[[], T]) -> T:
        loop = self._required().loop
        asked = asyncio.run_coroutine_threadsafe(self._now(look), loop)
        try:
            return asked.result(ANSWER_S + 1)
        except TookTooLong:
            asked.cancel()
            raise BrokerUnavailable("the process is ending") from None

    def _required(self) -> _Following:
        if self._following is None:
            raise BrokerUnavailable(self._unreadable)
        return self._following
