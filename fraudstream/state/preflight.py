"""Has the changelog lost what it must have? Asked when partitions are assigned, before recovery trusts it.

Kafka itself forgets records after the retention, and that is fine: what is so old has left the window. A deleted, emptied or
truncated changelog looks the same at first sight, so in doubt the source log is asked: state is a function of it.
"""

import time
from collections.abc import Mapping

from fraudstream import topics
from fraudstream.adapters.kafka_security import Kafka
from fraudstream.adapters.partition_logs import PartitionLogs, partition_logs
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from fraudstream.state.layout import require_layout
from fraudstream.state.verify import compared

OLD_MS = topics.CHANGELOG_RETENTION_MS - 2 * topics.HOUR_MS
"""When the oldest record has nearly this age, retention has taken those before it; it takes whole segments of an hour."""


class ChangelogCheck:
    """Looks at the changelog of partitions this worker is about to recover."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kafka = Kafka.of(settings)
        self._changelog = topics.changelog(settings).name

    async def __call__(self, stored: Mapping[int, int | None]) -> None:
        """Take partition -> changelog offset of its state (None without any); raises SetupError if records are lost."""
        async with partition_logs(self._kafka, self._settings.app_id) as logs:
            await require_layout(logs, self._settings)
            for partition, offset in stored.items():
                if lost := await self._lost(logs, partition, offset):
                    raise SetupError(
                        f"the changelog {self._changelog} lost records of partition {partition} ({lost}); stop all workers "
                        "and run: fraudstream state rebuild"
                    )

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
