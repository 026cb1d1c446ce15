"""Mending state: what the changelog misses is computed from the source log and written to it, RocksDB is wiped.

Everything written is idempotent by transaction id, so a rebuild may be interrupted and repeated.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from fraudstream import topics
from fraudstream.adapters.kafka_security import Kafka
from fraudstream.adapters.partition_logs import forget_records
from fraudstream.adapters.publisher import Message, Outbox, Publisher
from fraudstream.agents.unpublishable import halved
from fraudstream.domain.activity import ENTRY
from fraudstream.settings import Settings
from fraudstream.state.compare import Compared
from fraudstream.state.kept import Key, Logged
from fraudstream.tables.activity_scrub import wipe
from fraudstream.tables.changelog_keys import made_for

DELTAS_PER_RECORD = 4096
"""197 KB a record."""


class Rebuilt(NamedTuple):
    """What was done to a partition."""

    partition: int
    written: int
    """Entries added to its changelog."""
    emptied: bool
    """Whether its changelog had entries the log does not know and was begun afresh."""


async def rebuild_changelog(settings: Settings, partitions: Iterable[Compared]) -> list[Rebuilt]:
    """Give the changelog what it misses. One that holds anything wrong or unreadable is emptied first.

    One that does not end in a record gets an empty one: recovery waits for a record at its end.
    """
    kafka, topic = Kafka.of(settings), topics.changelog(settings).name
    partitions = list(partitions)
    wrong = {
        each.partition
        for each in partitions
        if each.changelog.extra or each.changelog.unequal or each.undecodable
    }
    if wrong:
        ends = {each.partition: each.changelog_end for each in partitions if each.partition in wrong}
        await forget_records(kafka, topic, ends)
    outbox, done = Outbox(), []
    for each in partitions:
        committed = [key for key, logged in each.log.items() if logged.committed]
        missing = committed if each.partition in wrong else each.changelog.missing
        records = encoded(each.log, missing)
        if not records and (each.ends_unread or each.partition in wrong):
            records = [b""]
        for record in records:
            outbox.add(topic, each.partition, Message(made_for(settings.partitions), record))
        done.append(Rebuilt(each.partition, len(missing), each.partition in wrong))
    async with Publisher(kafka, f"{settings.app_id}-rebuild") as publisher:
        await publisher.publish(outbox, halved)
    return done


def encoded(log: dict[Key, Logged], keys: Iterable[Key]) -> list[bytes]:
    """Return entries as changelog values, in order of arrival."""
    ordered = sorted(keys, key=lambda key: log[key].entry.arrival)
    packed = [key[1] + ENTRY.pack(*log[key].entry) for key in ordered]
    return [
        b"".join(packed[start : start + DELTAS_PER_RECORD])
        for start in range(0, len(packed), DELTAS_PER_RECORD)
    ]


def wipe_all(directories: Iterable[Path]) -> int:
    """Remove the RocksDB of partitions; return how many there were."""
    there = [directory for directory in directories if directory.exists()]
    for directory in there:
        wipe(directory)
    return len(there)
