"""A record as the log has it, and its first place and timestamp if it was repartitioned."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

from fraudstream import topics
from fraudstream.adapters.kafka.outbox import Message
from fraudstream.domain.tokens import Entity

OURS = "fraudstream-"
"""How the names of our own headers begin."""

SOURCE_HEADER = "fraudstream-source"
"""On repartitioned records: the topic-partition-offset they came from, which is the id of a payment without its own."""

TIME_HEADER = "fraudstream-timestamp"
"""On repartitioned records: their first Kafka timestamp (epoch milliseconds), the time of a payment without its own.

Brokers with message.timestamp.type=LogAppendTime write another one into the record.
"""

REPLY_HEADER = "fraudstream-reply"
"""On events that were asked for over HTTP: the partition of the topic `replies` and the request, such as `2:9f3c`."""

RESENT_HEADER = "fraudstream-resent"
"""On records that were sent again after a dead letter: the first place and its timestamp, by which a second sending is recognised."""

PLACE_DIGITS_MAX = 9
"""More digits are not a partition."""

TIME_DIGITS_MAX = 18
"""More digits are not a timestamp of Kafka."""


class Record(Protocol):
    """What we need of a record; a consumer's record has it."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    @property
    def topic(self) -> str:
        """Return the name of the topic."""
        ...

    @property
    def partition(self) -> int:
        """Return the partition."""
        ...

    @property
    def offset(self) -> int:
        """Return the place in the partition."""
        ...

    @property
    def timestamp(self) -> int:
        """Return Kafka's timestamp, epoch milliseconds."""
        ...

    @property
    def value(self) -> bytes | None:
        """Return what should be a payment."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Return name and value of each header."""
        ...


R = TypeVar("R", bound=Record)


@dataclasses.dataclass(frozen=True, slots=True)
class EventRecord:
    """One event of a record that has several, as a record of its own: the same place in the log, and its number."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    number: int
    """From 1: its place in the array, or its line."""


def number_of(record: Record) -> int:
    """Return an event's number among those of its record; 0 if the record is the event."""
    return record.number if isinstance(record, EventRecord) else 0


def source_of(record: Record) -> str:
    """Return where an event first entered: `topic-partition-offset`, and `-number` if its record has several.

    The header is trusted only on the topic that workers alone write; a producer's could hold anything, even a card number.
    """
    if is_repartitioned(record):
        for name, value in record.headers:
            if name == SOURCE_HEADER:
                return str(value, "ascii", "replace")
    place = f"{record.topic}-{record.partition}-{record.offset}"
    return f"{place}-{record.number}" if isinstance(record, EventRecord) else place


def as_first_timed(records: Sequence[R]) -> Sequence[R]:
    """Return the records of one chunk with the Kafka timestamps they first had.

    The header is trusted as above.
    """
    if not is_repartitioned(records[0]):
        return records
    return [dataclasses.replace(record, timestamp=_first_timestamp(record)) for record in records]


def is_repartitioned(record: Record) -> bool:
    """Tell whether a worker wrote the record: then its value is the event as JSON."""
    return bool(record.topic.endswith(topics.REPARTITIONED.name))


def _first_timestamp(record: Record) -> int:
    """Return what the header says; records of earlier versions have none."""
    for name, value in record.headers:
        if name == TIME_HEADER and value and value.isdigit() and len(value) <= TIME_DIGITS_MAX:
            return int(value)
    return int(record.timestamp)


class ReplyTo(NamedTuple):
    """Where a copy of an outcome goes."""

    partition: int
    request: bytes


def reply_to(record: Record) -> ReplyTo | None:
    """Return where the asker waits for what becomes of an event; None if nobody asked, or in words that nobody understands."""
    for name, value in record.headers:
        if name == REPLY_HEADER and value:
            partition, _, request = value.partition(b":")
            if partition.isdigit() and len(partition) <= PLACE_DIGITS_MAX and request:
                return ReplyTo(int(partition), request)
    return None


def repartitioned(entity: Entity, record: Record) -> Message:
    """Return the record as it goes on to `transactions-by-card`: the event as JSON, its first source and timestamp kept.

    Its key is the entity's token, not the producer's key: that could be anything, even a card number.
    """
    headers = [(SOURCE_HEADER, source_of(record).encode()), (TIME_HEADER, str(record.timestamp).encode())]
    headers += [(name, value) for name, value in record.headers if name == REPLY_HEADER]
    return Message(entity.token.encode(), record.value or b"", record.timestamp, headers)
