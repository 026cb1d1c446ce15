"""Refuses a start whose number of partitions is not that of the state in the changelog."""

from fraudstream import topics
from fraudstream.adapters.kafka.partition_logs import PartitionLogs
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from fraudstream.tables.changelog_keys import said


async def require_layout(logs: PartitionLogs, settings: Settings) -> None:
    """Raise SetupError if the state is being grown, or has another number of partitions than the settings."""
    found = said(await logs.last_key(topics.changelog(settings).name, 0))
    if found is None:
        return
    before, after = found
    if before != after:
        raise SetupError(
            f"growing {settings.app_id} from {before} to {after} partitions was interrupted; run `fraudstream topics grow "
            f"{after}` again, and start the workers with FRAUDSTREAM_PARTITIONS={after}"
        )
    if after != settings.partitions:
        raise SetupError(
            f"the state of {settings.app_id} is divided among {after} partitions and the settings say "
            f"{settings.partitions}; stop all workers and run: fraudstream topics grow {settings.partitions}"
        )
