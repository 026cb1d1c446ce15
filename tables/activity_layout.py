"""What the activity table writes, and where: keys, the partition's clock, deltas and how they become buckets.

Keys are the bucket's start (8 bytes, big endian) and the card token (16 bytes), so that expiry is one range delete
and a card's two buckets are two point reads.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from struct import Struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fraudstream.domain.activity import ENTRY, WINDOW_MS, Entry
from fraudstream.domain.activity_columns import ENTRIES, Ints, perhaps_repeated

CLOCK_KEY = b"__fraudstream\0clock"
"""Sorts after every bucket, like Faust's own `__faust\\0offset__`."""
OFFSET_KEY = b"__faust\0offset__"
"""Faust's name for the offset of the last changelog record that is in the state."""
CLOCK = Struct("<qq")
START = Struct(">Q")
TOKEN = np.dtype("V16")
KEYS = np.dtype([("start", ">u8"), ("card", TOKEN)])
KEY_BYTES = KEYS.itemsize
DELTAS = np.dtype([("card", TOKEN), ("entry", ENTRIES)])
"""A changelog value is an array of these."""
DELTA_BYTES = DELTAS.itemsize

Read = Callable[[list[bytes]], Mapping[bytes, bytes]]
"""Buckets by key, those that exist."""


class Clock(NamedTuple):
    """How far a partition has come."""

    watermark_ms: int = 0
    """Newest event time seen."""
    last_sequence: int = -1
    """Highest sequence number given."""


def bucket_key(bucket_ms: int, card: bytes) -> bytes:
    """Return the key of a card's bucket."""
    return START.pack(bucket_ms) + card


def deltas(value: bytes) -> Iterator[tuple[bytes, Entry]]:
    """Yield card token and entry of every delta in a changelog value."""
    for start in range(0, len(value), DELTA_BYTES):
        yield value[start : start + 16], Entry._make(ENTRY.unpack_from(value, start + 16))


def halves(value: bytes) -> list[bytes]:
    """Return a changelog value as two that mean the same, or itself if it has no two deltas.

    >>> [len(half) // DELTA_BYTES for half in halves(bytes(5 * DELTA_BYTES))]
    [2, 3]
    """
    middle = len(value) // DELTA_BYTES // 2 * DELTA_BYTES
    return [value[:middle], value[middle:]] if middle else [value]


def bucket_keys(starts_ms: Ints, cards: npt.NDArray[np.void]) -> list[bytes]:
    """Return the keys of many buckets."""
    keys = np.empty(len(starts_ms), KEYS)
    keys["start"], keys["card"] = starts_ms, cards
    packed = keys.tobytes()
    return [packed[start : start + KEY_BYTES] for start in range(0, len(packed), KEY_BYTES)]


def grown(
    stored: Mapping[bytes, bytes],
    keys_of: Callable[[Ints], Sequence[bytes]],
    bucket: Ints,
    added: npt.NDArray[np.void],
) -> dict[bytes, bytes]:
    """Return the buckets with their new entries appended in order; `bucket`: the number (>= 0) of each entry's."""
    order = np.argsort(bucket, kind="stable")
    numbers = bucket[order]
    first = np.flatnonzero(np.diff(numbers, prepend=-1))
    packed = added[order].tobytes()
    bounds = [*(first * ENTRY.size).tolist(), len(packed)]
    return {
        key: stored.get(key, b"") + packed[start:end]
        for key, start, end in zip(keys_of(numbers[first]), bounds[:-1], bounds[1:], strict=True)
    }


def merged(read: Read, values: Sequence[bytes], clock: Clock) -> tuple[dict[bytes, bytes], Clock]:
    """Add changelog values to stored buckets; return changed buckets and clock.

    A changelog may repeat entries (a retried batch, a worker that was thought dead); state must not: if a bucket
    gets a transaction id again, the first entry stays.
    """
    new = np.frombuffer(b"".join(values), DELTAS)
    if not len(new):
        return {}, clock
    entries = new["entry"]
    times = entries["event_time_ms"]
    numbered: dict[bytes, int] = {}
    each = bucket_keys(times - times % WINDOW_MS, new["card"])
    bucket = np.array([numbered.setdefault(key, len(numbered)) for key in each], np.int64)
    keys = list(numbered)
    stored = read(keys)
    fresh = ~_repeated(stored, keys, bucket, entries)
    changed = grown(
        stored, lambda numbers: [keys[number] for number in numbers.tolist()], bucket[fresh], entries[fresh]
    )
    newest_ms, last_sequence = int(times.max()), int(entries["sequence"].max())
    return changed, Clock(max(clock.watermark_ms, newest_ms), max(clock.last_sequence, last_sequence))


def _repeated(
    stored: Mapping[bytes, bytes], keys: Sequence[bytes], bucket: Ints, entries: npt.NDArray[np.void]
) -> npt.NDArray[np.bool_]:
    """Tell which entries repeat a transaction id of their bucket: one stored, or one of an earlier entry."""
    held = [stored.get(key, b"") for key in keys]
    known = np.frombuffer(b"".join(held), ENTRIES)["id_hash"]
    id_hash = np.concatenate([known, entries["id_hash"]])
    owner = np.concatenate(
        [np.repeat(np.arange(len(keys)), [len(packed) // ENTRY.size for packed in held]), bucket]
    )
    repeated = np.zeros(len(id_hash), np.bool_)
    seen: set[tuple[int, int]] = set()
    for row in perhaps_repeated(id_hash, owner).tolist():
        own = (int(owner[row]), int(id_hash[row]))
        repeated[row] = own in seen
        seen.add(own)
    return repeated[len(known) :]
