"""At the door: a record becomes a payment, a record to forward, or a dead letter."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import msgspec
from aiokafka.structs import ConsumerRecord

from fraudstream import topics
from fraudstream.adapters.damaged_batch import Undecodable
from fraudstream.adapters.publisher import Message
from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.raw_values import Shown
from fraudstream.domain.tokens import Card
from fraudstream.domain.transaction import Parser, Payment

Record: TypeAlias = ConsumerRecord[bytes, bytes]

SOURCE_HEADER = "fraudstream-source"
"""On re-keyed records: the topic-partition-offset they came from, which is the id of a payment without its own."""

TIME_HEADER = "fraudstream-timestamp"
"""On re-keyed records: the Kafka timestamp (epoch milliseconds) they came with, which is the time of a payment without its own.

Brokers with message.timestamp.type=LogAppendTime write another one into the record.
"""

TIME_DIGITS_MAX = 18
"""More are no time that Kafka can write."""

UNDECODABLE = "undecodable"
"""Reason of dead letters for records that the brokers have and nobody can decode."""


class DeadLetter(NamedTuple):
    """A record that is not a payment; published as JSON."""

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
    """Describe a record that is no payment; one that could not be decoded came here as an empty one."""
    if isinstance(record.value, Undecodable):
        return dead_letter(record, UNDECODABLE, f"Kafka has this record damaged: {record.value.why}")
    return dead_letter(record, error.reason, error.detail, times)


class Payments(NamedTuple):
    """Valid payments on the partition of their cards, and the records they came in, side by side."""

    payments: list[Payment]
    records: list[Record]


class Parsed(NamedTuple):
    """What the records of one chunk turned out to be; every record is in exactly one place."""

    valid: Payments
    misplaced: list[tuple[Card, Record]]
    """Records of cards that live on another partition, with the card."""
    dead: list[DeadLetter]


class Intake:
    """Parses chunks; pure but for the card index, which is a cache."""

    def __init__(self, parser: Parser) -> None:
        self._parse = parser.parse
        self._times = parser.times

    def parse(self, records: list[Record]) -> Parsed:
        """Sort the records of one chunk into payments, misplaced and dead."""
        payments: list[Payment] = []
        kept: list[Record] = []
        misplaced: list[tuple[Card, Record]] = []
        dead: list[DeadLetter] = []
        here, parse = records[0].partition, self._parse
        for record in as_first_timed(records):
            try:
                payment = parse(record.value, record.timestamp)
            except InvalidTransaction as error:
                dead.append(refused(record, error, self._times))
                continue
            card = payment.card
            if card.partition == here:
                payments.append(payment if payment.transaction_id else _named(payment, record))
                kept.append(record)
            else:
                misplaced.append((card, record))
        return Parsed(Payments(payments, kept), misplaced, dead)


def _named(payment: Payment, record: Record) -> Payment:
    """Name a payment that came without an id by its first place in the log."""
    return payment._replace(transaction_id=source_of(record))


def source_of(record: Record) -> str:
    """Return where a record first entered: `topic-partition-offset`.

    The header is believed where only the worker writes; a payer's could hold anything, a card number too.
    """
    if _is_rekeyed(record):
        for name, value in record.headers:
            if name == SOURCE_HEADER:
                return str(value, "ascii", "replace")
    return f"{record.topic}-{record.partition}-{record.offset}"


def as_first_timed(records: list[Record]) -> list[Record]:
    """Return the records of one chunk with the Kafka timestamps they first entered with.

    The header is believed where only the worker writes, as above.
    """
    if not _is_rekeyed(records[0]):
        return records
    return [dataclasses.replace(record, timestamp=_first_timestamp(record)) for record in records]


def _is_rekeyed(record: Record) -> bool:
    return bool(record.topic.endswith(topics.BY_CARD.name))


def _first_timestamp(record: Record) -> int:
    """Return what the header says; records of earlier versions have none."""
    for name, value in record.headers:
        if name == TIME_HEADER and value and value.isdigit() and len(value) <= TIME_DIGITS_MAX:
            return int(value)
    return int(record.timestamp)


def forwarded(card: Card, record: Record) -> Message:
    """Return the record as it goes on to `transactions-by-card`: same value, its first source and timestamp kept.

    Its key is the card's token, not the producer's key: that could be anything, a card number too.
    """
    headers = [(SOURCE_HEADER, source_of(record).encode()), (TIME_HEADER, str(record.timestamp).encode())]
    return Message(card.token.encode(), record.value, record.timestamp, headers)
