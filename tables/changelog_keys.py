"""The keys of changelog records: how many partitions the group had that wrote them, and how their entries are packed.

    partitions=4;entries=2,600000     written by a worker of a group of 4 partitions
    growing=4>12;entries=2,600000     written by `fraudstream topics grow`; while partition 0 ends with this key, growing is not
                                      finished
    begin=12;entries=2,600000         from here on the partition holds other entities: what the changelog had before is void

What follows `entries=` is the layout (domain/windows/entries.py). Records of older releases have no layout, or no key at all;
then nothing is concluded from it, and their entries are packed as those releases did.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from fraudstream.domain.windows.entries import Layout

BEGIN = b"begin="
GROWING = b"growing="
PARTITIONS = b"partitions="
SEPARATOR = b";"


def made_for(partitions: int, layout: Layout) -> bytes:
    """Return the key of what a worker writes."""
    return _key(PARTITIONS + b"%d" % partitions, layout)


def begin(partitions: int, layout: Layout) -> bytes:
    """Return the key of the record that voids what came before it in its partition."""
    return _key(BEGIN + b"%d" % partitions, layout)


def growing(before: int, after: int, layout: Layout) -> bytes:
    """Return the key of what is written until a growth is finished."""
    return _key(GROWING + b"%d>%d" % (before, after), layout)


def _key(what: bytes, layout: Layout) -> bytes:
    return what + SEPARATOR + layout.text.encode()


def said(key: bytes | None) -> tuple[int, int] | None:
    """Return the state's number of partitions and the number it is growing to (the same if it is not growing).

    >>> said(b"partitions=4;entries=2,600000"), said(b"growing=4>12"), said(None)
    ((4, 4), (4, 12), None)
    """
    what = b"" if key is None else key.partition(SEPARATOR)[0]
    if what.startswith(PARTITIONS):
        partitions = int(what.removeprefix(PARTITIONS))
        return partitions, partitions
    if what.startswith(GROWING):
        before, after = what.removeprefix(GROWING).split(b">")
        return int(before), int(after)
    return None


@lru_cache
def layout_of(key: bytes | None) -> Layout | None:
    """Return how a record's entries are packed; None for one of a release before velocity features.

    >>> layout_of(b"partitions=4;entries=2,600000") == Layout(), layout_of(b"partitions=4")
    (True, None)
    """
    text = b"" if key is None else key.partition(SEPARATOR)[2]
    return Layout.of_text(text.decode()) if text else None


def after_begin(records: Sequence[Any]) -> Sequence[Any] | None:
    """Return the records from the last `begin=` on; None if there is none."""
    for place in range(len(records) - 1, -1, -1):
        key = records[place].key
        if key is not None and key.startswith(BEGIN):
            return records[place:]
    return None
