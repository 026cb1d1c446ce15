"""Repairs state: entries that the changelog lacks are computed from the source log and written to it; RocksDB is wiped.

Everything written is idempotent by transaction id, so a rebuild may be interrupted and repeated.
"""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from fraudstream import topics
from fraudstream.adapters.kafka.partition_logs import forget_records
from fraudstream.adapters.kafka.publisher import Message, Outbox, Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.windows.entries import Layout
from fraudstream.settings import Settings
from fraudstream.state.compare import Compared
from fraudstream.state.kept import Key, Logged
from fraudstream.state.source import windows_of
from fraudstream.tables.activity_scrub import wipe
from fraudstream.tables.changelog_halves import halved
from fraudstream.tables.changelog_keys import made_for
from fraudstream.tables.changelog_plans import plans_headers

DELTAS_PER_RECORD = 4096
"""197 KB a record."""


class Rebuilt(NamedTuple):
    """What was done to a partition."""

    partition: int
    written: int
    """Entries added to its changelog."""
    emptied: bool
    """Whether its changelog was emptied first: it had wrong or unreadable entries, or was to begin afresh."""


async def rebuild_changelog(
    settings: Settings, partitions: Iterable[Compared], afresh: Collection[int] = ()
) -> list[Rebuilt]:
    """Write what the changelog lacks. A partition with wrong or unreadable entries, or one of `afresh`, is emptied first.

    A partition that does not end in a record gets an empty one: recovery waits for a record at its end.
    """
    kafka, topic = Kafka.of(settings), topics.changelog(settings).name
    partitions = list(partitions)
    wrong = {
        each.partition
        for each in partitions
        if each.changelog.extra or each.changelog.unequal or each.undecodable
    }
    wrong.update(afresh)
    if wrong:
        await _empty(settings, topic, wrong)
    outbox, done, layout = Outbox(), [], windows_of(settings).layout
    for each in partitions:
        committed = [key for key, logged in each.log.items() if logged.committed]
        missing = committed if each.partition in wrong else each.changelog.missing
        records = encoded(layout, each.log, missing)
        if not records and (each.ends_unread or each.partition in wrong):
            records = [b""]
        plans = each.plans
        for record in records:
            message = Message(made_for(settings.partitions, layout), record, headers=plans_headers(plans))
            outbox.add(topic, each.partition, message)
            plans = each.plans.to_say()
        done.append(Rebuilt(each.partition, len(missing), each.partition in wrong))
    async with Publisher(kafka, f"{settings.app_id}-rebuild") as publisher:
        await publisher.publish(outbox, halved)
    return done


async def _empty(settings: Settings, topic: str, partitions: Iterable[int]) -> None:
    """Delete all records, after adding one that no worker has read: so every RocksDB ends before the changelog begins.

    A worker wipes such a RocksDB when it gets the partition, on whatever host.
    """
    outbox = Outbox()
    for partition in partitions:
        outbox.add(topic, partition, Message(made_for(settings.partitions, windows_of(settings).layout), b""))
    kafka = Kafka.of(settings)
    async with Publisher(kafka, f"{settings.app_id}-rebuild") as publisher:
        results = await publisher.publish(outbox)
    await forget_records(kafka, topic, {at: last.base_offset + 1 for (_, at), (last,) in results.items()})


def encoded(layout: Layout, log: dict[Key, Logged], keys: Iterable[Key]) -> list[bytes]:
    """Return entries as changelog values, in sequence."""
    ordered = sorted(keys, key=lambda key: log[key].entry.sequence)
    packed = [key[1] + layout.pack(log[key].entry) for key in ordered]
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
