"""What tasks do for a dataset, each with some of its rows, by the functions of one process; and which task goes on with which rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import polars as pl

from fraudstream.domain.features.schema import EVENT_TIME
from fraudstream.domain.labels import COLUMNS as LABEL_COLUMNS
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.windows.cells import Ints
from fraudstream.offline.columns import LABEL
from fraudstream.offline.dataset import CONFLICT, LEARNT, check_label, in_units, read_columns, with_known
from fraudstream.offline.dataset_columns import Column, columns_of, selected
from fraudstream.offline.history import LABELLED, entity_of, identified, with_labelled_id, with_labels
from fraudstream.offline.history_slices import (
    ORDER,
    PLACE,
    HistorySlices,
    Slice,
    by_cuts,
    by_number,
)
from fraudstream.offline.point_in_time import late_by
from fraudstream.offline.train import SplitTimes
from fraudstream.offline.written_dataset import PARTS, TEST, TRAIN, DatasetRequest, write

LATE_BY, PART, PARTITION, CLOCK = "task_late_by_ms", "task_part", "partition", "task_clock_ms"
"""How late a payment is, to which part of the dataset it belongs, its partition, and what it advances the watermark there to."""

Rows = Iterator[tuple[int, pl.DataFrame]]
"""With the task that goes on with them."""

Clocks = Mapping[int, int]
"""Where the watermark of each partition is, epoch ms."""


class Counted(NamedTuple):
    """What the payments of some entities say of the whole."""

    rows: int
    """How many are learnt from, or would be if they had a label."""
    conflicts: Ints
    """Places of payments that are in conflict with their first occurrence."""


class WrittenPart(NamedTuple):
    """A file with some rows of a part of the dataset."""

    name: str
    path: Path
    rows: int
    fraud: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True)
class Tasks:
    """What is asked for, and how the work is divided."""

    asked: DatasetRequest
    times: SplitTimes
    slices: HistorySlices
    cuts: Sequence[int] = field(repr=False)
    """Where the order of arrival is cut."""
    number: int
    """How many tasks there are where rows are divided by entity, or by id."""
    has_labels: bool
    """Whether labels lie in files of their own."""
    columns: Sequence[Column] = field(repr=False)
    """What is written."""
    parts: Path
    """Directory of what tasks write."""

    @property
    def parts_of_order(self) -> int:
        """How many parts the order of arrival has."""
        return len(self.cuts) + 1

    def read(self, _: int, parts: Sequence[Slice]) -> Rows:
        """Read slices; payments go on by order of arrival, or if they get their labels first, by id."""
        for part in parts:
            rows = self.slices.read(part)
            if self.has_labels:
                rows = with_labelled_id(rows)
                yield from by_number(rows, self._task_of(rows[LABELLED]))
            else:
                yield from by_cuts(rows, self.cuts)

    def labels(self, _: int, parts: Sequence[Slice]) -> Rows:
        """Read labels; they go on by id."""
        for path, first, rows in (rows for part in parts for rows in part.parts):
            scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
            labels = scan.slice(first, rows).collect()
            yield from by_number(labels, self._task_of(labels["transaction_id"]))

    def labelled(self, _: int, given: Sequence[pl.DataFrame]) -> Rows:
        """Give payments their labels; they go on by order of arrival."""
        payments = [frame for frame in given if PLACE in frame.columns]
        labels = [frame for frame in given if PLACE not in frame.columns]
        if payments:
            known = pl.concat(labels) if labels else pl.DataFrame(schema=LABEL_COLUMNS)
            rows = with_labels(pl.concat(payments), known, self.times.cut_ms).drop(LABELLED)
            yield from by_cuts(rows, self.cuts)

    def clocks(
        self, task: int, given: Sequence[pl.DataFrame], conflicts: Ints
    ) -> Iterator[tuple[int, tuple[int, Clocks]]]:
        """Say how far payments advance the watermarks; those at the places `conflicts` do not."""
        rows = self._clocked(_arrived(given), conflicts)
        yield task, (task, dict(rows.group_by(PARTITION).agg(pl.max(CLOCK)).iter_rows()))

    def late(
        self, task: int, given: Sequence[pl.DataFrame], conflicts: Ints, before: Sequence[Clocks]
    ) -> Rows:
        """Say how late payments are; `before`: where the watermarks are before each part of the order. They go on by entity."""
        rows = _arrived(given)
        clocked = self._clocked(rows, conflicts)
        time, clock, partition = (clocked[name].to_numpy() for name in (EVENT_TIME.name, CLOCK, PARTITION))
        late_by_ms = late_by(time, clock, partition, before[task])
        rows = rows.with_columns(pl.Series(LATE_BY, late_by_ms))
        yield from by_number(rows, self._task_of(entity_of(rows)))

    def known(self, _: int, given: Sequence[pl.DataFrame]) -> Iterator[tuple[int, pl.DataFrame | Counted]]:
        """Compute what was known at the payments of some entities; those of the dataset go on by order, from the second task on."""
        rows = _with_known(self.asked, _arrived(given))
        learnt = rows.filter(LEARNT)
        yield 0, Counted(learnt.height, rows.filter(CONFLICT)[PLACE].to_numpy())
        yield from ((part + 1, chosen) for part, chosen in by_cuts(self._chosen(learnt), self.cuts))

    def without_entity(
        self, task: int, given: Sequence[pl.DataFrame]
    ) -> Iterator[tuple[int, WrittenPart | Counted]]:
        """Write events of which nothing is known but themselves."""
        rows = _with_known(self.asked, _arrived(given).with_columns(pl.lit(0).alias(LATE_BY)))
        yield task, Counted(rows.height, rows.head(0)[PLACE].to_numpy())
        yield from self.written(task, [self._chosen(rows)])

    def written(self, task: int, given: Sequence[pl.DataFrame]) -> Iterator[tuple[int, WrittenPart]]:
        """Write rows in their order; a task that is done twice leaves the same file."""
        rows = _arrived(given)
        for name in PARTS:
            part = rows.filter(pl.col(PART) == name).drop(ORDER, PLACE, PART)
            if part.is_empty():
                continue
            path = self.parts / f"{name}-{task:06}.parquet"
            draft = path.with_suffix(f".{uuid4().hex}")
            write(part.lazy(), draft)
            draft.replace(path)
            time = part[EVENT_TIME.name].dt.epoch("ms").to_numpy()
            fraud = int(part[LABEL].sum())
            yield task, WrittenPart(name, path, part.height, fraud, int(time.min()), int(time.max()))

    def _task_of(self, names: pl.Series) -> pl.Series:
        return names.hash() % self.number

    def _clocked(self, rows: pl.DataFrame, conflicts: Ints) -> pl.DataFrame:
        """Return payments with their partition, and what each advances its watermark to."""
        columns = (EVENT_TIME.name, PLACE)
        rows = identified(rows, columns, self.asked.partitions, self.asked.event_type)
        clock_ms = pl.when(pl.col(PLACE).is_in(conflicts)).then(0).otherwise(EVENT_TIME.name)
        return rows.with_columns(clock_ms.alias(CLOCK))

    def _chosen(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows and columns that the dataset has."""
        time, times = pl.col(EVENT_TIME.name), self.times
        learnt_ms = times.cut_ms - self.asked.gap_days * DAY_MS
        part = (
            pl.when(time >= times.cut_ms)
            .then(pl.lit(TEST))
            .when((time >= times.first_ms) & (time < learnt_ms))
            .then(pl.lit(TRAIN))
        )
        rows = rows.filter(pl.col(LABEL).is_not_null()).with_columns(part.alias(PART)).drop_nulls(PART)
        return selected(rows, self.columns).hstack(rows.select(ORDER, PLACE, PART))


