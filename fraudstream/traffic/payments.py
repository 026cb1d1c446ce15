"""What can be replayed: payments on disk, in the order they arrived, wherever they come from."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.traffic.loads import LABEL_COLUMNS

CHUNK_ROWS = 8192
"""Payments read and encoded at a time."""

PARQUET_COLUMNS = ("tid", "cc_num", "amount", "event_time", "merchant", "zip_code")


class Payments(Protocol):
    """A history; times are epoch ms."""

    @property
    def fingerprint(self) -> str:
        """Tells histories apart."""
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
        """Return the same payments in a random order that follows from the seed."""
        order = np.random.default_rng(seed).permutation(self.rows)
        return Frame(self.frame[order], self.fingerprint)


@dataclass(frozen=True, slots=True)
class ParquetFiles:
    """One Parquet file, or a history directory with one directory a day; read a file at a time."""

    files: tuple[Path, ...]
    lengths: tuple[int, ...]
    fingerprint: str
    labelled: bool

    @classmethod
    def of(cls, path: Path) -> "ParquetFiles":
        """Find the files below a path; raises SetupError if there are none or they hold no card numbers."""
        files = (path,) if path.is_file() else tuple(sorted(path.glob("date=*/*.parquet")))
        if not files:
            raise SetupError(f"no payments in {path}; make some with: fraudstream generate")
        schema = pl.read_parquet_schema(files[0])
        missing = [name for name in PARQUET_COLUMNS if name not in schema]
        if missing:
            raise SetupError(
                f"{files[0]} cannot be replayed: it has no column {', '.join(missing)}"
                + (" (an archive holds card tokens; a replay needs card numbers)" if "card" in schema else "")
            )
        lengths = tuple(pl.scan_parquet(file).select(pl.len()).collect().item() for file in files)
        seen = "".join(f"{file.name} {file.parent.name} {file.stat().st_size}\n" for file in files)
        digest = hashlib.sha256(seen.encode()).hexdigest()
        return cls(files, lengths, digest, all(name in schema for name in LABEL_COLUMNS))

    @property
    def rows(self) -> int:
        """How many payments there are."""
        return sum(self.lengths)

    def span_ms(self) -> tuple[int, int]:
        """Return the times of the earliest and the latest payment."""
        time = pl.col("event_time")
        spans = pl.scan_parquet(list(self.files), hive_partitioning=False).select(
            time.min().alias("first"), time.max().alias("last")
        )
        first, last = spans.collect().row(0)
        return first, last

    def chunks(self, first_row: int) -> Iterator[pl.DataFrame]:
        """Yield the payments from a row on, in order, CHUNK_ROWS at a time."""
        for file, length in zip(self.files, self.lengths, strict=True):
            if first_row < length:
                yield from self._read(file).slice(first_row).iter_slices(CHUNK_ROWS)
            first_row = max(first_row - length, 0)

    def in_memory(self) -> Frame:
        """Return all payments at once, as shuffling needs them."""
        return Frame(pl.concat([self._read(file) for file in self.files]), self.fingerprint)

    def _read(self, file: Path) -> pl.DataFrame:
        columns = [*PARQUET_COLUMNS, *(LABEL_COLUMNS if self.labelled else ())]
        return pl.read_parquet(file, columns=columns, hive_partitioning=False)
