"""Workers that do it wrong, each in one way, in their own process: an experiment that stays green with one proves nothing."""

import asyncio
import sys
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

from aiokafka import AIOKafkaProducer

from fraudstream.adapters import process
from fraudstream.agents import deciding
from fraudstream.tables.activity_store import ActivityStore
from tests.chaos.gaps import OFFSET_WITHOUT_ENTRIES, Trap

CHANGELOG_LATE_S = 1.5


def without_ids(_trap: Trap) -> None:
    """Know no payment again: every record has an id nobody had before."""
    numbers = count(1)
    deciding.transaction_hash = lambda transaction_id: next(numbers)


def changelog_not_awaited(_trap: Trap) -> None:
    """Send the changelog in the background, some time later, as Faust's own tables do."""
    send_batch = AIOKafkaProducer.send_batch
    background = set()

    async def hasty(self: AIOKafkaProducer, batch: Any, topic: str, *, partition: int) -> Any:
        if not topic.endswith("-changelog"):
            return await send_batch(self, batch, topic, partition=partition)

        async def later() -> None:
            await asyncio.sleep(CHANGELOG_LATE_S)
            await send_batch(self, batch, topic, partition=partition)

        task = asyncio.create_task(later())
        background.add(task)
        task.add_done_callback(background.discard)
        pretended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        pretended.set_result(SimpleNamespace(offset=-1))
        return pretended

    AIOKafkaProducer.send_batch = hasty


def offset_written_apart(trap: Trap) -> None:
    """Write the changelog offset in a write of its own, before the entries it stands for."""
    write = ActivityStore.write

    def apart(
        self: ActivityStore, partition: int, buckets: Any, clock: Any, offset: int | None, *rest: Any
    ) -> None:
        if offset is not None:
            self._db_for_partition(partition).put(self.offset_key, b"%d" % offset)
        trap.passed(OFFSET_WITHOUT_ENTRIES)
        write(self, partition, buckets, clock, None, *rest)

    ActivityStore.write = apart  # type: ignore[assignment, method-assign]


def carrying_on(_trap: Trap) -> None:
    """Log what should have ended the process, and go on."""
    crash = process.crash

    def survive(why: str) -> None:
        process.logger.critical("%s; carrying on", why, exc_info=True)

    for module in [*sys.modules.values()]:
        if vars(module).get("crash") is crash:
            vars(module)["crash"] = survive


MUTATIONS: dict[str, Callable[[Trap], None]] = {
    "id check off": without_ids,
    "changelog not awaited": changelog_not_awaited,
    "offset written apart": offset_written_apart,
    "no hard exit": carrying_on,
}
"""Name -> patch, applied before the app is built and after the gaps are wrapped."""