def columns_of_first(asked: DatasetRequest, slices: HistorySlices, *, has_labels: bool) -> list[Column]:
    """Return the columns that will be written, by the first row; raises SetupError if one is missing, or cannot be left out."""
    first = slices.slices[0]
    rows = slices.read(first._replace(parts=(first.parts[0]._replace(rows=1),)))
    if has_labels:
        rows = with_labels(with_labelled_id(rows), pl.DataFrame(schema=LABEL_COLUMNS), None).drop(LABELLED)
    check_label(rows.columns, asked.source)
    known = _with_known(asked, rows.with_columns(pl.lit(0).alias(LATE_BY)))
    return columns_of(known, asked.event_type, asked.left_out)


def _with_known(asked: DatasetRequest, rows: pl.DataFrame) -> pl.DataFrame:
    """Return payments as `with_known` does, with place and order."""
    columns = (*read_columns(asked.event_type), LATE_BY, ORDER, PLACE)
    paid = in_units(identified(rows, columns, asked.partitions, asked.event_type), asked.event_type)
    late_by_ms = paid[LATE_BY].cast(pl.Int64).to_numpy(writable=True)
    return with_known(paid.drop(LATE_BY), asked.allowed_lateness_ms, asked.event_type, late_by_ms)


def _arrived(given: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return rows in the order in which they came."""
    return pl.concat(given).sort(ORDER, PLACE)
