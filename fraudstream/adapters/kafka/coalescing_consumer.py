"""A Faust consumer that delivers a fetched batch of a partition as one message.

Faust spends about 50 µs on every message before our code sees it. Here a message's value is a list of up to
`chunk_rows_max` aiokafka records and its offset is the last one's; the group, assignment, recovery, rebalance and
commits stay Faust's own. Plugged in by the public setter `app.transport`.
Why, and what breaks if Faust changes: docs/decisions/0005-coalescing-consumer.md and tests/test_faust_assumptions.py.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, TypeAlias, cast

import faust
from aiokafka.structs import ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode.services import WaitResults

from fraudstream.adapters.kafka.fetching import ConsumerThread
from fraudstream.adapters.kafka.log_losses import LogLosses
from fraudstream.adapters.kafka.record_batches import read_every_batch
from fraudstream.adapters.kafka.started_coroutines import finished

CHANGELOG_CHUNK_RECORDS = 4096
"""Changelog records delivered at once during recovery: 20 times faster than one by one."""

FETCH_ENDS_AFTER_S = 0.2
"""An empty fetch ends after this; Faust's default is 1 s, and a rebalance waits for the fetch."""

Records: TypeAlias = list[ConsumerRecord[bytes, bytes]]


def chunks(records: Records, rows_max: int) -> list[Records]:
    """Cut a partition's fetched records into messages, in order.

    >>> chunks([1, 2, 3], 2)
    [[1, 2], [3]]
    """
    return [records[start : start + rows_max] for start in range(0, len(records), rows_max)]


class CoalescingConsumer(driver.Consumer):
    """Coalesces the topics it is told to; all other topics are delivered record by record.

    Acknowledge the messages of a coalesced partition whole and in order: the committed offset is simply the one
    after the last acknowledged (Faust's gap list is switched off for them).
    """

    sources: Collection[str] = ()
    changelogs: Collection[str] = ()
    chunk_rows_max: int = 512
    losses = LogLosses()
    offsets_in_transactions: bool = False
    """Whether source offsets are committed with the outputs: then Faust commits none, which could put them back."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._no_fetch = asyncio.Event()
        self._no_fetch.set()
        self._confirmed: dict[TP, int] = {}
        """Offsets the group has confirmed. Faust's own note includes commits that came too late for a rebalance."""

    @property
    def _fetching(self) -> ConsumerThread:
        return cast(ConsumerThread, self._thread)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _wait_next_records(self, timeout: float) -> Any:
        records, active = await super()._wait_next_records(min(timeout, FETCH_ENDS_AFTER_S))
        if records:
            return {tp: self._coalesced(tp, fetched) for tp, fetched in records.items()}, active
        return records, active

    async def _getmany(self, *args: Any, **kwargs: Any) -> Any:
        """Fetch, and note that a fetch is under way."""
        self._no_fetch.clear()
        try:
            return await super()._getmany(*args, **kwargs)
        finally:
            self._no_fetch.set()

    def stop_flow(self) -> None:
        """Stop the flow; until it is resumed no fetch waits long: what a rebalance asks for comes after it, on one connection."""
        super().stop_flow()
        if self._thread is not None:
            self._fetching.wait_briefly()

    async def halt(self) -> None:
        """Stop the flow, and return when no fetch is under way any more; none begins before the flow is resumed.

        Faust discards what a fetch brings while the flow is stopped. If it seeks the committed offsets meanwhile,
        those records are skipped for ever; its own `wait_for_stopped_flow` does not wait.
        """
        self.stop_flow()
        await self._no_fetch.wait()

    def _coalesced(self, tp: TP, fetched: list[Any]) -> list[Any]:
        if tp.topic in self.sources:
            return chunks(fetched, self.chunk_rows_max)
        if tp.topic in self.changelogs:
            return chunks(fetched, CHANGELOG_CHUNK_RECORDS)
        return fetched

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, list):
            return super()._to_message(tp, record)
        last = record[-1]
        return ConsumerMessage(
            last.topic,
            last.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            None,
            None,
            cast(bytes, record),  # what raw topics are handed on as they are
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def wait_first(self, *waiting: Any, timeout: Any = None) -> Any:
        """Deliver a message without a race if it does not block.

        Faust races every delivery against a rebalance, with four tasks each; nearly always the delivery is done at its
        first step. If it is not (the agent's queue is full), they race as in Faust.
        """
        if len(waiting) == 2 and timeout is None and all(map(asyncio.iscoroutine, waiting)):
            delivery, suspended = waiting
            try:
                blocked_on = delivery.send(None)
            except StopIteration as done:
                suspended.close()
                return WaitResults([delivery], [done.value], False)
            waiting = (finished(delivery, blocked_on), suspended)
        return await super().wait_first(*waiting, timeout=timeout)

    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing for coalesced topics: their full queue blocks the drain loop, which is back-pressure enough.

        Faust would take the partition out of a fetch in progress, and aiokafka then backs off the whole node.
        """
        if tp.topic not in self.sources:
            super().on_buffer_full(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if tp.topic not in self.sources:
            await super()._add_gap(tp, offset_from, offset_to)

    def _new_offset(self, tp: TP) -> int | None:
        if tp.topic not in self.sources:
            new_offset: int | None = super()._new_offset(tp)
            return new_offset
        acked = self._acked[tp]
        if not acked:
            return None
        newest = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return int(newest) + 1

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        confirmed = self.offsets_in_transactions or bool(await super()._commit(offsets))
        if confirmed:
            self._confirmed.update(offsets)
        return confirmed

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        """Commit, and keep only what the group confirmed: otherwise Faust would not commit what a replay decides again."""
        confirmed = bool(await super()._commit_offsets(offsets, start_new_transaction))
        if not confirmed:
            self._committed_offset.update({tp: self._confirmed.get(tp) for tp in offsets})
        return confirmed

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek, and take the group's offsets as the confirmed ones."""
        committed: Mapping[TP, int] = await super().seek_to_committed()
        self._confirmed = {tp: offset for tp, offset in committed.items() if offset}
        return committed

    def committed_offset(self, tp: TP) -> int:
        """Return the committed offset of a partition (the next to read after a restart), -1 before the first commit."""
        return self._confirmed.get(tp, -1)

    def settled_position(self, tp: TP) -> int | None:
        """Return the position in a partition if all before it is acknowledged, else None.

        It may lie after a transaction marker, which is read but never delivered.
        """
        if any(message.tp == tp for message in self.unacked):
            return None
        consumer = self._fetching._ensure_consumer()
        state = consumer._subscription.subscription.assignment.state_value(tp)
        return int(state.position) if state is not None and state.has_valid_position else None


def coalesce(
    app: faust.App,
    sources: Collection[str],
    changelogs: Collection[str],
    chunk_rows_max: int,
    losses: LogLosses,
    *,
    offsets_in_transactions: bool = False,
) -> None:
    """Make an app's consumer deliver these source and changelog topics in chunks; call before the app starts.

    `losses` notes source records that were removed before they were read. Raises SetupError if a codec
    is missing.
    """
    read_every_batch()
    consumer = type(
        "Consumer",
        (CoalescingConsumer,),
        {
            "sources": frozenset(sources),
            "changelogs": frozenset(changelogs),
            "chunk_rows_max": chunk_rows_max,
            "losses": losses,
            "offsets_in_transactions": offsets_in_transactions,
        },
    )
    transport = type("Transport", (driver.Transport,), {"Consumer": consumer})
    app.transport = transport(app.conf.broker_consumer, app)
