"""Reads every record batch that a broker sends, whatever wrote it.

aiokafka raises an error for a batch that it cannot decode, never reads past it, drops what it had fetched of other
partitions, and does the same after every restart. Here every offset of such a batch is delivered as a record whose value is
`Undecodable`, so that it gets an outcome like any other (docs/decisions/0015-undecodable-batches.md).
"""

from collections.abc import Iterator
from typing import Any

from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords

from fraudstream.adapters.kafka.damaged_batch import (
    NO_TIMESTAMP,
    Read,
    base_offset,
    end_offset,
    raw_batch,
    said,
    salvaged,
    undecodable,
)
from fraudstream.domain.errors import SetupError

ABORT_KEY = b"\0\0\0\0"
"""A control record's key: version 0, type 0. Any marker ends its transaction, so an unreadable one may count as this."""


class Batches:
    """Stands in for aiokafka's MemoryRecords: the batches of one partition in one fetch."""

    def __init__(self, fetched: bytes) -> None:
        self._fetched = fetched
        self._batches = MemoryRecords(fetched)
        self._taken = 0
        self.has_next = self._batches.has_next
        self.size_in_bytes = self._batches.size_in_bytes

    def next_batch(self) -> "Batch | None":
        """Return the next batch."""
        batch = self._batches.next_batch()
        self._taken += 1
        return None if batch is None else Batch(batch, self._fetched, self._taken - 1)


class Batch:
    """Stands in for aiokafka's batches; decoded by them, and only if that fails by us."""

    __slots__ = (
        "_batch",
        "_fetched",
        "_number",
        "_wrong_checksum",
        "is_control_batch",
        "is_transactional",
        "next_offset",
        "producer_id",
    )

    def __init__(self, batch: Any, fetched: bytes, number: int) -> None:
        self._batch = batch
        self._fetched = fetched
        self._number = number
        self._wrong_checksum = False
        self.is_control_batch: bool = batch.is_control_batch
        self.is_transactional: bool = batch.is_transactional
        self.next_offset: int = batch.next_offset
        self.producer_id: int | None = batch.producer_id

    @property
    def base_offset(self) -> int:
        """Return the offset of the first record."""
        return int(self._batch.base_offset)

    def validate_crc(self) -> bool:
        """Note a wrong checksum: its records become `Undecodable`, and the header's record count is not trusted."""
        if not self._batch.validate_crc():
            self._wrong_checksum = True
            raw, following = raw_batch(self._fetched, self._number)
            self.next_offset = end_offset(raw, following)
            self.is_control_batch = self.is_control_batch and self.next_offset == base_offset(raw) + 1
        return True

    def __next__(self) -> Any:
        """Return the marker of a control batch."""
        try:
            if not self._wrong_checksum:
                return next(self._batch)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, a marker ends its transaction
            self._wrong_checksum = True
        return Read(self.base_offset, NO_TIMESTAMP, 0, ABORT_KEY, b"", [])

    def __iter__(self) -> Iterator[Any]:
        """Return all records."""
        if self._wrong_checksum:
            raw, _ = raw_batch(self._fetched, self._number)
            return undecodable(raw, self.next_offset, "the checksum of the record batch is wrong")
        try:
            records = list(self._batch)
        except Exception as error:  # noqa: BLE001 - every codec has errors of its own
            raw, _ = raw_batch(self._fetched, self._number)
            return salvaged(raw, self.next_offset, said(error))
        return iter(records if type(self._batch) is DefaultRecordBatch else map(_dated, records))


def _dated(record: Any) -> Any:
    """Give a record of the oldest format, which has no timestamp, NO_TIMESTAMP."""
    if record.timestamp is not None:
        return record
    return Read(record.offset, NO_TIMESTAMP, 0, record.key, record.value, [], record.checksum)


def require_codecs() -> None:
    """Raise SetupError if a codec that Kafka knows is missing: the first such batch would be lost."""
    there = {"snappy": codec.has_snappy(), "lz4": codec.has_lz4(), "zstd": codec.has_zstd()}
    missing = [name for name, found in there.items() if not found]
    if missing:
        raise SetupError(
            f"records compressed with {', '.join(missing)} cannot be read, because the Python package cramjam is missing; install it "
            "with: pip install cramjam"
        )


def read_every_batch() -> None:
    """Make the consumers of this process read every batch; raises SetupError if a codec is missing.

    aiokafka has no option for this, so the class is replaced in the module of its fetcher.
    """
    require_codecs()
    fetcher.MemoryRecords = Batches
