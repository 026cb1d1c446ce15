"""Remembers every entity's events, as long as the longest window.

Faust manages the table's partitions, changelog, recovery and rebalances. Reading and writing are ours, once per
micro-batch: `aggregate` reads and computes without side effects, the caller publishes each `Update.delta` to the
changelog, and only then `apply` writes.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import faust
import numpy as np
from faust.tables.manager import TableManager
from faust.types import TP
from mode import Service

from fraudstream.adapters.kafka.coalescing_consumer import CoalescingConsumer
from fraudstream.adapters.kafka.leaving import leave
from fraudstream.adapters.kafka.publisher import Acknowledged, Message, Outbox, ProduceResults
from fraudstream.domain.releases.plan import Plans
from fraudstream.domain.windows.velocity import Windows
from fraudstream.process.exits import crash
from fraudstream.tables.activity_batch import Arrivals, BatchAggregates, Update, counted_to
from fraudstream.tables.activity_store import OPTIONS, ActivityStore
from fraudstream.tables.aggregating import aggregate
from fraudstream.tables.changelog_entries import warming
from fraudstream.tables.changelog_keys import made_for
from fraudstream.tables.changelog_plans import plans_headers
from fraudstream.tables.expiry import Expiry
from fraudstream.tables.log_checks import LogCheck, Remembered, look_on
from fraudstream.tables.watchdog import standstill

logger = logging.getLogger(__name__)


def _or_none_yet(offset: int | None) -> int:
    """Return an offset, or -1 for a partition without any."""
    return -1 if offset is None else offset


class ActivityTable(faust.Table[bytes, bytes]):
    """Entity token -> entries, exact and idempotent by transaction id."""

    logger = logging.getLogger("faust.tables")  # Faust's own messages, apart from ours
    _changelog_compacting = False
    _changelog_deleting = True

    def __init__(
        self,
        app: faust.App,
        *,
        allowed_lateness_ms: int,
        name: str,
        partitions: int,
        stall_timeout_s: float,
        windows: Windows,
        check_logs: LogCheck | None = None,
    ) -> None:
        """Make a table of `app`.

        `allowed_lateness_ms`: the allowed lateness, up to which a payment finds its ten minutes complete;
        `stall_timeout_s`: how long a recovery or a rebalance may make no progress before the worker ends itself;
        `check_logs` is called before every recovery, and repeatedly while payments are decided;
        `windows`: the event type's velocity features.
        """
        super().__init__(
            app, name=name, partitions=partitions, key_type=bytes, value_type=bytes, recovery_buffer_size=4
        )
        self.allowed_lateness_ms = allowed_lateness_ms
        self.stall_timeout_s = stall_timeout_s
        self.check_logs = check_logs
        self.windows = windows
        self._last_changelog_offset: dict[int, int] = {}
        self._frozen: set[int] = set()
        self._expiry = Expiry()
        self._finishing: asyncio.Task[None] | None = None
        self._preparing = False

    @property
    def changelog_key(self) -> bytes:
        """Return the key of this group's changelog records: its number of partitions, and how entries are packed."""
        return made_for(cast(int, self.partitions), self.windows.layout)

    @property
    def store(self) -> ActivityStore:
        """The table's RocksDB."""
        return cast(ActivityStore, self.data)

    def _new_store(self) -> ActivityStore:
        """Return our store. The options are copied because Faust's store removes entries from the dict it gets."""
        return ActivityStore(
            "rocksdb://",
            self.app,
            self,
            table_name=self.name,
            key_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
            value_type=bytes,
            loop=self.loop,
            options=dict(OPTIONS),
            layout=self.windows.layout,
        )

    @Service.task
    async def _watchdog(self) -> None:
        what = await standstill(
            self.app, self.stall_timeout_s, lambda: self._preparing, lambda: self.should_stop
        )
        if what is not None:
            crash(what)

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Open the new partitions and check their logs; recovery begins only if nothing is lost there.

        A rebalance cancels Faust's recovery but not a running `on_recovery_completed`: we cancel that, too, or it
        would halt the consumer in the next assignment.
        """
        if self._finishing is not None:
            self._finishing.cancel()
        self._preparing = True
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)
        await self._check({tp for tp in newly_assigned if tp.topic == self.changelog_topic_name})
        self._preparing = False

    async def _check(self, changelogs: set[TP]) -> None:
        """Check the logs of partitions just opened; wipe state that the changelog does not continue, exit on an error."""
        held = self.store.held_partitions()
        new = [tp.partition for tp in changelogs if tp.partition in held]
        if new and self.check_logs is not None:
            try:
                stale = await self.check_logs.before_recovery(self._remembered(new))
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing may be decided before
                leave(error, "checking the logs")
            for partition in stale:
                self.store.begin_again(partition)

    def _remembered(self, partitions: Iterable[int]) -> dict[int, Remembered]:
        changelog = self.changelog_topic_name
        return {
            partition: Remembered(
                self.store.persisted_offset(TP(changelog, partition)),
                counted_to(self.store.clock(partition)),
            )
            for partition in partitions
        }

    @Service.task
    async def _look_at_logs(self) -> None:
        """Compare logs and state while payments are decided: a topic may be truncated or recreated meanwhile."""
        if self.check_logs is not None:
            await look_on(self.check_logs, self._being_decided, lambda: self.should_stop)

    def _being_decided(self) -> dict[int, Remembered]:
        """Return what the state remembers of its logs, by partition; empty while no payments are decided."""
        deciding = cast(CoalescingConsumer, self.app.consumer).flow_active and not self._preparing
        return self._remembered(self.store.held_partitions() if deciding else ())

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Reset what belonged to the last assignment; halt the consumer until Faust has sought the committed offsets.

        Faust first resumes the partitions, then seeks, then clears its queues. Records fetched in between, or by a
        fetch already under way, would be skipped for ever
        (docs/decisions/0006-delta-changelog-table.md, trap T1).
        """
        self._finishing = asyncio.current_task()
        await super().on_recovery_completed(active_tps, standby_tps)
        await cast(CoalescingConsumer, self.app.consumer).halt()
        self.app.flow_control.suspend()
        highwaters = cast(TableManager, self.app.tables).recovery.active_highwaters
        ends = {tp: _or_none_yet(highwaters.get(tp)) for tp in active_tps}
        self._frozen.clear()
        self._expiry.forget()
        self._last_changelog_offset = {
            tp.partition: max(_or_none_yet(self.store.persisted_offset(tp)), end) for tp, end in ends.items()
        }
        try:
            await self._require_recovered(ends)
            await self._prove_recovered(active_tps)
        except Exception as error:  # noqa: BLE001 - Faust would ignore it
            leave(error, "finding the changelog's end")
        logger.info(
            "deciding partitions %s", ", ".join(str(tp.partition) for tp in sorted(active_tps)) or "none"
        )

    async def _require_recovered(self, ends: Mapping[TP, int]) -> None:
        """End the process if the state ends before the changelog, unless the changelog has nothing left to read."""
        behind = {tp for tp, end in ends.items() if _or_none_yet(self.store.persisted_offset(tp)) < end}
        earliest = await self.app.consumer.earliest_offsets(*behind) if behind else {}
        for tp in behind:
            if (earliest.get(tp) or 0) <= ends[tp]:
                crash(
                    f"the recovery of partition {tp.partition} ended before {ends[tp]}, the changelog's end"
                )

    async def _prove_recovered(self, active_tps: set[TP]) -> None:
        """Append an empty record to each changelog; end the process if it does not directly follow what was recovered.

        Recovery reads to the end offset that the partition's leader reports. A paused ex-leader may report a stale
        one, but cannot get a write acknowledged.
        """
        all_written = await self._write_empty(self.plans(tp.partition for tp in active_tps))
        for tp in active_tps:
            written = all_written[tp.partition]
            last = self._last_changelog_offset[tp.partition]
            if written.base_offset != last + 1:
                crash(
                    f"the changelog of partition {tp.partition} was read up to {last}, but goes up to {written.base_offset - 1}"
                )
            self._last_changelog_offset[tp.partition] = written.base_offset

    async def _write_empty(self, plans: Mapping[int, Plans]) -> dict[int, Acknowledged]:
        """Append an empty record to each partition's changelog that says which releases decide there."""
        outbox, topic = Outbox(), self.changelog_topic_name
        for partition, own in plans.items():
            outbox.add(
                topic, partition, Message(self.changelog_key, b"", headers=plans_headers(own.to_say()))
            )
        publisher = cast(Any, self.app).publisher
        results: ProduceResults = await publisher.publish(outbox)
        return {partition: results[topic, partition][0] for partition in plans}

    def plans(self, partitions: Iterable[int]) -> dict[int, Plans]:
        """Return which releases decide, by partition."""
        return {partition: self.store.plans(partition) for partition in partitions}

    async def switch(self, plans: Mapping[int, Plans], stands: Callable[[], bool]) -> None:
        """Let these plans decide from now on; the changelog learns it first.

        `stands`: whether the partitions are still this worker's. If not, the next owner finds the plans in the changelog.
        """
        written = await self._write_empty(plans)
        for partition, own in plans.items() if stands() else ():
            self.store.write_plans(partition, own)
            nothing = Update(b"", {}, self.store.clock(partition), 0)
            self.apply(partition, nothing, [written[partition]], {})

    def aggregate(self, arrivals: Arrivals) -> BatchAggregates:
        """Aggregate each payment's windows, in order; writes nothing."""
        clocks = {partition: self.store.clock(partition) for partition in arrivals.rows}
        aggregates = aggregate(self.windows, arrivals, clocks, self.store.get_many, self.allowed_lateness_ms)
        until_ms = warming(self.windows, {partition: self.store.whole[partition] for partition in clocks})
        if not until_ms:
            return aggregates
        until = np.repeat([until_ms.get(number, 0) for number in arrivals.rows], [*arrivals.rows.values()])
        return aggregates._replace(warming=np.array(arrivals.event_time_ms) < until)

    def apply(
        self, partition: int, update: Update, acknowledged: Sequence[Acknowledged], sources: dict[TP, int]
    ) -> None:
        """Write an update whose delta the changelog has acknowledged.

        `sources`: the last source offset of the micro-batch per topic partition. If somebody else wrote to the
        changelog in between (a worker that was thought dead), the stored changelog offset stays where it is until
        the next recovery, so that the other writer's records are not skipped.
        """
        last = self._last_changelog_offset.get(partition, -1)
        for base_offset, records in acknowledged:
            if base_offset <= last:
                crash(f"the changelog of partition {partition} went back from {last} to {base_offset}")
            if base_offset != last + 1 and partition not in self._frozen:
                self._frozen.add(partition)
                logger.warning(
                    "another writer on the changelog of partition %s: %s after %s",
                    partition,
                    base_offset,
                    last,
                )
            last = base_offset + records - 1
        self._last_changelog_offset[partition] = last
        offset = None if partition in self._frozen or not acknowledged else last
        self.store.write(partition, update.buckets, update.clock, offset, self._expire_before(partition))
        self._expiry.decided(partition, sources, update.newest_ms)

    def _expire_before(self, partition: int) -> int | None:
        """Return the time before which buckets expire, or None."""
        committed = cast(CoalescingConsumer, self.app.consumer).committed_offset
        newest_ms = self._expiry.newest_committed_ms(partition, committed)
        layout = self.windows.layout
        return layout.bucket_of(max(0, newest_ms - self.allowed_lateness_ms - layout.bucket_ms)) or None

    def info(self) -> dict[str, Any]:
        """Return what Faust needs to clone the table."""
        return {
            "app": self.app,
            "name": self.name,
            "partitions": self.partitions,
            "allowed_lateness_ms": self.allowed_lateness_ms,
            "stall_timeout_s": self.stall_timeout_s,
            "check_logs": self.check_logs,
            "windows": self.windows,
        }
