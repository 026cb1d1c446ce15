"""Record batches as bytes, whole or damaged, and a stopped broker's log to put them into: brokers refuse them in requests."""

import struct
from collections.abc import Sequence
from pathlib import Path

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from fraudstream.adapters.broker.config import LOG_DIR

CRC = struct.Struct(">I")
CRC_OFFSET, ATTRIBUTES_OFFSET, HEADER_BYTES = 17, 21, 61
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
Header = tuple[str, bytes | None]


def batch(
    base: int,
    values: Sequence[bytes | None],
    timestamp_ms: int,
    codec: str = "none",
    key: bytes | None = None,
    headers: Sequence[Header] = (),
) -> bytes:
    """Return a record batch of the present format."""
    builder = DefaultRecordBatchBuilder(2, CODECS[codec], 0, -1, -1, -1, 1 << 20)
    for number, value in enumerate(values):
        builder.append(number, timestamp_ms, key, value, list(headers))
    return with_base(bytes(builder.build()), base)


def legacy(base: int, value: bytes, timestamp_ms: int | None, magic: int) -> bytes:
    """Return a message of an old format, 0 or 1."""
    builder = LegacyRecordBatchBuilder(magic, 0, 1 << 20)
    builder.append(0, timestamp_ms, None, value)
    return struct.pack(">q", base) + bytes(builder.build())[8:]


def with_base(raw: bytes, base: int) -> bytes:
    """Give a batch its base offset."""
    return struct.pack(">q", base) + raw[8:12] + struct.pack(">i", 0) + raw[16:]


def with_checksum(raw: bytes) -> bytes:
    """Give a batch the checksum of what it holds now."""
    return raw[:CRC_OFFSET] + CRC.pack(calc_crc32c(raw[ATTRIBUTES_OFFSET:])) + raw[ATTRIBUTES_OFFSET:]


def with_codec(raw: bytes, number: int) -> bytes:
    """Say that a batch is compressed by the codec of this number."""
    return with_checksum(raw[: ATTRIBUTES_OFFSET + 1] + bytes([number]) + raw[ATTRIBUTES_OFFSET + 2 :])


def with_wrong_checksum(raw: bytes) -> bytes:
    """Damage the last byte, and leave the checksum as it was."""
    return raw[:-1] + bytes([raw[-1] ^ 1])


def with_damaged_contents(raw: bytes) -> bytes:
    """Damage what is compressed, with a checksum that is right."""
    return with_checksum(raw[:HEADER_BYTES] + bytes(byte ^ 0x55 for byte in raw[HEADER_BYTES:]))


def with_headers_not_utf8(raw: bytes) -> bytes:
    """Make a header's name, `name`, something that is no text; the batch is not compressed."""
    assert b"\x08name" in raw
    return with_checksum(raw.replace(b"\x08name", b"\x08n\xff\xfee"))


def without_records(raw: bytes) -> bytes:
    """Return a batch as compaction leaves it: a header that holds the place of records that are gone."""
    length = struct.pack(">i", HEADER_BYTES - 12)
    return with_checksum(raw[:8] + length + raw[12 : HEADER_BYTES - 4] + struct.pack(">i", 0))


def next_offset(raw: bytes) -> int:
    """Return the offset after a batch."""
    return int(DefaultRecordBatch(raw).next_offset) if raw[16] >= 2 else struct.unpack(">q", raw[:8])[0] + 1


def append(data_dir: Path, topic: str, partition: int, raws: Sequence[bytes]) -> None:
    """Add batches to the log of a partition of a broker that is stopped."""
    (log,) = (data_dir / LOG_DIR / f"{topic}-{partition}").glob("*.log")
    with log.open("ab") as segment:
        segment.writelines(raws)
