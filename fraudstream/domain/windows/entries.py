"""What is kept of an event, as bytes: an entry has 32 bytes and 8 for each value that a velocity feature needs.

Money is integer minor units of its currency (cents, yen, thousandths of a dinar), called cents for short, and time integer
milliseconds, so sums do not depend on the order of addition. Both have 48 bits in an entry, which reaches the year 10889 and
1,407,374,883,553.27 of a currency with two decimals.

Entries lie in tumbling buckets as long as the longest window: any window then lies in two neighbouring buckets, so it needs
two reads, and old buckets expire as whole ranges of keys.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from struct import Struct
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from fraudstream.domain.windows.cells import MISSING, Ints, Kind

WINDOW_MS = 600_000
"""The ten minutes of the sample's features, and the shortest bucket."""

BUCKET_MS_MAX = 24 * 3_600_000
"""The longest window."""

LATE_BY_MAX_MS = 2**32 - 1
CENTS_MAX = 10**14
"""The most that an amount may have; 48 bits hold a little more."""

TIME_BITS = 48
TIME_MASK = 2**TIME_BITS - 1
LOW_MASK = 2**32 - 1

PACKED = "<qIIQq"
"""event time (48 bits) and the upper 16 bits of cents · lower 32 of cents · late_by ms · id (64-bit hash) · sequence."""
PACKED_FIELDS = [
    ("time_and_high", "<i8"),
    ("low", "<u4"),
    ("late_by_ms", "<u4"),
    ("id_hash", "<u8"),
    ("sequence", "<i8"),
]
FIRST_PACKED = Struct("<qiIQq")
"""How releases before velocity features packed entries: cents had 32 bits."""


class Entry(NamedTuple):
    """One event as the window remembers it.

    `sequence` orders the events of an entity as they arrived, and is below 0 for those from before the topics grew, which
    come before all others; `late_by_ms` is how far the partition's watermark was ahead of the event then. With both, a
    replay is answered as the first time.
    """

    event_time_ms: int
    cents: int
    late_by_ms: int
    id_hash: int
    sequence: int
    values: tuple[int, ...] = ()
    """Cells, in the order of the layout's values."""


class Value(NamedTuple):
    """A variable whose values entries keep."""

    name: str
    kind: Kind


class Entries(NamedTuple):
    """Many entries as columns."""

    event_time_ms: Ints
    cents: Ints
    late_by_ms: npt.NDArray[Any]
    id_hash: npt.NDArray[np.uint64]
    sequence: Ints
    values: tuple[Ints, ...]

    def at(self, rows: npt.NDArray[Any]) -> "Entries":
        """Return some of them."""
        columns = (column[rows] for column in self[:-1])
        return Entries._make([*columns, tuple(cells[rows] for cells in self.values)])

    def rows(self) -> Iterator[Entry]:
        """Return them one by one."""
        columns = [column.tolist() for column in self[:-1]]
        if not self.values:
            return map(Entry, *columns)
        return map(Entry, *columns, zip(*(cells.tolist() for cells in self.values), strict=True))


