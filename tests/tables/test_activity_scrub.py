"""A partition's RocksDB is read to its end before it is trusted; a damaged one is rebuilt from the changelog."""

import contextlib
import logging
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import rocksdict

from fraudstream.domain.windows.entries import Entry
from fraudstream.process.exits import EXIT_SETUP
from fraudstream.tables.activity_layout import (
    CLOCK,
    CLOCK_KEY,
    LAYOUT_KEY,
    OFFSET_KEY,
    PLANS_KEY,
    Clock,
    bucket_key,
    merged,
)
from fraudstream.tables.activity_scrub import CHUNK_RECORDS, NOTES, Damaged, examine, opened
from fraudstream.tables.activity_store import OPTIONS, open_database, partition_directory
from fraudstream.tables.changelog_entries import Whole
from tests.tables import damage
from tests.tables.test_activity import NOON, Paid, Partition, table_in, token
from tests.windows import LAYOUT


def written(directory: Path, batches: int = 40) -> tuple[Path, list[bytes]]:
    """Write some micro-batches, close the database; return its directory and the changelog."""
    table = table_in(directory)
    partition = Partition(table)
    for batch in range(batches):
        paid = [Paid(number, batch, batch * 50 + number) for number in range(50)]
        partition.feed(paid, batch * 50)
    path = table.store.partition_path(0)
    table.store._dbs.pop(0).close()
    return path, partition.changelog


def nothing_stored(_keys: list[bytes]) -> dict[bytes, bytes]:
    """Read from an empty disk."""
    return {}


def recovered(directory: Path, changelog: list[bytes]) -> tuple[dict[bytes, bytes], int]:
    """Open again and do what recovery does; return the buckets and how often state was wiped."""
    store = table_in(directory).store
    stored = store._db_for_partition(0).get(OFFSET_KEY)
    database = store._db_for_partition(0)
    buckets = {key: value for key, value in database.items() if not key.startswith(b"__")}
    changed, _ = merged(
        LAYOUT, lambda _keys: buckets, changelog[0 if stored is None else int(stored) + 1 :], store.clock(0)
    )
    return buckets | changed, store.wiped


