"""Is a partition's RocksDB to be trusted? Opened, read to its end and held against its own rules before it is used.

RocksDB opens with a damaged file and then stops an iteration early without a word; only the iterator's status tells.
What is found wanting is wiped: the changelog has it all. Whether the last worker stopped cleanly does not matter, as
items, clock and changelog offset are one write batch: what a crash cut off is older, and recovery goes on from there.
"""

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fraudstream.adapters.process import EXIT_SETUP, EXIT_UNAVAILABLE, refuse, scarce
from fraudstream.domain.activity import ENTRY, WINDOW_MS
from fraudstream.domain.activity_columns import ENTRIES
from fraudstream.tables.activity_layout import CLOCK, CLOCK_KEY, KEY_BYTES, OFFSET_KEY, START, Clock

logger = logging.getLogger(__name__)

CHUNK_BUCKETS = 8192
"""Buckets checked at once."""

PROBE_BYTES = 4096
LOCKED = ("/LOCK: Resource temporarily unavailable", "/LOCK: No locks available")
"""How RocksDB says that another process, or a handle not yet collected, has the directory."""


class Damaged(Exception):
    """A partition's state is not what was written; the text says in which way."""


def opened(path: Path, open_database: Callable[[Path], Any]) -> tuple[Any, bool]:
    """Open a partition's RocksDB and check it; return it and whether it had to be wiped first.

    Ends the process with the set-up exit code if the directory cannot be written: wiping would not mend that.
    Raises what RocksDB raised if somebody else has it open, or if files, memory or space ran out: that is no damage.
    """
    require_writable(path.parent)
    try:
        return _sound(path, open_database), False
    except Exception as error:
        if locked(error) or scarce(error):
            raise
        why = str(error)
    require_writable(path)
    logger.error("the state in %s is damaged (%s): wiped, and rebuilt from the changelog", path, why)
    wipe(path)
    return open_database(path), True


def wipe(path: Path) -> None:
    """Remove a partition's RocksDB, or the file that lies in its place."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def locked(error: Exception) -> bool:
    """Tell whether RocksDB did not open because somebody has it open."""
    return any(sign in str(error) for sign in LOCKED)


def require_writable(directory: Path) -> None:
    """End the process if no file can be written here; a missing directory is made.

    Exit codes: 75 without space or file handles, which may come back; 2 for all that does not mend itself.
    """
    if directory.exists() and not directory.is_dir():
        return  # a file where the directory belongs: damage, not set-up
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(bytes(PROBE_BYTES))
    except OSError as error:
        refuse(
            f"the state directory {directory} cannot be written ({error.strerror}); mend it or set FRAUDSTREAM_STATE_DIR",
            EXIT_UNAVAILABLE if scarce(error) else EXIT_SETUP,
        )


def _sound(path: Path, open_database: Callable[[Path], Any]) -> Any:
    database = open_database(path)
    try:
        examine(database)
    except Exception:
        database.close()
        raise
    return database


def examine(database: Any) -> None:
    """Read everything; raises Damaged, or RocksDB's error, if it is not all there or not as we write it."""
    newest_ms, last_sequence, buckets = 0, -1, 0
    for keys, values in _chunks(database):
        newest_ms, last_sequence = _examine_buckets(keys, values, newest_ms, last_sequence)
        buckets += len(keys)
    packed_clock, offset = database.get(CLOCK_KEY), database.get(OFFSET_KEY)
    if offset is not None and not offset.isdigit():
        raise Damaged("the changelog offset is not a number")
    if packed_clock is None:
        if buckets or offset is not None:
            raise Damaged("the clock is missing")
        return
    if len(packed_clock) != CLOCK.size:
        raise Damaged("the clock is cut off")
    clock = Clock._make(CLOCK.unpack(packed_clock))
    if clock.watermark_ms < newest_ms or clock.last_sequence < last_sequence:
        raise Damaged("entries are newer than the clock")


def _chunks(database: Any) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Yield keys and values of all buckets; raises if RocksDB could not read to the end or has a key of nobody's."""
    iterator = database.iter()
    iterator.seek_to_first()
    keys: list[bytes] = []
    values: list[bytes] = []
    while iterator.valid():
        key = iterator.key()
        if len(key) == KEY_BYTES and key < CLOCK_KEY[:1]:
            keys.append(key)
            values.append(iterator.value())
        elif key not in (CLOCK_KEY, OFFSET_KEY):
            raise Damaged(f"a key of {len(key)} bytes that nobody wrote")
        iterator.next()
        if len(keys) == CHUNK_BUCKETS:
            yield keys, values
            keys, values = [], []
    iterator.status()
    if keys:
        yield keys, values


def _examine_buckets(
    keys: list[bytes], values: list[bytes], newest_ms: int, last_sequence: int
) -> tuple[int, int]:
    """Check that buckets are whole and hold what belongs into them; return the newest time and sequence so far."""
    sizes = np.array([len(value) for value in values], np.int64)
    if (sizes % ENTRY.size).any() or not sizes.all():
        raise Damaged("a bucket that is not a number of whole entries")
    starts = np.frombuffer(b"".join(key[: START.size] for key in keys), ">u8").astype(np.int64)
    entries = np.frombuffer(b"".join(values), ENTRIES)
    times = entries["event_time_ms"]
    if (times - times % WINDOW_MS != np.repeat(starts, sizes // ENTRY.size)).any():
        raise Damaged("an entry outside the ten minutes of its bucket")
    return max(newest_ms, int(times.max())), max(last_sequence, int(entries["sequence"].max()))
