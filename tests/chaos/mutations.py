"""Workers with one defect each, in their own process: an experiment that passes with a defect proves nothing."""

import asyncio
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from types import SimpleNamespace
from typing import Any

from aiokafka import AIOKafkaProducer

from fraudstream.adapters.failures import TOO_LARGE
from fraudstream.adapters.kafka.packing import Staged
from fraudstream.adapters.kafka.publisher import Instead, Message, Publisher
from fraudstream.adapters.kafka.record_batches import Batch
from fraudstream.agents import outputs
from fraudstream.deciding import columns, records
from fraudstream.deciding.intake import Intake, Parsed
from fraudstream.deciding.records import Record
from fraudstream.domain.events.parser import Parser, Payment
from fraudstream.domain.lists.table import ListTable
from fraudstream.domain.tokens import Entity
from fraudstream.process import exits
from fraudstream.state.positions import Misfit, SourceCheck
from fraudstream.tables.activity_layout import Clock
from fraudstream.tables.activity_store import ActivityStore

CHANGELOG_LATE_S = 1.5
MICRO_BATCHES_BEHIND = 3


def without_ids() -> None:
    """Recognise no repeated payment: every record gets a new id.

    No start may look such ids up in the log: it would refuse the state, perhaps before any payment was repeated.
    """
    numbers = count(1)
    columns.hash64 = lambda transaction_id: next(numbers)
    any_log_believed()


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
    crash = exits.crash

    def survive(why: str) -> None:
        exits.logger.critical("%s; carrying on", why, exc_info=True)

    for module in [*sys.modules.values()]:
        if vars(module).get("crash") is crash:
            vars(module)["crash"] = survive


def any_log_believed() -> None:
    """Accept any log, as if offsets identified it."""

    async def none(self: SourceCheck, *_: object) -> list[Misfit]:
        return []

    SourceCheck.misfits = none  # type: ignore[method-assign]


def refused_batch_left_out() -> None:
    """Publish nothing in place of a batch that was too large, instead of its halves."""
    parts = Publisher._parts

    async def hasty(self: Publisher, each: Staged, instead: Instead) -> list[Staged]:
        mended = await parts(self, each, instead)
        return [] if isinstance(each.failed, TOO_LARGE) else mended

    Publisher._parts = hasty  # type: ignore[method-assign]


def time_not_sent_on() -> None:
    """Repartition payments without their first timestamp, although brokers may rewrite the record's own."""
    repartitioned = records.repartitioned

    def timeless(card: Entity, record: Record) -> Message:
        message = repartitioned(card, record)
        headers = [header for header in message.headers if header[0] != records.TIME_HEADER]
        return Message(message.key, message.value, message.timestamp_ms, headers)

    outputs.repartitioned = timeless


def others_payments_left_out() -> None:
    """Neither decide nor repartition payments of cards that belong to another partition."""
    parse = Intake.parse

    def homely(self: Intake, records: list[Record]) -> Parsed:
        return parse(self, records)._replace(to_repartition=[])

    Intake.parse = homely  # type: ignore[method-assign]


def first_record_of_a_compressed_batch() -> None:
    """Read nothing of a compressed batch but its first record."""
    whole = Batch.__iter__

    def short(self: Batch) -> Iterator[Any]:
        return islice(whole(self), 1 if self._batch.compression_type else None)

    Batch.__iter__ = short  # type: ignore[method-assign]


def clock_of_the_worker() -> None:
    """Use the worker's clock as the payment's time."""
    parse = Parser.parse

    def timed(self: Parser, value: bytes | None, timestamp_ms: int) -> Payment:
        now_ms = time.time_ns() // 1_000_000
        return parse(self, value, timestamp_ms)._replace(event_time_ms=now_ms)

    Parser.parse = timed  # type: ignore[method-assign]


def lists_of_now() -> None:
    """Ask the newest lists, whatever a payment was decided with the first time."""
    ListTable.at = lambda self, revision: self  # type: ignore[method-assign]


MUTATIONS: dict[str, Callable[[], None]] = {
    "id check off": without_ids,
    "changelog not awaited": changelog_not_awaited,
    "offset written apart": offset_written_apart,
    "no hard exit": carrying_on,
    "any log believed": any_log_believed,
    "refused batch left out": refused_batch_left_out,
    "time not sent on": time_not_sent_on,
    "others' payments left out": others_payments_left_out,
    "compressed batch cut short": first_record_of_a_compressed_batch,
    "clock of the worker": clock_of_the_worker,
    "lists of now": lists_of_now,
}
"""Name -> patch, applied before the app is built and after the gaps are wrapped."""
