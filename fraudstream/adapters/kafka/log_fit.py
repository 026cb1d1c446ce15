"""Where to go on reading a topic: at a stored position, if the log there is still the one that was read."""

import logging
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from fraudstream.adapters.kafka.partition_logs import PartitionLogs, Place, Record, Span
from fraudstream.adapters.kafka.undecodable import Undecodable

logger = logging.getLogger(__name__)

DIGITS = 32


class Position(NamedTuple):
    """Where reading a partition goes on."""

    next_offset: int
    last_record: str | None
    """The print of the record before that: tells whether the topic is still the same one."""


def print_of(record: Record) -> str | None:
    """Return what tells a record from others; None of a damaged one."""
    if isinstance(record.value, Undecodable):
        return None
    told = b"\0".join((record.key or b"", record.value or b"", str(record.timestamp).encode()))
    return sha256(told).hexdigest()[:DIGITS]


async def starts(logs: PartitionLogs, read: Mapping[Place, Position | None]) -> dict[Place, int]:
    """Return at which offset to go on in each partition; None: it was never read.

    A log that ends before the position, or has another record just before it, was recreated: it is read from its first
    record. So is one whose records were deleted before they were read, from what is left of it. Both are logged.
    """
    spans = await logs.spans(read.keys())
    kept = {place: at for place, at in read.items() if at is not None}
    asked = {
        place: at.next_offset - 1
        for place, at in kept.items()
        if spans[place].begin < at.next_offset <= spans[place].end
    }
    last = await logs.first_records(asked)
    found = {}
    for place, span in spans.items():
        at = kept.get(place)
        offset = span.begin
        if at is not None:
            why = _unfit(at, span, last.get(place))
            if why:
                logger.warning("%s, partition %s, %s: it is read from its first record", *place, why)
            else:
                offset = at.next_offset
        found[place] = offset
    return found


def _unfit(at: Position, span: Span, last: Record | None) -> str:
    """Return why reading cannot go on at a position; empty if it can."""
    if at.next_offset > span.end:
        return f"ends at offset {span.end} and was read to {at.next_offset}, so the topic was recreated"
    if at.next_offset < span.begin:
        return f"has lost its records from {at.next_offset} to {span.begin} before they were read"
    same_place = last is not None and last.offset == at.next_offset - 1
    if last is not None and same_place and at.last_record and print_of(last) not in (None, at.last_record):
        return f"has another record at offset {last.offset} than was read, so the topic was recreated"
    return ""
