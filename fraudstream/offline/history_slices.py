"""Cuts a history or an archive into slices that fit into memory, and says which rows came before which, without reading all at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.offline.columns import Kinds, kinds_of
from fraudstream.offline.history import OFFSET, stored_columns
from fraudstream.offline.opening import PaymentFile, typed_files

ROWS_AT_ONCE = 1 << 19
"""Rows of a slice: with twenty columns and what is computed of them some hundred MB."""

PLACE, ORDER = "place_in_files", "order_of_arrival"
"""A row's number in all files, and what rows are sorted by, before that number, for their order of arrival."""

EVERY = 1 << 10
"""Of so many rows one says where the order of arrival is cut into parts of about the same size."""


class Part(NamedTuple):
    """Rows of one file."""

    path: Path
    first: int
    rows: int


class Slice(NamedTuple):
    """Rows of one file, or of several small ones."""

    parts: tuple[Part, ...]
    place: int
    """How many rows of the files come before it."""


def cut(files: Sequence[Path], rows_at_once: int = ROWS_AT_ONCE) -> list[Slice]:
    """Return slices of so many rows, the last of fewer."""
    slices: list[Slice] = []
    parts: list[Part] = []
    place = room = 0
    for path in files:
        first, rows = 0, pl.scan_parquet(path, glob=False, hive_partitioning=False).select(pl.len())
        left = int(rows.collect().item())
        while left:
            if not room:
                parts, room = [], rows_at_once
                slices.append(Slice((), place))
            taken = min(left, room)
            parts.append(Part(path, first, taken))
            slices[-1] = slices[-1]._replace(parts=tuple(parts))
            first, left, room, place = first + taken, left - taken, room - taken, place + taken
    return slices


@dataclass(frozen=True)
class HistorySlices:
    """The payments of files, slice by slice. `columns` as for `read_payments`; `types` are what the columns have in all files."""

    event_type: EventType
    columns: tuple[str, ...]
    types: pl.Schema
    slices: Sequence[Slice] = field(repr=False)

    @classmethod
    def of(
        cls, files: Sequence[Path], columns: tuple[str, ...], event_type: EventType, rows_at_once: int
    ) -> "HistorySlices":
        """Look at the files' columns; raises SetupError if one does not fit."""
        _, types = typed_files(files, stored_columns(columns, event_type), kinds_of(event_type))
        if OFFSET in types and not types[OFFSET].is_numeric():
            raise SetupError(f"the column {OFFSET} of {files[0]} and others holds no whole numbers")
        return cls(event_type, columns, types, cut(files, rows_at_once))

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(part.rows for each in self.slices for part in each.parts)

    @property
    def in_order(self) -> bool:
        """Whether payments lie in the files in the order in which they came."""
        return OFFSET not in self.types

    def checked(self, part: Slice) -> pl.Series:
        """Check the rows of a slice; return the order of some of them. Raises SetupError that names file, column and row."""
        for file, first, rows in self._files(part):
            file.check_part(first, rows)
        if self.in_order:
            return pl.Series(ORDER, [], pl.Int64)
        return self._read(part, {OFFSET: self.types[OFFSET]})[ORDER].sort().gather_every(EVERY)

    def read(self, part: Slice) -> pl.DataFrame:
        """Return the payments of a slice as files have them, with their place and order."""
        return self._read(part, self.types)

    def _read(self, part: Slice, types: Mapping[str, pl.DataType]) -> pl.DataFrame:
        frame = pl.concat(
            [file.typed(types, first, rows) for file, first, rows in self._files(part)]
        ).collect()
        place = pl.int_range(part.place, part.place + frame.height, dtype=pl.Int64, eager=True).alias(PLACE)
        return frame.with_columns(place).with_columns(self._came())

    def _came(self) -> pl.Expr:
        """Return what payments are sorted by: archived ones by the order of decisions, after all others."""
        place = pl.col(PLACE)
        decided = pl.lit(None, pl.Int64) if self.in_order else pl.col(OFFSET).cast(pl.Int64)
        return pl.coalesce(decided, place - self.rows).alias(ORDER)

    def _files(self, part: Slice) -> Iterator[tuple[PaymentFile, int, int]]:
        kinds: Kinds = kinds_of(self.event_type)
        for path, first, rows in part.parts:
            yield PaymentFile(path, stored_columns(self.columns, self.event_type), kinds), first, rows


def boundaries(slices: HistorySlices, samples: Sequence[pl.Series], rows_at_once: int) -> list[int]:
    """Return where to cut the order of arrival; `samples`: what `checked` says of each slice."""
    if slices.in_order:
        return [each.place - slices.rows for each in slices.slices[1:]]
    return pl.concat(samples).sort().gather_every(max(1, rows_at_once // EVERY))[1:].unique().sort().to_list()


def by_number(frame: pl.DataFrame, number: pl.Series) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the rows of each number, in their order."""
    name = "_number"
    for (which,), rows in frame.with_columns(number.alias(name)).partition_by(name, as_dict=True).items():
        yield int(which), rows.drop(name)


def by_cuts(frame: pl.DataFrame, cuts: Sequence[int]) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the rows of each part of the order of arrival, between two of its `cuts`."""
    return by_number(frame, pl.Series(np.searchsorted(np.asarray(cuts, np.int64), frame[ORDER], "right")))
