"""The keys of changelog records: how many partitions the group had that wrote them.

    partitions=4     written by a worker of a group of 4 partitions
    growing=4>12     written by `fraudstream topics grow`; while partition 0 ends with this key, growing is not finished
    begin=12         from here on the partition holds other cards: what the changelog had before is void

Records of older releases have no such key, and nothing is concluded from them.
"""

from collections.abc import Sequence
from typing import Any

BEGIN = b"begin="
GROWING = b"growing="
PARTITIONS = b"partitions="


def made_for(partitions: int) -> bytes:
    """Return the key of what a worker writes."""
    return PARTITIONS + b"%d" % partitions


def begin(partitions: int) -> bytes:
    """Return the key of the record that voids what came before it in its partition."""
    return BEGIN + b"%d" % partitions


def growing(before: int, after: int) -> bytes:
    """Return the key of what is written until a growth is finished."""
    return GROWING + b"%d>%d" % (before, after)


def said(key: bytes | None) -> tuple[int, int] | None:
    """Return the state's number of partitions and the number it is growing to (the same if it is not growing).

    >>> said(b"partitions=4"), said(b"growing=4>12"), said(None)
    ((4, 4), (4, 12), None)
    """
    if key is not None and key.startswith(PARTITIONS):
        partitions = int(key.removeprefix(PARTITIONS))
        return partitions, partitions
    if key is not None and key.startswith(GROWING):
        before, after = key.removeprefix(GROWING).split(b">")
        return int(before), int(after)
    return None


def after_begin(records: Sequence[Any]) -> Sequence[Any] | None:
    """Return the records from the last `begin=` on; None if there is none."""
    for place in range(len(records) - 1, -1, -1):
        key = records[place].key
        if key is not None and key.startswith(BEGIN):
            return records[place:]
    return None
