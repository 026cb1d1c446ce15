"""RocksDB behind the activity table: buckets, clock and changelog offset, written together, checked when opened.

One partition is one RocksDB, as in any Faust table; `activity_layout` says what is in it.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import rocksdict
from faust.stores import rocksdb
from faust.types import EventT

from fraudstream.adapters.kafka.undecodable import Undecodable
from fraudstream.domain.releases.plan import Plans
from fraudstream.domain.windows.entries import Entry, Layout, unpack_all
from fraudstream.process.exits import crash, refuse
from fraudstream.tables.activity_layout import (
    CLOCK,
    CLOCK_KEY,
    LAYOUT_KEY,
    OFFSET_KEY,
    PLANS_KEY,
    START,
    Clock,
    bucket_key,
    merged,
)
from fraudstream.tables.activity_scrub import locked, opened, wipe
from fraudstream.tables.changelog_entries import Whole, as_own, read_whole
from fraudstream.tables.changelog_keys import after_begin
from fraudstream.tables.changelog_plans import plans_in

logger = logging.getLogger(__name__)

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


def open_database(directory: Path) -> Any:
    """Open a partition's RocksDB as the worker does; raises RocksDB's error if it is damaged, or open elsewhere.

    The options are given for the column family, too: opened as Faust does it, a database that exists has neither its bloom
    filter nor our cache, because RocksDB cannot read these from the options that it has kept.

    Blocks are not compressed: tokens and hashes are random, so Snappy saved a quarter of the disk, and took as much CPU for
    a bucket not read lately as all the rest of reading it.
    """
    own: dict[str, Any] = {name: value for name, value in OPTIONS.items() if name != "driver"}
    options = rocksdb.RocksDBOptions(**own, use_rocksdict=True).as_options()
    options.set_compression_type(rocksdict.DBCompressionType.none())
    return rocksdict.Rdict(str(directory), options, {"default": options})


def partition_directory(state_dir: Path, table: str, partition: int) -> Path:
    """Return where Faust keeps a partition below a worker's state directory."""
    return state_dir / "v1" / "tables" / f"{table}-{partition}.db"


