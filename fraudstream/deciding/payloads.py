"""Takes events out of records' values, as JSON for the parser."""

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple, Protocol

import msgspec

from fraudstream.deciding.records import EventRecord, Record
from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.events.envelope import BOM, NO_PAYLOAD, Envelope
from fraudstream.domain.events.parser import VALUE_BYTES_MAX
from fraudstream.domain.events.raw_values import looks_like
from fraudstream.domain.events.wire import HEADER_BYTES, MISMATCH, Wire

EVENTS_MAX = 100_000
"""Events of one record: each gets an outcome of its own, and a few bytes are enough to ask for one."""

NOT_READABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Schemas(Protocol):
    """What is needed of the schemas in a registry."""

    def decode(self, schema_id: int, body: bytes) -> bytes:
        """Return a body as JSON; raises InvalidTransaction, or LookupError for an id that is not `ready`."""
        ...

    async def ready(self, ids: Collection[int], wanted: Callable[[], bool]) -> bool:
        """Wait until all ids can be decoded or are known to be unknown; False if that is not wanted any more."""
        ...


class Refused(NamedTuple):
    """An event that is not where the event type says, and why."""

    event: Record
    error: InvalidTransaction


class Payloads:
    """Opens the values of records that are not plain JSON."""

    def __init__(self, wire: Wire, schemas: Schemas | None) -> None:
        self._wire = wire
        self._schemas = schemas
        self._element = Envelope(wire.payload)
        """Around each of several events."""
        path = wire.array if wire.events == "array" else wire.payload if wire.events == "one" else ()
        self._envelope = Envelope(path)
        """Around the one event, or around the array."""
        self._data = Envelope(path[1:]) if path[:1] == ("data",) else self._envelope
        """Of a CloudEvent in binary mode: its value is the `data` itself."""
        self._decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode

    def events(self, record: Record) -> Iterator[Record | Refused]:
        """Yield each event of a record as a record of its own, or why it is none; raises InvalidTransaction for the whole."""
        opened = self.opened(record)
        if not self._wire.has_several or not opened.value:
            yield opened
            return
        parts = self._lines(opened.value) if self._wire.events == "lines" else self._elements(opened.value)
        if parts is None:
            yield opened
            return
        for number, part in parts:
            place = record.topic, record.partition, record.offset, record.timestamp
            event = EventRecord(*place, part, record.headers, number)
            try:
                yield (
                    dataclasses.replace(event, value=self._element.opened(part))
                    if self._wire.payload
                    else event
                )
            except InvalidTransaction as error:
                yield Refused(event, error)

    def _elements(self, value: bytes) -> list[tuple[int, bytes]] | None:
        """Return the elements of an array with their numbers; None if the value is no JSON, which the parser says best."""
        try:
            elements = self._decode_array(value)
        except msgspec.ValidationError as error:
            raise InvalidTransaction(
                "invalid-field", f"{error}: the event type has arrays of events"
            ) from None
        except NOT_READABLE:
            return None
        if not elements:
            raise InvalidTransaction(NO_PAYLOAD, "the array of events is empty")
        _check(len(elements))
        return [(number, bytes(element)) for number, element in enumerate(elements, 1)]

    def _lines(self, value: bytes) -> list[tuple[int, bytes]] | None:
        """Return the lines that are not blank, with their numbers; None if all are."""
        _check(value.count(b"\n"))
        lines = enumerate(value.removeprefix(BOM).split(b"\n"), 1)
        return [(number, line) for number, line in lines if line.strip()] or None

    def opened(self, record: Record) -> Record:
        """Return a record with the event, or all of its events, as its value; raises InvalidTransaction."""
        value = record.value
        if not value:
            return record
        if len(value) > VALUE_BYTES_MAX and not self._wire.has_several:
            raise InvalidTransaction("too-large", f"{len(value)} bytes are more than {VALUE_BYTES_MAX}")
        if self._wire.format != "json":
            value = self._decoded(value)
        envelope = self._data if _is_binary_cloud_event(record) else self._envelope
        return dataclasses.replace(record, value=envelope.opened(value))

    async def ready(self, records: Iterable[Record], wanted: Callable[[], bool] = lambda: True) -> bool:
        """Wait for the schemas of records; False if that is not wanted any more."""
        if self._schemas is None:
            return True
        ids = {
            int.from_bytes(record.value[1:HEADER_BYTES])
            for record in records
            if record.value and record.value[0] == 0 and len(record.value) >= HEADER_BYTES
        }
        return await self._schemas.ready(ids, wanted)

    def _decoded(self, value: bytes) -> bytes:
        schema_id, body = schema_id_of(value), value[HEADER_BYTES:]
        return body if self._schemas is None else self._schemas.decode(schema_id, body)


def _check(events: int) -> None:
    if events > EVENTS_MAX:
        raise InvalidTransaction("too-large", f"{events} events in one record are more than {EVENTS_MAX}")


def schema_id_of(value: bytes) -> int:
    """Return the schema's id in a value; raises InvalidTransaction.

    >>> schema_id_of(b"\\0\\0\\0\\0\\x2a...")
    42
    """
    if value[:1] != b"\0" or len(value) < HEADER_BYTES:
        looks = looks_like(value) or ("JSON" if value.lstrip()[:1] in (b"{", b"[") else None)
        raise InvalidTransaction(
            MISMATCH,
            "the value does not begin with a zero byte and the id of a schema, as in Confluent's wire format"
            f"{f', and looks like {looks}' if looks else ''}",
        )
    return int.from_bytes(value[1:HEADER_BYTES])


def _is_binary_cloud_event(record: Record) -> bool:
    """Tell whether a record's headers are those of a CloudEvent in binary mode; in structured mode it has none of them."""
    return any(name == "ce_specversion" for name, _ in record.headers)
