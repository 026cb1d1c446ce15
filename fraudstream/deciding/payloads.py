"""Takes events out of records' values, as JSON for the parser."""

import dataclasses
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from fraudstream.deciding.records import Record
from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.events.envelope import Envelope
from fraudstream.domain.events.parser import VALUE_BYTES_MAX
from fraudstream.domain.events.raw_values import looks_like
from fraudstream.domain.events.wire import HEADER_BYTES, MISMATCH, Wire


class Schemas(Protocol):
    """What is needed of the schemas in a registry."""

    def decode(self, schema_id: int, body: bytes) -> bytes:
        """Return a body as JSON; raises InvalidTransaction, or LookupError for an id that is not `ready`."""
        ...

    async def ready(self, ids: Collection[int], wanted: Callable[[], bool]) -> bool:
        """Wait until all ids can be decoded or are known to be unknown; False if that is not wanted any more."""
        ...


class Payloads:
    """Opens the values of records that are not plain JSON."""

    def __init__(self, wire: Wire, schemas: Schemas | None) -> None:
        self._wire = wire
        self._schemas = schemas
        self._envelope = Envelope(wire.payload)
        self._data = Envelope(wire.payload[1:]) if wire.payload[:1] == ("data",) else self._envelope
        """Of a CloudEvent in binary mode: its value is the `data` itself."""

    def opened(self, record: Record) -> Record:
        """Return a record with the event as its value; raises InvalidTransaction."""
        value = record.value
        if not value:
            return record
        if len(value) > VALUE_BYTES_MAX:
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
