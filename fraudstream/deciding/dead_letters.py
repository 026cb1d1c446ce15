"""Dead letters: why a record got no decision, where it lies, and its content without card numbers."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from fraudstream.adapters.undecodable import Undecodable
from fraudstream.deciding.records import Record, as_first_timed
from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.events.raw_values import Shown

UNDECODABLE = "undecodable"
"""Reason of dead letters for records that cannot be decoded."""

POISON = "poison"
"""Reason of dead letters for records that crashed the worker repeatedly."""

CONFLICT = "conflict"
"""Reason of dead letters for payments whose transaction id came before with another time or amount."""


class DeadLetter(NamedTuple):
    """A record that got no decision, or whose outputs a topic refused; published as JSON."""

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    payload: str

    def encode(self) -> bytes:
        """Return the JSON that is published."""
        return msgspec.json.encode(self._asdict())


def dead_letter(record: Record, reason: str, detail: str, times: Sequence[str] = ()) -> DeadLetter:
    """Describe a refused record; card numbers in payload and detail are masked, the fields `times` are not."""
    (record,) = as_first_timed([record])
    shown = Shown(record.value, record.timestamp, times)
    return DeadLetter(
        reason,
        shown.detail(detail),
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        shown.payload,
    )


def refused(record: Record, error: InvalidTransaction, times: Sequence[str]) -> DeadLetter:
    """Describe a record that is not a payment; the value of an undecodable one is empty."""
    if isinstance(record.value, Undecodable):
        return dead_letter(record, UNDECODABLE, f"Kafka has this record damaged: {record.value.why}")
    return dead_letter(record, error.reason, error.detail, times)
