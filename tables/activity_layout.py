"""What the activity table writes, and where: keys, the partition's clock, deltas and how they become buckets.

Keys are the bucket's start (8 bytes, big endian) and the entity's token (16 bytes), so that expiry is one range delete
and an entity's two buckets are two point reads. How an entry is packed, and how long a bucket is, says the layout
(domain/windows/entries.py).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from struct import Struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fraudstream.domain.windows.cells import Ints
from fraudstream.domain.windows.entries import Entries, Entry, Layout
from fraudstream.domain.windows.window_columns import perhaps_repeated

CLOCK_KEY = b"__fraudstream\0clock"
"""Sorts after every bucket, like Faust's own `__faust\\0offset__`."""
OFFSET_KEY = b"__faust\0offset__"
"""Faust's name for the offset of the last changelog record that is in the state."""
LAYOUT_KEY = b"__fraudstream\0layout"
"""For the layout that the buckets have, and from when on they are whole."""
PLANS_KEY = b"__fraudstream\0plans"
"""For which releases decide (domain/releases/plan.py)."""
CLOCK = Struct("<qq")
START = Struct(">Q")
TOKEN = np.dtype("V16")
KEYS = np.dtype([("start", ">u8"), ("entity", TOKEN)])
KEY_BYTES = KEYS.itemsize

Read = Callable[[list[bytes]], Mapping[bytes, bytes]]
"""Buckets by key, those that exist."""


class Clock(NamedTuple):
    """How far a partition has come."""

    watermark_ms: int = 0
    """Newest event time seen."""
    last_sequence: int = -1
    """Highest sequence number given."""


def bucket_key(bucket_ms: int, entity: bytes) -> bytes:
    """Return the key of an entity's bucket."""
    return START.pack(bucket_ms) + entity


def delta_size(layout: Layout) -> int:
    """Return the bytes of a delta: token and entry of one event."""
    return TOKEN.itemsize + layout.size


def deltas(layout: Layout, value: bytes) -> Iterator[tuple[bytes, Entry]]:
    """Yield entity token and entry of every delta in a changelog value that has this layout."""
    for start in range(0, len(value), delta_size(layout)):
        entry = start + TOKEN.itemsize
        (each,) = layout.unpack(value[entry : entry + layout.size])
        yield value[start:entry], each


def packed_deltas(layout: Layout, entities: npt.NDArray[np.void], entries: npt.NDArray[np.void]) -> bytes:
    """Return the changelog value of entries that are packed already, each with its entity's token."""
    packed = np.empty(len(entries), deltas_dtype(layout))
    packed["entity"], packed["entry"] = entities, entries
    return packed.tobytes()


@cache
def deltas_dtype(layout: Layout) -> np.dtype[np.void]:
    """Return the dtype of the deltas in a changelog value."""
    return np.dtype([("entity", TOKEN), ("entry", layout.dtype)])


def halves(layout: Layout, value: bytes) -> list[bytes]:
    """Return a changelog value as two that mean the same, or itself if it has no two deltas.

    >>> [len(half) // delta_size(Layout()) for half in halves(Layout(), bytes(5 * delta_size(Layout())))]
    [2, 3]
    """
    size = delta_size(layout)
    middle = len(value) // size // 2 * size
    return [value[:middle], value[middle:]] if middle else [value]


def bucket_keys(starts_ms: Ints, entities: npt.NDArray[np.void]) -> list[bytes]:
    """Return the keys of many buckets."""
    keys = np.empty(len(starts_ms), KEYS)
    keys["start"], keys["entity"] = starts_ms, entities
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
    bounds = [*(first * added.itemsize).tolist(), len(packed)]
    return {
        key: stored.get(key, b"") + packed[start:end]
        for key, start, end in zip(keys_of(numbers[first]), bounds[:-1], bounds[1:], strict=True)
    }


def merged(
    layout: Layout, read: Read, values: Sequence[bytes], clock: Clock
) -> tuple[dict[bytes, bytes], Clock]:
    """Add changelog values to stored buckets; return changed buckets and clock.

    A changelog may repeat entries (a retried batch, a worker that was thought dead); state must not: if a bucket
    gets a transaction id again, the first entry stays.
    """
    new = np.frombuffer(b"".join(values), deltas_dtype(layout))
    if not len(new):
        return {}, clock
    entries = layout.unpack_columns(new["entry"])
    times = entries.event_time_ms
    numbered: dict[bytes, int] = {}
    each = bucket_keys(times - times % layout.bucket_ms, new["entity"])
    bucket = np.array([numbered.setdefault(key, len(numbered)) for key in each], np.int64)
    keys = list(numbered)
    stored = read(keys)
    fresh = ~_repeated(layout, stored, keys, bucket, entries)
    changed = grown(
        stored,
        lambda numbers: [keys[number] for number in numbers.tolist()],
        bucket[fresh],
        new["entry"][fresh],
    )
    newest_ms, last_sequence = int(times.max()), int(entries.sequence.max())
    return changed, Clock(max(clock.watermark_ms, newest_ms), max(clock.last_sequence, last_sequence))


def _repeated(
    layout: Layout, stored: Mapping[bytes, bytes], keys: Sequence[bytes], bucket: Ints, entries: Entries
) -> npt.NDArray[np.bool_]:
    """Tell which entries repeat a transaction id of their bucket: one stored, or one of an earlier entry."""
    held = [stored.get(key, b"") for key in keys]
    known = np.frombuffer(b"".join(held), layout.dtype)["id_hash"]
    id_hash = np.concatenate([known, entries.id_hash])
    owner = np.concatenate(
        [np.repeat(np.arange(len(keys)), [len(packed) // layout.size for packed in held]), bucket]
    )
    repeated = np.zeros(len(id_hash), np.bool_)
    seen: set[tuple[int, int]] = set()
    for row in perhaps_repeated(id_hash, owner).tolist():
        own = (int(owner[row]), int(id_hash[row]))
        repeated[row] = own in seen
        seen.add(own)
    return repeated[len(known) :]