@dataclass(frozen=True)
class Layout:
    """How entries are kept: the length of their buckets, and which values they have beside the amount."""

    bucket_ms: int = WINDOW_MS
    values: tuple[Value, ...] = ()
    dtype: np.dtype[np.void] = field(init=False, compare=False, repr=False)
    packing: Struct = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        own = [(f"value_{place}", "<i8") for place in range(len(self.values))]
        object.__setattr__(self, "dtype", np.dtype([*PACKED_FIELDS, *own]))
        object.__setattr__(self, "packing", Struct(PACKED + "q" * len(self.values)))

    @property
    def size(self) -> int:
        """Bytes of an entry."""
        return self.packing.size

    @property
    def text(self) -> str:
        """Return the layout as it is written beside entries.

        >>> Layout(600_000, (Value("shop", "string"),)).text
        'entries=2,600000,shop:string'
        """
        return ",".join(["entries=2", str(self.bucket_ms), *(f"{name}:{kind}" for name, kind in self.values)])

    @classmethod
    def of_text(cls, text: str) -> "Layout":
        """Return the layout that is written so.

        >>> Layout.of_text(Layout(600_000, (Value("shop", "string"),)).text).values
        (Value(name='shop', kind='string'),)
        """
        _, bucket_ms, *values = text.split(",")
        parts = (value.rsplit(":", 1) for value in values)
        return cls(int(bucket_ms), tuple(Value(name, cast(Kind, kind)) for name, kind in parts))

    def bucket_of(self, event_time_ms: int) -> int:
        """Return the start of the bucket that holds this time.

        >>> Layout().bucket_of(1_199_999), Layout().bucket_of(1_200_000)
        (600000, 1200000)
        """
        return event_time_ms - event_time_ms % self.bucket_ms

    def pack(self, entry: Entry) -> bytes:
        """Return an entry as bytes."""
        event_time_ms, cents, late_by_ms, id_hash, sequence, values = entry
        high = cents >> 32
        return self.packing.pack(
            event_time_ms | high << TIME_BITS, cents & LOW_MASK, late_by_ms, id_hash, sequence, *values
        )

    def unpack(self, packed: bytes) -> Iterator[Entry]:
        """Yield the entries in some bytes."""
        more = bool(self.values)
        for fields in self.packing.iter_unpack(packed):
            if not 0 <= fields[0] <= TIME_MASK:
                time_and_high, low, *rest = fields
                high = time_and_high >> TIME_BITS
                fields = (time_and_high & TIME_MASK, high << 32 | low, *rest)
            yield Entry._make((*fields[:5], fields[5:])) if more else Entry(*fields)

    def pack_columns(self, entries: Entries) -> npt.NDArray[np.void]:
        """Return entries as an array of packed ones."""
        packed = np.empty(len(entries.sequence), self.dtype)
        packed["time_and_high"] = entries.event_time_ms | (entries.cents >> 32) << TIME_BITS
        packed["low"] = entries.cents & LOW_MASK
        packed["late_by_ms"], packed["id_hash"] = entries.late_by_ms, entries.id_hash
        packed["sequence"] = entries.sequence
        for place, cells in enumerate(entries.values):
            packed[f"value_{place}"] = cells
        return packed

    def unpack_columns(self, packed: npt.NDArray[np.void]) -> Entries:
        """Return packed entries as columns."""
        time_and_high, low = packed["time_and_high"].copy(), packed["low"].astype(np.int64)
        if time_and_high.min(initial=0) < 0 or time_and_high.max(initial=0) > TIME_MASK:
            low |= (time_and_high >> TIME_BITS) << 32
            time_and_high &= TIME_MASK
        return Entries(
            time_and_high,
            low,
            packed["late_by_ms"],
            packed["id_hash"],
            packed["sequence"],
            tuple(packed[f"value_{place}"] for place in range(len(self.values))),
        )

    def translated(self, entry: Entry, written: "Layout") -> Entry:
        """Return an entry of another layout as one of this; values that it does not have are missing."""
        kept = dict(zip(written.values, entry.values, strict=True))
        return entry._replace(values=tuple(kept.get(value, MISSING) for value in self.values))


def times_of(packed: npt.NDArray[np.void]) -> Ints:
    """Return the event times (ms) of packed entries, whatever their layout."""
    times: Ints = packed["time_and_high"] & TIME_MASK
    return times


def unpack_first(packed: bytes) -> Iterator[Entry]:
    """Yield the entries that a release before velocity features packed."""
    return (Entry(*fields) for fields in FIRST_PACKED.iter_unpack(packed))


def unpack_all(layout: Layout, buckets: Iterable[bytes]) -> list[Entry]:
    """Read the entries of some buckets."""
    return [entry for bucket in buckets for entry in layout.unpack(bucket)]
