"""Dead letters: why a record got no decision, where it lies, and its content without card numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from fraudstream.adapters.kafka.undecodable import Undecodable
from fraudstream.deciding.records import Record, ReplyTo, as_first_timed, number_of, reply_to
from fraudstream.domain.card_numbers import CARD_DIGITS_MIN
from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.raw_values import Shown
from fraudstream.domain.tokens import DIGITS_MIN

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
    number: int = 0
    """Of an event whose record has several; published only then."""
    reply_to: ReplyTo | None = None
    """Where somebody waits for what becomes of it; not published."""

    def encode(self) -> bytes:
        """Return the JSON that is published."""
        fields = self._asdict()
        del fields["reply_to"]
        if not self.number:
            del fields["number"]
        return msgspec.json.encode(fields)


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Describes records that got no decision; card numbers in payload and detail are masked."""

    times: Sequence[str] = ()
    """Names of the fields with a time, which is not masked."""
    digits_min: int = CARD_DIGITS_MIN
    """How many digits may be a number that is not shown."""

    @classmethod
    def of(cls, event_type: EventType) -> "DeadLetters":
        """Return how records of an event type are described."""
        entity = event_type.entity
        names = tuple(name.rpartition(".")[2] for name in event_type.time.fields)
        return cls(names, DIGITS_MIN[entity.kind] if entity else CARD_DIGITS_MIN)

    def letter(self, record: Record, reason: str, detail: str) -> DeadLetter:
        """Describe a record."""
        (record,) = as_first_timed([record])
        shown = Shown(record.value, record.timestamp, self.times, self.digits_min)
        return DeadLetter(
            reason,
            shown.detail(detail),
            record.topic,
            record.partition,
            record.offset,
            record.timestamp,
            shown.payload,
            number_of(record),
            reply_to(record),
        )

    def refused(self, record: Record, error: InvalidTransaction) -> DeadLetter:
        """Describe a record that is not a payment; the value of an undecodable one is empty."""
        if isinstance(record.value, Undecodable):
            return self.letter(record, UNDECODABLE, f"this record is damaged in Kafka: {record.value.why}")
        return self.letter(record, error.reason, error.detail)
