"""Payments that can be replayed: on disk or in memory, in the order they arrived."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl

from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import Type
from fraudstream.offline.columns import AMOUNT, IDS, NUMBER, TIME, kinds_of
from fraudstream.offline.history import files_of
from fraudstream.offline.opening import opened, payment_files
from fraudstream.traffic.encoder import LABEL_COLUMNS

CHUNK_ROWS = 8192
"""Payments read and encoded at a time."""


def columns_of(event_type: EventType) -> dict[str, Type]:
    """Return the columns of an event type's payments that are read, with the types of those that may be missing."""
    entity = {NUMBER: pl.String} if event_type.entity else {}
    return {IDS[0]: pl.String, **entity, AMOUNT: pl.Float64, TIME: pl.Int64, **event_type.columns}


class Payments(Protocol):
    """A history; times are epoch ms."""

    @property
    def fingerprint(self) -> str:
        """A hash that differs for different histories."""
        ...

    @property
    def rows(self) -> int:
        """How many payments there are."""
        ...

    def span_ms(self) -> tuple[int, int]:
        """Return the times of the earliest and the latest payment."""
        ...

    def chunks(self, first_row: int) -> Iterator[pl.DataFrame]:
        """Yield the payments from a row on, in order, CHUNK_ROWS at a time."""
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """Payments in memory."""

    frame: pl.DataFrame
    fingerprint: str

    @property
    def labelled(self) -> bool:
        """Whether it has labels."""
        return LABEL_COLUMNS[0] in self.frame.columns

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.frame)

    def span_ms(self) -> tuple[int, int]:
        """Return the times of the earliest and the latest payment."""
        first, last = self.frame.select(
            pl.col("event_time").min().alias("first"), pl.col("event_time").max().alias("last")
        ).row(0)
        return first, last

    def chunks(self, first_row: int) -> Iterator[pl.DataFrame]:
        """Yield the payments from a row on, in order, CHUNK_ROWS at a time."""
        yield from self.frame.slice(first_row).iter_slices(CHUNK_ROWS)

    def shuffled(self, seed: int) -> "Frame":
        """Return the same payments in a random order given by the seed."""
        order = np.random.default_rng(seed).permutation(self.rows)
        return Frame(self.frame[order], self.fingerprint)


@dataclass(frozen=True, slots=True)
class ParquetFiles:
    """One Parquet file, or a history directory with one directory a day; read a file at a time."""

    files: tuple[Path, ...]
    lengths: tuple[int, ...]
    fingerprint: str
    labelled: bool
    event_type: EventType

    @classmethod
    def of(cls, path: Path, event_type: EventType) -> "ParquetFiles":
        """Open a file or a history; raises SetupError if there is none, or a row that is not a payment with a card number."""
        files = (path,) if path.is_file() else tuple(files_of(path, date.min, date.max))
        _, types = payment_files(files, (*columns_of(event_type), *LABEL_COLUMNS), kinds_of(event_type))
        lengths = tuple(pl.scan_parquet(file, glob=False).select(pl.len()).collect().item() for file in files)
        seen = "".join(f"{file.name} {file.parent.name} {file.stat().st_size}\n" for file in files)
        digest = hashlib.sha256(seen.encode()).hexdigest()
        return cls(files, lengths, digest, LABEL_COLUMNS[0] in types, event_type)

    @property
    def rows(self) -> int:
        """How many payments there are."""
        return sum(self.lengths)

    def span_ms(self) -> tuple[int, int]:
        """Return the times of the earliest and the latest payment."""
        spans = opened(self.files, (TIME,)).select(
            pl.col(TIME).min().alias("first"), pl.col(TIME).max().alias("last")
        )
        first, last = spans.collect().row(0)
        return first, last

    def chunks(self, first_row: int) -> Iterator[pl.DataFrame]:
        """Yield the payments from a row on, in order, CHUNK_ROWS at a time."""
        before = 0
        for file, length in zip(self.files, self.lengths, strict=True):
            if first_row < before + length:
                yield from (
                    self._read([file], before).slice(max(first_row - before, 0)).iter_slices(CHUNK_ROWS)
                )
            before += length

    def in_memory(self) -> Frame:
        """Return all payments at once, as shuffling needs them."""
        return Frame(self._read(self.files, 0), self.fingerprint)

    def _read(self, files: Sequence[Path], before: int) -> pl.DataFrame:
        """Read files with `before` payments before them; a payment without id gets one made of its place.

        So sending it twice counts once.
        """
        types = columns_of(self.event_type)
        columns = (*types, *(LABEL_COLUMNS if self.labelled else ()))
        frame = opened(files, columns, kinds_of(self.event_type)).collect()
        missing = [
            pl.lit(None, types.get(name, pl.String)).alias(name)
            for name in columns
            if name not in frame.columns
        ]
        frame = frame.with_columns(missing).select(columns)
        if not frame["tid"].has_nulls():
            return frame
        place = pl.format(
            "{}-{}", pl.lit(self.fingerprint[:12]), pl.int_range(before + 1, before + 1 + pl.len())
        )
        return frame.with_columns(tid=pl.coalesce(pl.col("tid").cast(pl.String), place))
