"""RocksDB behind the activity table: buckets of entries, the partition's clock and the changelog offset, written together.

Keys are the bucket's start (8 bytes, big endian) and the card token (16 bytes), so that expiry is one range delete
and a card's two buckets are two point reads. One partition is one RocksDB, as in any Faust table.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from struct import Struct
from typing import Any, NamedTuple

import rocksdict
from faust.stores import rocksdb
from faust.types import EventT

from fraudstream.adapters.process import crash
from fraudstream.domain.activity import ENTRY, Entry, bucket_of

OPTIONS = {
    "driver": "rocksdict",
    "write_buffer_size": 8 << 20,
    "max_write_buffer_number": 2,
    "target_file_size_base": 8 << 20,
    "block_cache_size": 16 << 20,
    "max_open_files": 128,
    "bloom_filter_size": 10,
}
"""Per partition: about 32 MiB at most. RocksDB's defaults as Faust sets them are 2 GiB of cache and 192 MiB of buffers."""

CLOCK_KEY = b"__fraudstream\0clock"
"""Sorts after every bucket, like Faust's own `__faust\\0offset__`."""
CLOCK = Struct("<qq")
START = Struct(">Q")
DELTA_BYTES = 16 + ENTRY.size
"""A changelog value is a run of deltas: card token, entry."""


class Clock(NamedTuple):
    """How far a partition has come."""

    watermark_ms: int = 0
    """Newest event time seen."""
    last_arrival: int = -1
    """Highest arrival number given."""


def bucket_key(bucket_ms: int, card: bytes) -> bytes:
    """Return the key of a card's bucket."""
    return START.pack(bucket_ms) + card


def merged(
    stored: Mapping[bytes, bytes], deltas: Iterable[bytes], clock: Clock
) -> tuple[dict[bytes, bytes], Clock]:
    """Add deltas to stored buckets, leaving out transaction ids they already hold; return changed buckets and clock.

    A changelog may repeat itself (a retried batch, a worker that was thought dead); state must not.
    """
    changed: dict[bytes, bytearray] = {}
    known: dict[bytes, set[int]] = {}
    watermark_ms, last_arrival = clock
    for value in deltas:
        for start in range(0, len(value), DELTA_BYTES):
            card, packed = value[start : start + 16], value[start + 16 : start + DELTA_BYTES]
            entry = Entry._make(ENTRY.unpack(packed))
            key = bucket_key(bucket_of(entry.event_time_ms), card)
            if key not in changed:
                changed[key] = bytearray(stored.get(key) or b"")
                known[key] = {fields[3] for fields in ENTRY.iter_unpack(changed[key])}
            if entry.tid not in known[key]:
                known[key].add(entry.tid)
                changed[key] += packed
            watermark_ms = max(watermark_ms, entry.event_time_ms)
            last_arrival = max(last_arrival, entry.arrival)
    return {key: bytes(bucket) for key, bucket in changed.items()}, Clock(watermark_ms, last_arrival)


class ActivityStore(rocksdb.Store):
    """Faust's RocksDB store with batched reads, one atomic write per micro-batch, and deltas as changelog."""

    logger = logging.getLogger("faust.stores")  # Faust's own messages, apart from ours

    def get_many(self, partition: int, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return those of the buckets that exist."""
        values = self._db_for_partition(partition).get(list(keys))
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    def clock(self, partition: int) -> Clock:
        """Return the partition's clock as last written."""
        packed = self._db_for_partition(partition).get(CLOCK_KEY)
        return Clock() if packed is None else Clock._make(CLOCK.unpack(packed))

    def write(
        self,
        partition: int,
        buckets: Mapping[bytes, bytes],
        clock: Clock,
        changelog_offset: int | None,
        expire_before_ms: int | None = None,
    ) -> None:
        """Write a micro-batch atomically: its buckets, the clock, the changelog offset, and what expires.

        `changelog_offset` None leaves the stored offset as it is: recovery will then read those records again.
        """
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, bucket in buckets.items():
            batch.put(key, bucket)
        if expire_before_ms is not None:
            batch.delete_range(START.pack(0), START.pack(expire_before_ms))
        batch.put(CLOCK_KEY, CLOCK.pack(*clock))
        if changelog_offset is not None:
            batch.put(self.offset_key, b"%d" % changelog_offset)
        self._db_for_partition(partition).write(batch)

    def held_partitions(self) -> list[int]:
        """Return the partitions that are open here."""
        return list(self._dbs)

    def apply_changelog_batch(
        self, batch: Iterable[EventT[Any]], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Apply changelog records in recovery or as a standby.

        Faust logs an exception from here and goes on for ever without the state, so any error ends the process.
        """
        try:
            by_partition: defaultdict[int, list[Any]] = defaultdict(list)
            for event in batch:
                records: Any = event.message.value  # a list, see adapters/coalescing_consumer.py
                by_partition[event.message.partition].extend(records)
            for partition, records in by_partition.items():
                self._apply(partition, [record.value for record in records], records[-1].offset)
        except Exception:  # noqa: BLE001 - whatever it is, a restart tries again
            crash("applying the changelog failed")

    def _apply(self, partition: int, deltas: Sequence[bytes], offset: int) -> None:
        keys = {
            bucket_key(bucket_of(ENTRY.unpack_from(value, start + 16)[0]), value[start : start + 16])
            for value in deltas
            for start in range(0, len(value), DELTA_BYTES)
        }
        buckets, clock = merged(self.get_many(partition, list(keys)), deltas, self.clock(partition))
        self.write(partition, buckets, clock, offset)
