"""Checks that source logs and changelog are those that group and state remember: when partitions are assigned, before
recovery trusts them, and repeatedly while they are decided.

Retention deletes records, and that is fine: such old ones have left the window. A deleted, emptied or truncated changelog
looks the same at first, so in doubt the changelog is compared with the source log.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from typing import TypeVar

from fraudstream import topics
from fraudstream.adapters.kafka.log_losses import LogLosses
from fraudstream.adapters.kafka.partition_logs import PartitionLogs, Span, partition_logs
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import SetupError
from fraudstream.domain.times import HOUR_MS
from fraudstream.settings import Settings
from fraudstream.state.layout import require_layout
from fraudstream.state.positions import SourceCheck, newest_payments
from fraudstream.state.verify import compared
from fraudstream.tables.log_checks import Remembered

OLD_MS = topics.CHANGELOG_RETENTION_MS - 2 * HOUR_MS
"""If the oldest record is older than this, retention has deleted those before it; it deletes segments of an hour."""

CONFIRM_AFTER_S = 3.0
"""Wait before a second look; both must find the error: a paused ex-leader may report a stale end offset."""

Found = TypeVar("Found")


class LogCheck:
    """Checks the logs of partitions that this worker is about to recover, or decides."""

    def __init__(self, settings: Settings, losses: LogLosses) -> None:
        self._settings = settings
        self._losses = losses
        self._kafka = Kafka.of(settings)
        self._changelog = topics.changelog(settings).name
        self._keyed, self._repartitioned = topics.sources(settings)
        self._sources = SourceCheck(settings)
        self._connection = AsyncExitStack()
        self._logs: PartitionLogs | None = None
        """The logs while payments are decided; the connection is kept between looks."""

    async def before_recovery(self, remembered: Mapping[int, Remembered]) -> set[int]:
        """Return the partitions whose RocksDB must be wiped: it ends before the changelog begins.

        Raises SetupError if records are lost, or if a log is not the one remembered.
        """
        return await _confirmed(lambda: self._look(remembered))

    async def while_running(self, remembered: Mapping[int, Remembered]) -> None:
        """Raise SetupError if a log has become another one."""
        await _confirmed(lambda: self._look_again(remembered))

    async def close(self) -> None:
        """Disconnect; the next look connects anew."""
        self._logs = None
        await self._connection.aclose()

    async def _look(self, remembered: Mapping[int, Remembered]) -> set[int]:
        async with partition_logs(self._kafka, self._settings.app_id) as logs:
            await require_layout(logs, self._settings)
            spans = await self._changelogs(logs, remembered)
            behind = {
                partition
                for partition, (offset, _) in remembered.items()
                if offset is not None and offset + 1 < spans[partition].begin
            }
            counted_to = {partition: each.counted_to for partition, each in remembered.items()}
            await self._require_sources(logs, counted_to | dict.fromkeys(behind, -1))
            await self._require_changelogs(logs, remembered, spans)
            await self._note_restarts(logs, counted_to)
        return behind

    async def _look_again(self, remembered: Mapping[int, Remembered]) -> None:
        try:
            if self._logs is None:
                self._logs = await self._connection.enter_async_context(
                    partition_logs(self._kafka, self._settings.app_id)
                )
            counted_to = {partition: each.counted_to for partition, each in remembered.items()}
            await self._require_sources(self._logs, counted_to)
        except Exception:
            await self.close()  # nothing is concluded from a connection that may be to the wrong broker
            raise

    async def _changelogs(self, logs: PartitionLogs, partitions: Iterable[int]) -> dict[int, Span]:
        spans = await logs.spans([(self._changelog, partition) for partition in partitions])
        return {partition: span for (_, partition), span in spans.items()}

    async def _require_sources(self, logs: PartitionLogs, counted_to: Mapping[int, int]) -> None:
        for misfit in await self._sources.misfits(logs, counted_to):
            raise SetupError(
                f"{misfit.sentence}: the log was truncated, restored or recreated; stop all workers and run: fraudstream state adopt"
            )

    async def _note_restarts(self, logs: PartitionLogs, counted_to: Mapping[int, int]) -> None:
        """Note partitions with state but no committed offset: it expired, or a first run ended before its commit."""
        committed = await logs.all_committed([(self._keyed, partition) for partition in counted_to])
        begun = [partition for (_, partition), offset in committed.items() if offset is None]
        unknown = [partition for partition in begun if counted_to[partition] < 0]
        newest = await newest_payments(logs, self._settings, unknown)
        for partition in begun:
            if counted_to[partition] >= 0 or newest[partition]:
                self._losses.note_restarted(self._keyed, partition)

    async def _require_changelogs(
        self, logs: PartitionLogs, remembered: Mapping[int, Remembered], spans: Mapping[int, Span]
    ) -> None:
        """Raise SetupError if a changelog has lost records that retention did not delete."""
        doubtful = {}
        for partition, (offset, _) in remembered.items():
            begin, end = spans[partition]
            if offset is not None and offset >= end:
                raise self._lost(partition, f"it ends at {end}, but the state has read it up to {offset}")
            if offset is None or offset + 1 < begin:
                doubtful[partition] = spans[partition]
        for partition in await self._unexplained(logs, doubtful):
            if missing := (await compared(logs, self._settings, partition, None)).changelog.missing:
                raise self._lost(partition, f"{len(missing)} payments are missing")

    def _lost(self, partition: int, what: str) -> SetupError:
        return SetupError(
            f"the changelog {self._changelog} lost records of partition {partition} ({what}); stop all workers and run: "
            "fraudstream state rebuild"
        )

    async def _unexplained(self, logs: PartitionLogs, spans: Mapping[int, Span]) -> list[int]:
        """Return the partitions with decided payments whose changelog lost records, and not by retention."""
        committed = await logs.all_committed(
            [(source, partition) for source in (self._keyed, self._repartitioned) for partition in spans]
        )
        decided = {partition for (_, partition), offset in committed.items() if offset}
        removed = {
            partition: begin
            for partition, (begin, end) in spans.items()
            if partition in decided and (begin > 0 or begin == end)
        }
        oldest = await logs.first_records({(self._changelog, at): begin for at, begin in removed.items()})
        old_ms = time.time() * 1000 - OLD_MS
        taken = {partition for (_, partition), record in oldest.items() if record.timestamp < old_ms}
        return [partition for partition in removed if partition not in taken]


async def _confirmed(look: Callable[[], Awaitable[Found]]) -> Found:
    """Look; believe an error only if a second look some seconds later finds it again."""
    try:
        return await look()
    except SetupError:
        await asyncio.sleep(CONFIRM_AFTER_S)
        return await look()
