"""Reads what it can of a record batch that aiokafka cannot decode; `Undecodable` records stand for the rest.

A record whose header names are not UTF-8 is read without headers: Kafka requires text there, but some producers write bytes.
"""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.util import decode_varint

from fraudstream.adapters.kafka.undecodable import Undecodable

LOG_OVERHEAD = struct.Struct(">qi")
"""What every format begins with: the base offset, and how many bytes follow."""

MAGIC_OFFSET = 16
"""Where every format has its version number."""

NO_TIMESTAMP = -1

LISTED_MAX = 1_000_000
"""No batch has more records; if its header says so, only the first offset is listed."""


class Read(NamedTuple):
    """What aiokafka's fetcher takes from a record."""

    offset: int
    timestamp: int
    timestamp_type: int | None
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    checksum: int | None = None


def raw_batch(fetched: bytes, number: int) -> tuple[bytes, int | None]:
    """Return the bytes of batch `number` (from 0) of a fetch, and the base offset of the next batch if there is one."""
    begin = 0
    for _ in range(number):
        begin = _next(fetched, begin)
    end = _next(fetched, begin)
    following = LOG_OVERHEAD.unpack_from(fetched, end)[0] if len(fetched) >= end + LOG_OVERHEAD.size else None
    return fetched[begin:end], following


def end_offset(raw: bytes, following: int | None) -> int:
    """Return the offset after a batch with a wrong checksum: from the next batch, else from a consistent record count."""
    base = base_offset(raw)
    if following is not None and following > base:
        return following
    if _is_present_format(raw):
        batch = _DefaultRecordBatchPy(raw)
        if 0 < batch._num_records == batch.last_offset_delta + 1:
            return int(batch.next_offset)
    return base + 1


def base_offset(raw: bytes) -> int:
    """Return the first offset of a batch; for compressed messages in an old format, the last."""
    return int(LOG_OVERHEAD.unpack_from(raw, 0)[0])


def undecodable(raw: bytes, next_offset: int, why: str, first: int | None = None) -> Iterator[Read]:
    """Return a record for every offset from `first` (default: the batch's base), with why it cannot be decoded."""
    value = Undecodable()
    timestamp_ms = _DefaultRecordBatchPy(raw).max_timestamp if _is_present_format(raw) else NO_TIMESTAMP
    first = base_offset(raw) if first is None else first
    listed = range(first, max(first + 1, next_offset))
    value.why = why if len(listed) <= LISTED_MAX else f"{why}; its offsets go to {next_offset - 1}"
    for offset in listed if len(listed) <= LISTED_MAX else [first]:
        yield Read(offset, timestamp_ms, 0, None, value, [])


def salvaged(raw: bytes, next_offset: int, why: str) -> Iterator[Any]:
    """Return the records of a batch with a right checksum; those that cannot be decoded are `Undecodable`.

    Each record has its length in front, so one that is damaged does not hide the others.
    """
    if not _is_present_format(raw):
        yield from undecodable(raw, next_offset, why)
        return
    batch: Any = _DefaultRecordBatchPy(raw)
    try:
        batch._maybe_uncompress()
    except Exception:  # noqa: BLE001 - every codec has errors of its own; `why` came from the same one
        yield from undecodable(raw, next_offset, why)
        return
    offset, begin, buffer = batch.base_offset, batch._pos, batch._buffer
    for _ in range(batch._num_records):
        try:
            length, start = decode_varint(buffer, begin)
        except (IndexError, ValueError):
            break
        if not 0 < length <= len(buffer) - start:
            break
        try:
            record = _record(batch, begin)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the others are read
            (record,) = undecodable(raw, offset + 1, said(error), offset)
        yield record
        offset, begin = record.offset + 1, start + length
    else:
        return
    yield from undecodable(raw, next_offset, why, offset)


def said(error: Exception) -> str:
    """Return an error in one line; aiokafka's begin with their names."""
    name, text = type(error).__name__, str(error)
    return text if text.startswith(name) else f"{name}: {text}".rstrip(": ")


def _next(fetched: bytes, begin: int) -> int:
    return begin + LOG_OVERHEAD.size + int(LOG_OVERHEAD.unpack_from(fetched, begin)[1])


def _is_present_format(raw: bytes) -> bool:
    return raw[MAGIC_OFFSET] >= 2


def _record(batch: Any, begin: int) -> Any:
    """Read one record, without its headers if their names are not UTF-8."""
    batch._pos = begin
    try:
        return batch._read_msg()
    except UnicodeDecodeError:
        buffer = batch._buffer
        _length, begin = decode_varint(buffer, begin)
        timestamp_delta, begin = decode_varint(buffer, begin + 1)  # behind the attributes
        offset_delta, begin = decode_varint(buffer, begin)
        key, begin = _nullable(buffer, begin)
        value, _ = _nullable(buffer, begin)
        appended = batch.timestamp_type == batch.LOG_APPEND_TIME
        timestamp_ms = batch.max_timestamp if appended else batch.first_timestamp + timestamp_delta
        return Read(batch.base_offset + offset_delta, timestamp_ms, batch.timestamp_type, key, value, [])


def _nullable(buffer: bytearray, begin: int) -> tuple[bytes | None, int]:
    length, begin = decode_varint(buffer, begin)
    return (None, begin) if length < 0 else (bytes(buffer[begin : begin + length]), begin + length)