@pytest.mark.parametrize("harm", damage.SEEN, ids=lambda harm: harm.__name__)
def test_damaged_state_is_wiped_and_rebuilt(
    tmp_path: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    """One line says so, and nothing is missing afterwards."""
    path, changelog = written(tmp_path)
    harm(path)
    with caplog.at_level(logging.ERROR):
        state, wiped = recovered(tmp_path, changelog)

    assert merged(LAYOUT, nothing_stored, changelog, Clock())[0] == state
    assert 1 == wiped
    assert ["wiped, and rebuilt from the changelog" in record.message for record in caplog.records] == [True]


SPARE_FILES = 2
"""Enough to see that the directory can be written, too few for RocksDB."""


def test_too_many_open_files_are_no_damage(tmp_path: Path) -> None:
    """State that cannot be opened now is not wiped: it is there when there are file handles again."""
    path, changelog = written(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open(os.devnull, os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 50, limits[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(SPARE_FILES):
            os.close(taken.pop())
        with pytest.raises(Exception, match="Too many open files"):
            opened(path, open_database, LAYOUT)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for each in taken:
            os.close(each)
    kept = open_database(path)
    offset = kept.get(OFFSET_KEY)
    kept.close()

    assert len(changelog) - 1 == int(offset)


@pytest.mark.parametrize("harm", damage.HARMLESS, ids=lambda harm: harm.__name__)
def test_older_state_is_kept_and_goes_on_from_its_own_offset(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    """Offset and payments are one write batch, so no marker of a clean stop is needed."""
    path, changelog = written(tmp_path)
    harm(path)

    assert (merged(LAYOUT, nothing_stored, changelog, Clock())[0], 0) == recovered(tmp_path, changelog)


def test_intact_state_is_kept(tmp_path: Path) -> None:
    """Also after a kill, with everything in the write-ahead log."""
    _, changelog = written(tmp_path)

    assert (merged(LAYOUT, nothing_stored, changelog, Clock())[0], 0) == recovered(tmp_path, [])


BUCKET = LAYOUT.pack(Entry(NOON, 100, 0, 1, 0))
CLOCK_BYTES = CLOCK.pack(NOON, 0)
SOUND = {
    bucket_key(NOON, token(1)): BUCKET,
    CLOCK_KEY: CLOCK_BYTES,
    OFFSET_KEY: b"0",
    LAYOUT_KEY: msgspec.json.encode(Whole(LAYOUT.text)),
}


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        ({b"short": b""}, "unknown length of 5 bytes"),
        ({bucket_key(NOON, token(2)): BUCKET[:-1]}, "in the middle of an entry"),
        ({bucket_key(NOON, token(2)): b""}, "in the middle of an entry"),
        ({bucket_key(NOON + 600_000, token(2)): BUCKET}, "outside the time of its bucket"),
        ({CLOCK_KEY: CLOCK.pack(NOON - 1, 0)}, "newer than the clock"),
        ({CLOCK_KEY: CLOCK.pack(NOON, -1)}, "newer than the clock"),
        ({CLOCK_KEY: b"12"}, "the clock is truncated"),
        ({CLOCK_KEY: None}, "the clock is missing"),
        ({OFFSET_KEY: b"many"}, "not a number"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_worker_writes_is_damage(tmp_path: Path, harm: dict[bytes, bytes | None], why: str) -> None:
    """Every rule of the layout is broken once."""
    database: Any = table_in(tmp_path).store._db_for_partition(0)
    for key, value in SOUND.items():
        database.put(key, value)
    examine(database, LAYOUT)
    for key, changed in harm.items():
        database.delete(key) if changed is None else database.put(key, changed)

    with pytest.raises(Damaged, match=why):
        examine(database, LAYOUT)


AFTER_NOTES = b"zzz"
"""Sorts after everything that a partition has."""


@pytest.mark.parametrize("place", [0, CHUNK_RECORDS - 1, CHUNK_RECORDS, 2 * CHUNK_RECORDS])
@pytest.mark.parametrize("buckets", [2 * CHUNK_RECORDS - len(NOTES) + more for more in range(6)])
def test_what_is_wrong_is_found_wherever_it_lies(tmp_path: Path, buckets: int, place: int) -> None:
    """Records are read in chunks: one may be full of buckets, of both, or of notes alone."""
    database: Any = table_in(tmp_path).store._db_for_partition(0)
    for key, value in (SOUND | {PLANS_KEY: b"[]"}).items():
        database.put(key, value)
    for number in range(2, buckets + 1):
        database.put(bucket_key(NOON, token(number)), BUCKET)
    examine(database, LAYOUT)
    database.put(AFTER_NOTES, b"")
    with pytest.raises(Damaged, match="unknown length of 3 bytes"):
        examine(database, LAYOUT)
    database.delete(AFTER_NOTES)
    wrong = [key for key in database.keys() if key not in NOTES][min(place, buckets - 1)]  # noqa: SIM118 - RocksDB's
    database.put(wrong, BUCKET[:-1])

    with pytest.raises(Damaged, match="in the middle of an entry"):
        examine(database, LAYOUT)


@pytest.mark.parametrize("wrong", [0, 1, 30, 58, 59])
def test_an_entry_outside_its_bucket_is_found_among_buckets_of_many_times(tmp_path: Path, wrong: int) -> None:
    """Buckets that start at the same time are checked together: no time may be taken for its neighbour's."""
    database: Any = table_in(tmp_path).store._db_for_partition(0)
    starts = [NOON + number * LAYOUT.bucket_ms for number in range(20) for _ in range(3)]
    keys = [bucket_key(start, token(number)) for number, start in enumerate(starts)]
    for key, start in zip(keys, starts, strict=True):
        database.put(key, LAYOUT.pack(Entry(start + LAYOUT.bucket_ms - 1, 100, 0, 1, 0)))
    database.put(CLOCK_KEY, CLOCK.pack(starts[-1] + LAYOUT.bucket_ms - 1, 0))
    database.put(LAYOUT_KEY, SOUND[LAYOUT_KEY])
    examine(database, LAYOUT)
    for outside in (starts[wrong] - 1, starts[wrong] + LAYOUT.bucket_ms):
        database.put(keys[wrong], LAYOUT.pack(Entry(outside, 100, 0, 1, 0)))

        with pytest.raises(Damaged, match="outside the time of its bucket"):
            examine(database, LAYOUT)


def test_a_bucket_that_starts_at_no_start_is_damage(tmp_path: Path) -> None:
    """Its entries may lie within its length all the same."""
    database: Any = table_in(tmp_path).store._db_for_partition(0)
    for key, value in SOUND.items():
        database.put(key, value)
    database.put(bucket_key(NOON - 1, token(2)), BUCKET)

    with pytest.raises(Damaged, match="outside the time of its bucket"):
        examine(database, LAYOUT)


@pytest.mark.parametrize("place", [0, 0.3, 0.6])
def test_a_damaged_block_is_found_wherever_it_lies(tmp_path: Path, place: float) -> None:
    """RocksDB's iterator ends there as if there were no more."""
    path = table_in(tmp_path).store.partition_path(0)
    database = open_database(path)
    for key, value in SOUND.items():
        database.put(key, value)
    for number in range(2, 3 * CHUNK_RECORDS):
        database.put(bucket_key(NOON, token(number)), BUCKET)
    database.close()
    (sorted_file,) = damage.flushed(path).glob("*.sst")
    content = bytearray(sorted_file.read_bytes())
    content[int(len(content) * place)] ^= 0x10
    sorted_file.write_bytes(content)
    database = open_database(path)

    with pytest.raises(Exception, match="Corruption"):
        examine(database, LAYOUT)


def test_a_directory_that_cannot_be_written_is_a_set_up_error() -> None:
    """Nothing is wiped; one sentence names the setting. /sys refuses files even to root."""
    check = (
        "from pathlib import Path; from fraudstream.tables.activity_scrub import require_writable as check; "
    )
    done = subprocess.run(
        [sys.executable, "-c", check + "check(Path('/sys/kernel'))"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert EXIT_SETUP == done.returncode
    assert "cannot be written" in done.stderr
    assert "FRAUDSTREAM_STATE_DIR" in done.stderr


def test_a_database_that_is_opened_again_has_its_bloom_filter_and_cache(tmp_path: Path) -> None:
    """Cards not seen lately are looked up in every file otherwise; RocksDB does not keep these options itself."""
    path = table_in(tmp_path).store.partition_path(0)
    noted = []
    for _ in range(3):
        database = open_database(path)
        database.put(OFFSET_KEY, b"0")
        database.flush()
        noted.append(
            (
                sorted(path.glob("OPTIONS-*"))[-1].read_text().count("filter_policy=bloomfilter"),
                int(database.property_int_value("rocksdb.block-cache-capacity")),
            )
        )
        database.close()

    assert [(1, OPTIONS["block_cache_size"])] * 3 == noted


def test_new_files_are_not_compressed_and_those_of_earlier_releases_are_read(tmp_path: Path) -> None:
    """RocksDB compresses with Snappy unless told otherwise, as the releases before had it."""
    path = table_in(tmp_path).store.partition_path(0)
    before = rocksdict.Options(raw_mode=True)
    before.set_compression_type(rocksdict.DBCompressionType.snappy())
    database = rocksdict.Rdict(str(path), before)
    for key, value in SOUND.items():
        database.put(key, value)
    database.close()
    database = open_database(damage.flushed(path))
    examine(database, LAYOUT)

    assert [SOUND[key] for key in sorted(SOUND)] == list(database.values())
    assert "compression=kNoCompression" in sorted(path.glob("OPTIONS-*"))[-1].read_text()


def test_a_partition_lies_where_faust_keeps_it(tmp_path: Path) -> None:
    """`fraudstream state` finds it without a Faust app."""
    assert table_in(tmp_path).store.partition_path(0) == partition_directory(tmp_path, "activity", 0)
