"""Compares a worker's RocksDB and the changelog with the source log, partition by partition."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from fraudstream import topics
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.kafka.partition_logs import PartitionLogs, members_of, partition_logs
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import SetupError
from fraudstream.domain.windows.entries import Layout
from fraudstream.settings import Settings
from fraudstream.state.compare import Compared, compare
from fraudstream.state.kept import Disk, read_changelog, read_disk
from fraudstream.state.layout import require_layout
from fraudstream.state.source import replayed, windows_of
from fraudstream.tables.activity_scrub import locked
from fraudstream.tables.activity_store import partition_directory

MEMBERS_EVERY_S = 0.5


@asynccontextmanager
async def stopped_group(settings: Settings) -> AsyncIterator[PartitionLogs]:
    """Yield the logs of a stopped group; raises SetupError if it has members, as state would change while it is read."""
    kafka = Kafka.of(settings)
    await ensure_topics(settings)
    await require_stopped(settings)
    async with partition_logs(kafka, settings.app_id) as logs:
        await require_layout(logs, settings)
        yield logs


async def require_stopped(settings: Settings) -> None:
    """Raise SetupError if the group has members; waits for the session of a worker that has just died."""
    kafka = Kafka.of(settings)
    last_look = time.monotonic() + settings.session_timeout_s + MEMBERS_EVERY_S
    while members := await members_of(kafka, settings.app_id):
        if time.monotonic() > last_look:
            raise SetupError(f"{members} workers of {settings.app_id} are running; stop them all first")
        await asyncio.sleep(MEMBERS_EVERY_S)


async def compare_all(settings: Settings, advance: Callable[[], None] = lambda: None) -> list[Compared]:
    """Compare all partitions; `advance` is called after each."""
    found = []
    async with stopped_group(settings) as logs:
        for partition, directory in enumerate(directories(settings)):
            found.append(await compared(logs, settings, partition, directory))
            advance()
    return found


async def compared(
    logs: PartitionLogs, settings: Settings, partition: int, directory: Path | None
) -> Compared:
    """Compare one partition; without `directory` only the changelog with the log."""
    layout = windows_of(settings).layout
    changelog = await read_changelog(logs, topics.changelog(settings).name, partition, layout)
    log_begin, _ = await logs.span(settings.topic(topics.TRANSACTIONS.name), partition)
    log = (await replayed(logs, settings, partition)).entries
    disk, damage = (None, None) if directory is None else _disk(directory, layout)
    return compare(
        partition, log, log_begin, changelog, disk, settings.lateness_horizon_s * 1000, layout, damage
    )


def _disk(directory: Path, layout: Layout) -> tuple[Disk | None, str | None]:
    """Read a partition's RocksDB; return it, or what is wrong with it, or neither if there is none."""
    if not directory.exists():
        return None, None
    try:
        return read_disk(directory, layout), None
    except Exception as error:
        if locked(error):
            raise SetupError(f"{directory} is in use; stop the worker first") from error
        return None, str(error)


def directories(settings: Settings) -> Iterator[Path]:
    """Yield where this worker keeps each partition, whether it is there or not."""
    for partition in range(settings.partitions):
        yield partition_directory(settings.worker_state_dir, topics.ACTIVITY_TABLE, partition)
