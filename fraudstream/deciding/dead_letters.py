"""Dead letters: why a record got no decision, where it lies, and its content without card numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from fraudstream.adapters.kafka.undecodable import Undecodable
from fraudstream.deciding.records import OURS, Record, ReplyTo, as_first_timed, number_of, reply_to
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


UNPUBLISHABLE = "unpublishable"
"""Reason of a dead letter about a decision, an alert or a payment to repartition that its topic refuses."""

NOT_REPARTITIONED = "the payment was not repartitioned, so it is not decided"
"""How the detail of one ends whose payment is not decided; all others count."""

HEADERS_MAX, HEADER_CHARACTERS_MAX = 16, 128
"""How many of a record's headers a dead letter has, and how many characters of each."""

LOOKED_AT = 2 * HEADER_CHARACTERS_MAX

PRODUCER_HEADER = "producer"
PRODUCER_HEADERS = (PRODUCER_HEADER, "client-id", "client.id", "application", "ce_source", "source")
"""Headers that say which program has sent a record, the first that is there counts; `ce_source` is CloudEvents' in binary mode."""

OVER_HTTP = "the HTTP API"
"""The producer of events that were asked for over HTTP."""


def producer_of(headers: Mapping[str, str]) -> str:
    """Return which program has sent a record; empty if no header says so.

    >>> producer_of({"trace": "9f", "ce_source": "/shop"}), producer_of({})
    ('/shop', '')
    """
    return next((headers[name] for name in PRODUCER_HEADERS if name in headers), "")


NO_HEADERS: Mapping[str, str] = MappingProxyType({})


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
    headers: Mapping[str, str] = NO_HEADERS
    """Of the record, card numbers masked; published if there are some."""

    def encode(self) -> bytes:
        """Return the JSON that is published."""
        fields = self._asdict()
        del fields["reply_to"]
        for name in ("number", "headers"):
            if not fields[name]:
                del fields[name]
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
            dict(_headers(record, shown)) if record.headers else NO_HEADERS,
        )

    def refused(self, record: Record, error: InvalidTransaction) -> DeadLetter:
        """Describe a record that is not a payment; the value of an undecodable one is empty."""
        if isinstance(record.value, Undecodable):
            return self.letter(record, UNDECODABLE, f"this record is damaged in Kafka: {record.value.why}")
        return self.letter(record, error.reason, error.detail)


def _headers(record: Record, shown: Shown) -> Iterator[tuple[str, str]]:
    """Yield the first of a record's headers as people may see them, and that an event was asked for over HTTP."""
    if reply_to(record) is not None:
        yield PRODUCER_HEADER, OVER_HTTP
    for name, value in record.headers[:HEADERS_MAX]:
        if not name.startswith(OURS):
            yield _part(name, shown), _part((value or b"")[:LOOKED_AT].decode("utf-8", "replace"), shown)


def _part(text: str, shown: Shown) -> str:
    """Return the start of a text, which is masked before it is cut: a card number that is cut would not be found."""
    return shown.detail(text[:LOOKED_AT])[:HEADER_CHARACTERS_MAX]
