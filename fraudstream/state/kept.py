"""The entries that RocksDB and changelog hold, read without the table's own merge, in a form that can be compared."""

from pathlib import Path
from typing import NamedTuple, TypeAlias

from fraudstream.adapters.kafka.partition_logs import PartitionLogs
from fraudstream.adapters.kafka.undecodable import Undecodable
from fraudstream.domain.releases.plan import Plans
from fraudstream.domain.windows.entries import Entry, Layout
from fraudstream.tables.activity_layout import CLOCK_KEY, KEY_BYTES, OFFSET_KEY, START
from fraudstream.tables.activity_scrub import examine
from fraudstream.tables.activity_store import open_database
from fraudstream.tables.changelog_entries import entries_of
from fraudstream.tables.changelog_keys import BEGIN
from fraudstream.tables.changelog_plans import plans_in

Key: TypeAlias = tuple[int, bytes, int]
"""Start of the bucket, card token, hash of the transaction id: two entries with the same key are one payment."""


class Logged(NamedTuple):
    """An entry computed from the source log; a copy must have it if it is committed, and may if it is not."""

    entry: Entry
    repartitioned: bool
    committed: bool


class Changelog(NamedTuple):
    """A partition's changelog, every entry with the offset of the first record that has it."""

    entries: dict[Key, tuple[int, Entry]]
    end: int
    ends_unread: bool
    """Whether its last offset is a transaction marker, not a record: recovery would wait for a record for ever."""
    undecodable: int = 0
    """Records that cannot be decoded."""
    plans: Plans = Plans()
    """Which releases decide."""


class Disk(NamedTuple):
    """A partition's RocksDB."""

    entries: dict[Key, Entry]
    changelog_offset: int
    """The last changelog record that is in it; -1 for none."""


def key_of(layout: Layout, entity: bytes, entry: Entry) -> Key:
    """Return the key under which entries are compared."""
    return layout.bucket_of(entry.event_time_ms), entity, entry.id_hash


async def read_changelog(
    logs: PartitionLogs, topic: str, partition: int, layout: Layout, until: bytes | None = None
) -> Changelog:
    """Read a partition of the changelog to its end, as entries of this layout; a repeated entry counts once, a voided one not at all.

    `until`: ignore the records from the first one with this key on.
    """
    entries: dict[Key, tuple[int, Entry]] = {}
    last, ended, undecodable, plans = -1, False, 0, Plans()
    async for records in logs.read(topic, partition):
        for record in records:
            last, key = record.offset, record.key
            undecodable += isinstance(record.value, Undecodable)
            ended = ended or (until is not None and key == until)
            if ended:
                continue
            if key is not None and key.startswith(BEGIN):
                entries.clear()
                undecodable, plans = 0, Plans()
            plans = plans_in([record], plans)
            for entity, entry in entries_of(layout, key, record.value or b""):
                entries.setdefault(key_of(layout, entity, entry), (record.offset, entry))
    begin, end = await logs.span(topic, partition)
    return Changelog(entries, end, begin < end != last + 1, undecodable, plans)


def read_disk(directory: Path, layout: Layout) -> Disk:
    """Read a partition's RocksDB; raises Damaged or RocksDB's error if it is not sound, or open elsewhere."""
    database = open_database(directory)
    try:
        examine(database, layout)
        offset = database.get(OFFSET_KEY)
        entries = {
            key_of(layout, key[START.size :], entry): entry
            for key, bucket in database.items()
            if len(key) == KEY_BYTES and key < CLOCK_KEY[:1]
            for entry in layout.unpack(bucket)
        }
    finally:
        database.close()
    return Disk(entries, -1 if offset is None else int(offset))
