"""What the activity table writes, and where: keys, the partition's clock, deltas and how they become buckets.

Keys are the bucket's start (8 bytes, big endian) and the card token (16 bytes), so that expiry is one range delete
and a card's two buckets are two point reads.
"""

from collections.abc import Iterable, Iterator, Mapping
from struct import Struct
from typing import NamedTuple

from fraudstream.domain.activity import ENTRY, Entry, bucket_of

CLOCK_KEY = b"__fraudstream\0clock"
"""Sorts after every bucket, like Faust's own `__faust\\0offset__`."""
OFFSET_KEY = b"__faust\0offset__"
"""Faust's name for the offset of the last changelog record that is in the state."""
CLOCK = Struct("<qq")
START = Struct(">Q")
KEY_BYTES = START.size + 16
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


def deltas(value: bytes) -> Iterator[tuple[bytes, Entry]]:
    """Yield card token and entry of every delta in a changelog value."""
    for start in range(0, len(value), DELTA_BYTES):
        yield value[start : start + 16], Entry._make(ENTRY.unpack_from(value, start + 16))


def merged(
    stored: Mapping[bytes, bytes], values: Iterable[bytes], clock: Clock
) -> tuple[dict[bytes, bytes], Clock]:
    """Add changelog values to stored buckets, leaving out transaction ids they already hold; return changed buckets and clock.

    A changelog may repeat itself (a retried batch, a worker that was thought dead); state must not.
    """
    changed: dict[bytes, bytearray] = {}
    known: dict[bytes, set[int]] = {}
    watermark_ms, last_arrival = clock
    for value in values:
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
