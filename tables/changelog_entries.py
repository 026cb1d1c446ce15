"""Changelog records of any layout as entries of one's own, and from when on windows are whole after the layout changed.

A worker whose event type declares other velocity features than before finds a changelog of another layout. What its entries
have is kept; values that they lack are missing. A window is whole if it begins after the last event without a value that it
needs, and after the first event that the changelog still has: until then `degraded` says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from fraudstream.domain.windows.entries import Entry, Layout, unpack_first
from fraudstream.domain.windows.velocity import Windows
from fraudstream.tables.activity_layout import TOKEN, deltas
from fraudstream.tables.changelog_keys import layout_of

EVENTS = ""
"""The name, in `Whole`, of what every window needs: the events themselves."""


class Whole(msgspec.Struct, frozen=True):
    """What a partition's state says of itself."""

    layout: str
    from_ms: dict[str, int] = {}
    """Since when (event time) all events are kept (EVENTS), and the values of each variable that was not kept before."""

    def until_ms(self, windows: Windows) -> int:
        """Return the event time from which on all windows are whole; 0 if they always were."""
        needed = (
            self.from_ms.get(name, 0) + velocity.window_ms
            for velocity in windows.velocities
            for name in (EVENTS, velocity.of)
            if name in self.from_ms
        )
        return max(needed, default=0)


def entries_of(layout: Layout, key: bytes | None, value: bytes) -> Iterator[tuple[bytes, Entry]]:
    """Yield entity token and entry of each delta in a record, as entries of this layout."""
    written = layout_of(key)
    if written == layout:
        yield from deltas(layout, value)
    elif written is not None:
        for entity, entry in deltas(written, value):
            yield entity, layout.translated(entry, written)
    else:
        first = Layout()
        for start in range(0, len(value), TOKEN.itemsize + first.size):
            packed = start + TOKEN.itemsize
            (entry,) = unpack_first(value[packed : packed + first.size])
            yield value[start:packed], layout.translated(entry, first)


def as_own(
    layout: Layout, records: Sequence[Any], whole: Whole, from_the_start: bool
) -> tuple[list[bytes], Whole]:
    """Return the values of records as deltas of this layout, and what the state says of itself with them.

    `from_the_start`: whether they are the first of the log and records before them were deleted.
    """
    values, from_ms = [], dict(whole.from_ms)
    for place, record in enumerate(records):
        written = layout_of(record.key)
        if written == layout:
            values.append(record.value)
            continue
        entries = list(entries_of(layout, record.key, record.value))
        values.append(b"".join(entity + layout.pack(entry) for entity, entry in entries))
        _learn(from_ms, layout, written or Layout(), [entry for _, entry in entries])
        if place == 0 and from_the_start and (written or Layout()).bucket_ms < layout.bucket_ms and entries:
            first = entries[0][1]
            from_ms[EVENTS] = first.event_time_ms + first.late_by_ms + 1
    return values, Whole(layout.text, from_ms)


def _learn(from_ms: dict[str, int], layout: Layout, written: Layout, entries: Sequence[Entry]) -> None:
    """Note of which values there are none in some entries of another layout."""
    if not entries:
        return
    after_ms = max(entry.event_time_ms for entry in entries) + 1
    for value in layout.values:
        if value not in written.values:
            from_ms[value.name] = max(from_ms.get(value.name, 0), after_ms)


def read_whole(packed: bytes | None) -> Whole | None:
    """Return what a state says of itself; None of one that a release before velocity features wrote."""
    return None if packed is None else msgspec.json.decode(packed, type=Whole)


def warming(windows: Windows, whole: Mapping[int, Whole]) -> dict[int, int]:
    """Return, by partition, until when windows are not whole; partitions where they are, are left out."""
    until = {partition: each.until_ms(windows) for partition, each in whole.items()}
    return {partition: until_ms for partition, until_ms in until.items() if until_ms}
