"""Checks a partition's RocksDB before it is used: opens it, reads it to the end, and validates every bucket.

RocksDB opens in spite of a damaged file and then ends an iteration early; only the iterator's status tells. Damaged
state is wiped and rebuilt from the changelog. A crash damages nothing: buckets, clock and changelog offset are one
write batch, so it leaves an older state, from which recovery goes on.
"""

import logging
import shutil
import tempfile
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from fraudstream.domain.windows.entries import Layout, times_of
from fraudstream.process.exits import EXIT_SETUP, EXIT_UNAVAILABLE, refuse, scarce
from fraudstream.tables.activity_layout import (
    CLOCK,
    CLOCK_KEY,
    KEY_BYTES,
    LAYOUT_KEY,
    OFFSET_KEY,
    PLANS_KEY,
    START,
    Clock,
)
from fraudstream.tables.changelog_entries import read_whole

logger = logging.getLogger(__name__)

CHUNK_RECORDS = 1024
"""Records read and checked at once; of more, what is checked has left the processor's cache."""

NOTES = (CLOCK_KEY, LAYOUT_KEY, OFFSET_KEY, PLANS_KEY)
"""What a partition has beside buckets."""
FIRST_NOTE = min(NOTES)

PROBE_BYTES = 4096
LOCKED = ("/LOCK: Resource temporarily unavailable", "/LOCK: No locks available")
"""RocksDB's errors when another process, or a handle not yet garbage-collected, has the directory open."""


class Damaged(Exception):
    """A partition's state is not what was written; the text says in which way."""


class OtherLayout(Exception):
    """A partition's state was written for other velocity features, or by an earlier release."""


def opened(path: Path, open_database: Callable[[Path], Any], layout: Layout) -> tuple[Any, bool]:
    """Open a partition's RocksDB and check it; return it and whether it had to be wiped first.

    Ends the process (`require_writable`) if the directory cannot be written: wiping would not help.
    Raises RocksDB's error if it is open elsewhere, or if file handles, memory or space ran out: that is no damage.
    """
    require_writable(path.parent)
    try:
        return _sound(path, open_database, layout), False
    except OtherLayout as other:
        logger.info("the state in %s %s: it is rebuilt from the changelog", path, str(other))
    except Exception as error:
        if locked(error) or scarce(error):
            raise
        require_writable(path)
        logger.error(
            "the state in %s is damaged (%s): wiped, and rebuilt from the changelog",
            path,
            str(error),
        )
    wipe(path)
    return open_database(path), True


def wipe(path: Path) -> None:
    """Remove a partition's RocksDB, or the file that lies in its place."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def locked(error: Exception) -> bool:
    """Tell whether RocksDB did not open because it is open elsewhere."""
    return any(sign in str(error) for sign in LOCKED)


def require_writable(directory: Path) -> None:
    """End the process if no file can be written here; a missing directory is created.

    Exit codes: 75 if space or file handles ran out, which may pass; otherwise 2.
    """
    if directory.exists() and not directory.is_dir():
        return  # a file where the directory belongs: damage, not set-up
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(bytes(PROBE_BYTES))
    except OSError as error:
        refuse(
            f"the state directory {directory} cannot be written ({error.strerror}); correct that, or set FRAUDSTREAM_STATE_DIR",
            EXIT_UNAVAILABLE if scarce(error) else EXIT_SETUP,
        )


def _sound(path: Path, open_database: Callable[[Path], Any], layout: Layout) -> Any:
    database = open_database(path)
    try:
        examine(database, layout)
    except Exception:
        database.close()
        raise
    return database


def examine(database: Any, layout: Layout) -> None:
    """Read everything; raises OtherLayout, Damaged or RocksDB's error if something is missing or malformed."""
    whole = read_whole(database.get(LAYOUT_KEY))
    if whole is None and database.get(CLOCK_KEY) is not None:
        raise OtherLayout("was written by an earlier release")
    if whole is not None and whole.layout != layout.text:
        raise OtherLayout(f"was written for other velocity features ({whole.layout}, now {layout.text})")
    newest_ms, last_sequence, buckets = 0, -1, 0
    for start, values in _starts(database):
        newest, last = _examine_buckets(layout, start, values)
        newest_ms, last_sequence = max(newest_ms, newest), max(last_sequence, last)
        buckets += len(values)
    packed_clock, offset = database.get(CLOCK_KEY), database.get(OFFSET_KEY)
    if offset is not None and not offset.isdigit():
        raise Damaged("the changelog offset is not a number")
    if packed_clock is None:
        if buckets or offset is not None:
            raise Damaged("the clock is missing")
        return
    if len(packed_clock) != CLOCK.size:
        raise Damaged("the clock is truncated")
    clock = Clock._make(CLOCK.unpack(packed_clock))
    if clock.watermark_ms < newest_ms or clock.last_sequence < last_sequence:
        raise Damaged("entries are newer than the clock")


def _starts(database: Any) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Yield the start of buckets and their values, until all are read; raises as `_chunks` does.

    Keys come in order, so a chunk has few starts, nearly always one: then nothing is compared bucket by bucket.
    """
    for keys, values in _chunks(database):
        while keys:
            (start,) = START.unpack_from(keys[0])
            end = bisect_left(keys, START.pack(start + 1))
            yield start, values[:end]
            keys, values = keys[end:], values[end:]


def _chunks(database: Any) -> Iterator[tuple[Sequence[bytes], Sequence[bytes]]]:
    """Yield keys and values of all buckets; raises if RocksDB could not read to the end or has an unknown key."""
    records, last = database.items(), b""
    while chunk := tuple(islice(records, CHUNK_RECORDS)):
        last = chunk[-1][0]
        keys, values = zip(*chunk, strict=True)
        if last >= FIRST_NOTE or set(map(len, keys)) != {KEY_BYTES}:
            buckets = [each for each in chunk if _is_bucket(each[0])]
            keys, values = tuple(key for key, _ in buckets), tuple(value for _, value in buckets)
        yield keys, values
    _require_end(database, last)


def _is_bucket(key: bytes) -> bool:
    """Tell buckets from what else a partition has; raises Damaged if a key is neither."""
    if key in NOTES:
        return False
    if len(key) != KEY_BYTES or key >= FIRST_NOTE:
        raise Damaged(f"a key has the unknown length of {len(key)} bytes")
    return True


def _require_end(database: Any, last: bytes) -> None:
    """Raise if something follows the last key that was read: `items` ends without a word where RocksDB cannot read on."""
    iterator = database.iter()
    iterator.seek(last)
    if iterator.valid():
        iterator.next()
    iterator.status()
    if iterator.valid():
        raise Damaged("it was not read to its end")


def _examine_buckets(layout: Layout, start: int, values: Sequence[bytes]) -> tuple[int, int]:
    """Check that buckets with this start hold whole entries of their own time; return their newest time and sequence."""
    if any(size % layout.size or not size for size in set(map(len, values))):
        raise Damaged("a bucket ends in the middle of an entry")
    packed = np.frombuffer(b"".join(values), layout.dtype)
    times = times_of(packed)
    oldest_ms, newest_ms = int(times.min()), int(times.max())
    if start % layout.bucket_ms or oldest_ms < start or newest_ms >= start + layout.bucket_ms:
        raise Damaged("an entry lies outside the time of its bucket")
    return newest_ms, int(packed["sequence"].max())
