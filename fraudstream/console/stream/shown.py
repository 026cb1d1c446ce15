"""What people see of a record: readable, masked where it may hold card numbers, and not more than a screen can hold."""

from dataclasses import dataclass

import msgspec

from fraudstream.adapters.kafka.partition_logs import Record
from fraudstream.adapters.kafka.undecodable import Undecodable
from fraudstream.adapters.schema_registry import schemas_of
from fraudstream.deciding.dead_letters import DeadLetters
from fraudstream.deciding.payloads import NOT_READABLE, Payloads
from fraudstream.domain.card_numbers import masked
from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.raw_values import CONTROL, SHOWN_BYTES_MAX, Shown, looks_like
from fraudstream.settings import Settings
from fraudstream.topics import REPARTITIONED, TRANSACTIONS, Topic

RAW = {TRANSACTIONS.name, REPARTITIONED.name}
"""Topics whose records are payments as they came, card numbers and all."""

TRUSTED = {"worker"}
"""Who masks what it writes; other topics hold what programs and people have sent."""

CHARACTERS_MAX = 20_000
HEADERS_MAX = 32


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """A record for people."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: str | None
    headers: list[tuple[str, str]]
    bytes: int
    text: str
    note: str
    """What is to be said of the value; empty if it is all there."""
    source: "Place | None"
    """Where the event of a decision or of a dead letter lies."""

    @property
    def line(self) -> str:
        """The value on one line."""
        return " ".join(self.text.split())[:300]


class Place(msgspec.Struct, frozen=True):
    """A record's place."""

    topic: str
    partition: int
    offset: int


class _Decided(msgspec.Struct):
    source: Place | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None


class Records:
    """Shows records of one deployment's topics."""

    def __init__(self, settings: Settings, event_type: EventType) -> None:
        self._letters = DeadLetters.of(event_type)
        wire = event_type.wire
        self._payloads = None if wire.is_plain else Payloads(wire, schemas_of(event_type, settings))

    async def shown(self, topic: Topic, record: Record) -> ShownRecord:
        """Return what people may see of a record."""
        value = record.value
        if topic.name in RAW:
            text, note = await self._event(topic, record)
        elif value is None:
            text, note = "", "no value: what has this key is deleted"
        elif isinstance(value, Undecodable):
            text, note = "", f"damaged in Kafka: {value.why}"
        else:
            text, note = _plain(value, topic.written_by not in TRUSTED)
        if record.serialized_value_size > len(value or b""):
            note = f"the first {len(value or b''):,} of {record.serialized_value_size:,} bytes"
        of_us = topic.name not in RAW and topic.written_by in TRUSTED
        return ShownRecord(
            record.topic,
            record.partition,
            record.offset,
            record.timestamp,
            None if record.key is None else _word(record.key, hide=not of_us),
            [(masked(name), _word(text or b"")) for name, text in record.headers[:HEADERS_MAX]],
            max(record.serialized_value_size, 0),
            text,
            note,
            _source(value) if of_us else None,
        )

    async def _event(self, topic: Topic, record: Record) -> tuple[str, str]:
        """Return a payment as it came, decoded if it is not JSON, and masked as in dead letters."""
        value, note = record.value, ""
        if isinstance(value, Undecodable):
            return "", f"damaged in Kafka: {value.why}"
        if self._payloads is not None and topic.name == TRANSACTIONS.name and value:
            try:
                await self._payloads.ready([record])
                value = self._payloads.opened(record).value
                note = "decoded"
            except InvalidTransaction as error:
                note = error.detail
        shown = Shown(value, record.timestamp, self._letters.times, self._letters.digits_min)
        whole = len(value or b"") <= SHOWN_BYTES_MAX
        return indented(shown.payload), note if whole else f"the first {SHOWN_BYTES_MAX:,} bytes"


def _plain(value: bytes, hide: bool) -> tuple[str, str]:
    """Return a value as text, as JSON if it is, and what is to be said of it."""
    try:
        text = msgspec.json.format(value, indent=2).decode()
    except NOT_READABLE:
        text = value.decode("utf-8", "replace")
    if CONTROL.search(text) or "\ufffd" in text[:200]:
        what = looks_like(value)
        return "", f"{len(value):,} bytes that are not text{f' and look like {what}' if what else ''}"
    cut = text[:CHARACTERS_MAX]
    note = "" if cut == text else f"the first {CHARACTERS_MAX:,} characters"
    return masked(cut) if hide else cut, note


def _word(value: bytes, hide: bool = True) -> str:
    """Return a key or a header as text."""
    text = value[:512].decode("utf-8", "replace")
    if CONTROL.search(text) or "\ufffd" in text:
        return f"({len(value)} bytes)"
    return (masked(text) if hide else text)[:200]


def _source(value: bytes | None) -> Place | None:
    """Return where the event of a decision or of a dead letter lies."""
    try:
        decided = msgspec.json.decode(value or b"", type=_Decided)
    except NOT_READABLE:
        return None
    if decided.source is not None:
        return decided.source
    if decided.topic is None or decided.partition is None or decided.offset is None:
        return None
    return Place(decided.topic, decided.partition, decided.offset)


def indented(text: str) -> str:
    """Return JSON over lines; masked JSON is none any more, so its signs are followed one by one.

    >>> print(indented('{"card": ***, "list": [1, {}], "said": "a,{b"}'))
    {
      "card": ***,
      "list": [
        1,
        {}
      ],
      "said": "a,{b"
    }
    """
    if not text.lstrip().startswith(("{", "[")):
        return text
    out: list[str] = []
    depth, quoted, escaped = 0, False, False
    for place, sign in enumerate(text):
        if quoted:
            quoted = escaped or sign != '"'
            escaped = sign == "\\" and not escaped
            out.append(sign)
        elif sign in "{[":
            depth += 1
            empty = text[place + 1 : place + 2] in ("}", "]")
            out.append(sign if empty else sign + _line(depth))
        elif sign in "}]":
            depth = max(depth - 1, 0)
            out.append(sign if out and out[-1] in ("{", "[") else _line(depth) + sign)
        elif sign == ",":
            out.append(sign + _line(depth))
        elif sign == ":":
            out.append(": ")
        elif not sign.isspace():
            quoted = sign == '"'
            out.append(sign)
    return "".join(out)


def _line(depth: int) -> str:
    return "\n" + "  " * min(depth, 40)
