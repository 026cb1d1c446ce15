"""Workers that do it wrong, each in one way, in their own process: an experiment that stays green with one proves nothing."""

import asyncio
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from itertools import count
from types import SimpleNamespace
from typing import Any

from aiokafka import AIOKafkaProducer

from fraudstream.adapters import process
from fraudstream.agents import deciding
from fraudstream.tables.activity_layout import Clock
from fraudstream.tables.activity_store import ActivityStore

CHANGELOG_LATE_S = 1.5
MICRO_BATCHES_BEHIND = 3


def without_ids() -> None:
    """Know no payment again: every record has an id nobody had before."""
    numbers = count(1)
    deciding.transaction_hash = lambda transaction_id: next(numbers)


def changelog_not_awaited() -> None:
    """Send the changelog in the background, some time later, as Faust's own tables do.

    Only the first record of a partition, by which a worker proves its recovery, is waited for.
    """
    send_batch = AIOKafkaProducer.send_batch
    background = set()
    following: dict[tuple[str, int], int] = {}

    async def hasty(self: AIOKafkaProducer, batch: Any, topic: str, *, partition: int) -> Any:
        if not topic.endswith("-changelog"):
            return await send_batch(self, batch, topic, partition=partition)
        if (place := (topic, partition)) not in following:
            following[place] = (await (await send_batch(self, batch, topic, partition=partition))).offset
        else:
            task = asyncio.create_task(_later(send_batch, self, batch, topic, partition))
            background.add(task)
            task.add_done_callback(background.discard)
        pretended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        pretended.set_result(SimpleNamespace(offset=following[place]))
        following[place] += batch.record_count()
        return pretended

    AIOKafkaProducer.send_batch = hasty


async def _later(send_batch: Any, producer: AIOKafkaProducer, batch: Any, topic: str, partition: int) -> None:
    await asyncio.sleep(CHANGELOG_LATE_S)
    await send_batch(producer, batch, topic, partition=partition)


def offset_written_apart() -> None:
    """Write the changelog offset at once, and the entries it stands for a few micro-batches later.

    One later would do no harm: Faust reads the record at the offset again.
    """
    write, get_many, clock = ActivityStore.write, ActivityStore.get_many, ActivityStore.clock
    behind: defaultdict[int, deque[Any]] = defaultdict(deque)

    def late(self: ActivityStore, partition: int, buckets: Any, then: Clock, offset: Any, *rest: Any) -> None:
        if offset is not None:
            self._db_for_partition(partition).put(self.offset_key, b"%d" % offset)
        behind[partition].append((buckets, then, None, *rest))
        if len(behind[partition]) > MICRO_BATCHES_BEHIND:
            write(self, partition, *behind[partition].popleft())

    def overlaid(self: ActivityStore, partition: int, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        found = get_many(self, partition, keys)
        for buckets, *_ in behind[partition]:
            found |= {key: buckets[key] for key in keys if key in buckets}
        return found

    def latest(self: ActivityStore, partition: int) -> Clock:
        waiting = behind[partition]
        known: Clock = waiting[-1][1] if waiting else clock(self, partition)
        return known

    ActivityStore.write = late  # type: ignore[assignment, method-assign]
    ActivityStore.get_many = overlaid  # type: ignore[method-assign]
    ActivityStore.clock = latest  # type: ignore[method-assign]


def carrying_on() -> None:
    """Log what should have ended the process, and go on."""
    crash = process.crash

    def survive(why: str) -> None:
        process.logger.critical("%s; carrying on", why, exc_info=True)

    for module in [*sys.modules.values()]:
        if vars(module).get("crash") is crash:
            vars(module)["crash"] = survive


MUTATIONS: dict[str, Callable[[], None]] = {
    "id check off": without_ids,
    "changelog not awaited": changelog_not_awaited,
    "offset written apart": offset_written_apart,
    "no hard exit": carrying_on,
}
"""Name -> patch, applied before the app is built and after the gaps are wrapped."""