class ActivityStore(rocksdb.Store):
    """Faust's RocksDB store with batched reads, one atomic write per micro-batch, and deltas as changelog."""

    logger = logging.getLogger("faust.stores")  # Faust's own messages, apart from ours
    offset_key = OFFSET_KEY
    wiped = 0
    """How often a partition's state was wiped, to be rebuilt from the changelog."""

    def __init__(self, *args: Any, layout: Layout, **kwargs: Any) -> None:
        """`layout`: how entries are packed; state of another one is rebuilt from the changelog."""
        super().__init__(*args, **kwargs)
        self._layout = layout
        self.whole: dict[int, Whole] = {}
        """What the state of each open partition says of itself."""
        self._plans: dict[int, Plans] = {}

    def _open_for_partition(self, partition: int) -> Any:
        """Open a partition and check all of it; called when the partition is assigned."""
        database, wiped = opened(self.partition_path(partition), open_database, self._layout)
        self.wiped += wiped
        self._take_notes(partition, database)
        return database

    def _take_notes(self, partition: int, database: Any) -> None:
        """Read from when on a state is whole and which releases decide; note the layout in a new one."""
        plans = database.get(PLANS_KEY)
        self._plans[partition] = Plans() if plans is None else Plans.parsed(plans)
        whole = read_whole(database.get(LAYOUT_KEY))
        if whole is None:
            whole = Whole(self._layout.text)
            batch = rocksdict.WriteBatch(raw_mode=True)
            batch.put(LAYOUT_KEY, msgspec.json.encode(whole))
            database.write(batch)
        self.whole[partition] = whole

    async def _try_open_db_for_partition(self, partition: int, *args: Any, **kwargs: Any) -> Any:
        """Open a partition in a thread: checking a large one takes seconds, and health must be answered meanwhile.

        If another process has it open, Faust's own method tries again for a while.
        """
        if partition not in self._dbs:
            try:
                self._dbs[partition] = await asyncio.to_thread(self._open_for_partition, partition)
            except Exception as error:
                if not locked(error):
                    raise
        return await super()._try_open_db_for_partition(partition, *args, **kwargs)

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

    def plans(self, partition: int) -> Plans:
        """Return which releases decide."""
        self._db_for_partition(partition)
        return self._plans[partition]

    def write_plans(self, partition: int, plans: Plans) -> None:
        """Write which releases decide; the changelog must say it already."""
        self._db_for_partition(partition).put(PLANS_KEY, plans.to_bytes())
        self._plans[partition] = plans

    def begin_again(self, partition: int) -> None:
        """Wipe a partition whose state ends before the changelog begins: the records in between are lost."""
        path = self.partition_path(partition)
        logger.warning("the state in %s ends before the changelog begins: wiped, and rebuilt from it", path)
        self._dbs.pop(partition).close()
        wipe(path)
        self._dbs[partition] = open_database(path)
        self._take_notes(partition, self._dbs[partition])
        self.wiped += 1

    def held_partitions(self) -> list[int]:
        """Return the partitions that are open here."""
        return list(self._dbs)

    def activity_of(self, entity: str) -> tuple[list[Entry], int] | None:
        """Return an entity's entries in the newest two buckets and its partition's watermark; None if there are none."""
        token, layout = bytes.fromhex(entity), self._layout
        for partition in self.held_partitions():
            watermark_ms = self.clock(partition).watermark_ms
            bucket = layout.bucket_of(watermark_ms)
            keys = [bucket_key(start, token) for start in (max(0, bucket - layout.bucket_ms), bucket)]
            stored = self.get_many(partition, keys)
            if stored:
                return unpack_all(layout, stored.values()), watermark_ms
        return None

    def apply_changelog_batch(
        self, batch: Iterable[EventT[Any]], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Apply changelog records in recovery or as a standby.

        Faust logs an exception from here and goes on for ever without the state, so any error ends the process.
        """
        try:
            by_partition: defaultdict[int, list[Any]] = defaultdict(list)
            for event in batch:
                records: Any = event.message.value  # a list, see adapters/kafka/coalescing_consumer.py
                by_partition[event.message.partition].extend(records)
            for partition, records in by_partition.items():
                if (valid := after_begin(records)) is not None:
                    records = list(valid)
                    self._void(partition)
                else:
                    self._require_no_gap(partition, records[0].offset)
                _require_decoded(records)
                self._apply(partition, records)
        except Exception:  # noqa: BLE001 - whatever it is, a restart tries again
            crash("applying the changelog failed")

    def _require_no_gap(self, partition: int, first: int) -> None:
        """Raise if records are missing between the state and these: a fetch from before a rebalance may arrive after it."""
        stored = self._db_for_partition(partition).get(self.offset_key)
        if stored is not None and first > int(stored) + 1:
            raise ValueError(f"partition {partition} has the changelog to {int(stored)} and is given {first}")

    def _void(self, partition: int) -> None:
        """Delete everything: the partition now holds other entities (`fraudstream topics grow`)."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        batch.delete_range(START.pack(0), CLOCK_KEY)
        batch.put(CLOCK_KEY, CLOCK.pack(*Clock()))
        batch.delete(PLANS_KEY)
        self._plans[partition] = Plans()
        self.whole[partition] = Whole(self._layout.text)
        self._db_for_partition(partition).write(batch)

    def _apply(self, partition: int, records: Sequence[Any]) -> None:
        """Add changelog records; those of another layout as entries of this."""
        database = self._db_for_partition(partition)
        from_the_start = database.get(self.offset_key) is None and records[0].offset > 0
        values, whole = as_own(self._layout, records, self.whole[partition], from_the_start)
        if whole != self.whole[partition]:
            database.put(LAYOUT_KEY, msgspec.json.encode(whole))
            self.whole[partition] = whole
        if (plans := plans_in(records, self._plans[partition])) is not self._plans[partition]:
            self.write_plans(partition, plans)
        buckets, clock = merged(
            self._layout, partial(self.get_many, partition), values, self.clock(partition)
        )
        self.write(partition, buckets, clock, records[-1].offset)


def _require_decoded(records: Sequence[Any]) -> None:
    """End the process if the changelog is damaged: state without these records would be wrong, and stay so."""
    damaged = [record for record in records if isinstance(record.value, Undecodable)]
    if damaged:
        first = damaged[0]
        refuse(
            f"the changelog {first.topic} has records of partition {first.partition} that cannot be decoded, from offset "
            f"{first.offset} on ({first.value.why}); stop all workers and run: fraudstream state rebuild"
        )
