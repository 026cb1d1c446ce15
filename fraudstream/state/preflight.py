"""Are source logs and changelog those that group and state remember? Asked when partitions are assigned, before recovery
trusts them, and again and again while they are decided.

Kafka itself forgets records after the retention, and that is fine: what is so old has left the window. A deleted, emptied or
truncated changelog looks the same at first sight, so in doubt the source log is asked: state is a function of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from fraudstream import topics
from fraudstream.adapters.kafka_security import Kafka
from fraudstream.adapters.log_losses import LogLosses
from fraudstream.adapters.partition_logs import PartitionLogs, partition_logs
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from fraudstream.state.layout import require_layout
from fraudstream.state.positions import SourceCheck, newest_payments
from fraudstream.state.verify import compared
from fraudstream.tables.log_checks import Remembered

OLD_MS = topics.CHANGELOG_RETENTION_MS - 2 * topics.HOUR_MS
"""When the oldest record has nearly this age, retention has taken those before it; it takes whole segments of an hour."""

CONFIRM_AFTER_S = 3.0
"""Nothing is refused at one look: a broker that was frozen and does not know yet that it leads no more names an old end."""

Found = TypeVar("Found")


class LogCheck:
    """Looks at the logs of partitions this worker is about to recover, or decides."""

    def __init__(self, settings: Settings, losses: LogLosses) -> None:
        self._settings = settings
        self._losses = losses
        self._kafka = Kafka.of(settings)
        self._changelog = topics.changelog(settings).name
        self._keyed = settings.topic(topics.TRANSACTIONS.name)
        self._sources = SourceCheck(settings)

    async def before_recovery(self, remembered: Mapping[int, Remembered]) -> set[int]:
        """Return the partitions whose RocksDB must begin again: the changelog goes on behind a gap it cannot cross.

        Raises SetupError if records are lost, or if a log is not the one remembered.
        """
        return await _confirmed(lambda: self._look(remembered))

    async def while_running(self, remembered: Mapping[int, Remembered]) -> None:
        """Raise SetupError if a log has become another one."""
        await _confirmed(lambda: self._look_again(remembered))

    async def _look(self, remembered: Mapping[int, Remembered]) -> set[int]:
        stale = set[int]()
        async with partition_logs(self._kafka, self._settings.app_id) as logs:
            await require_layout(logs, self._settings)
            for partition, (offset, counted_to) in remembered.items():
                begin, _ = await logs.span(self._changelog, partition)
                behind = offset is not None and offset + 1 < begin
                await self._require_sources(logs, partition, -1 if behind else counted_to)
                if lost := await self._lost(logs, partition, offset):
                    raise SetupError(
                        f"the changelog {self._changelog} lost records of partition {partition} ({lost}); stop all workers "
                        "and run: fraudstream state rebuild"
                    )
                await self._note_restarts(logs, partition, counted_to)
                if behind:
                    stale.add(partition)
        return stale

    async def _look_again(self, remembered: Mapping[int, Remembered]) -> None:
        async with partition_logs(self._kafka, self._settings.app_id) as logs:
            for partition, (_, counted_to) in remembered.items():
                await self._require_sources(logs, partition, counted_to)

    async def _require_sources(self, logs: PartitionLogs, partition: int, counted_to: int) -> None:
        for misfit in await self._sources.misfits(logs, partition, counted_to):
            raise SetupError(
                f"{misfit.sentence}: the log was cut, restored or made anew; stop all workers and run: fraudstream state adopt"
            )

    async def _note_restarts(self, logs: PartitionLogs, partition: int, counted_to: int) -> None:
        """Note a partition that has state and no committed offset: they expired, or a first run ended before its commit."""
        if await logs.committed_if_any(self._keyed, partition) is not None:
            return
        if counted_to >= 0 or await newest_payments(logs, self._settings, partition):
            self._losses.note_restarted(self._keyed, partition)

    async def _lost(self, logs: PartitionLogs, partition: int, offset: int | None) -> str | None:
        """Say what is lost, or return None."""
        begin, end = await logs.span(self._changelog, partition)
        if offset is not None and offset >= end:
            return f"it ends at {end}, the state has read it to {offset}"
        if offset is not None and offset + 1 >= begin:
            return None
        if await self._explained(logs, partition, begin, end):
            return None
        missing = (await compared(logs, self._settings, partition, None)).changelog.missing
        return f"{len(missing)} payments are missing" if missing else None

    async def _explained(self, logs: PartitionLogs, partition: int, begin: int, end: int) -> bool:
        """Tell whether nothing was ever decided, nothing was ever removed, or only by retention."""
        settings = self._settings
        sources = [settings.topic(topic.name) for topic in (topics.TRANSACTIONS, topics.BY_CARD)]
        if not any([await logs.committed(source, partition) for source in sources]):
            return True
        if begin == end:
            return False
        return begin == 0 or await logs.oldest_ms(self._changelog, partition) < time.time() * 1000 - OLD_MS


async def _confirmed(look: Callable[[], Awaitable[Found]]) -> Found:
    """Look, and believe what is wrong only if it still is some seconds later."""
    try:
        return await look()
    except SetupError:
        await asyncio.sleep(CONFIRM_AFTER_S)
        return await look()
