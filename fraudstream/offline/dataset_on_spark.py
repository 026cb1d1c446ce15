"""Writes a dataset on Spark by the functions of one process: the same rows in the same order, and so the same bytes.

Rows go from task to task: to where their label is, if labels came later; to where they are in the order of arrival, where the
watermarks are known; to where their entity is, where windows and weeks are computed; and back in order, where they are written.
No task holds more than some slices or entities, and the command none of the rows.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fraudstream.adapters.spark import Spark
from fraudstream.offline.dataset import described, read_columns
from fraudstream.offline.dataset_tasks import Clocks, Counted, Tasks, WrittenPart, columns_of_first
from fraudstream.offline.history import dates_of, files_of, label_files
from fraudstream.offline.history_slices import ROWS_AT_ONCE, HistorySlices, boundaries, cut
from fraudstream.offline.train import SplitTimes, check_fraud, range_between
from fraudstream.offline.written_dataset import PARTS, DatasetRequest, Made, write


@dataclass(frozen=True)
class OnSpark:
    """The engine."""

    spark: Spark
    rows_at_once: int = ROWS_AT_ONCE

    def __call__(self, asked: DatasetRequest, directory: Path) -> Made:
        """Write the two parts into a directory that all machines see."""
        dates = dates_of(asked.source)
        files = files_of(asked.source, dates[0], date.max)
        slices = HistorySlices.of(files, read_columns(asked.event_type), asked.event_type, self.rows_at_once)
        if not slices.slices:
            check_fraud(dates, 0, (0, 0), (0, 0))
        samples = list(self.spark.mapped(slices.checked, slices.slices))
        labels = cut(label_files(asked.source, slices.types.names()), self.rows_at_once)
        tasks = Tasks(
            asked,
            SplitTimes.of(dates),
            slices,
            boundaries(slices, samples, self.rows_at_once),
            max(self.spark.cores, -(-slices.rows // self.rows_at_once)),
            bool(labels),
            columns_of_first(asked, slices, has_labels=bool(labels)),
            directory / "parts",
        )
        tasks.parts.mkdir()
        counted, parts = self._written(tasks, self._arrived(tasks, labels))
        rows = sum(each.rows for each in counted)
        sides = {name: [part for part in parts if part.name == name] for name in PARTS}
        check_fraud(dates, rows, *(_counts(side) for side in sides.values()))
        for name, side in sides.items():
            together = pl.scan_parquet([part.path for part in side], glob=False, hive_partitioning=False)
            write(together, directory / f"{name}.parquet")
        shutil.rmtree(tasks.parts)
        return Made(
            described(dates, rows), {name: _range(side) for name, side in sides.items()}, tasks.columns
        )

    def _arrived(self, tasks: Tasks, labels: Sequence[Any]) -> Any:
        """Return payments with their labels, in the order of arrival."""
        rows = self.spark.given(tasks.slices.slices, tasks.read)
        if labels:
            both = rows.union(self.spark.given(labels, tasks.labels))
            rows = self.spark.then(self.spark.exchanged(both, tasks.number), tasks.labelled)
        elif tasks.slices.in_order:
            return rows
        return self.spark.exchanged(rows, tasks.parts_of_order)

    def _written(self, tasks: Tasks, arrived: Any) -> tuple[list[Counted], list[WrittenPart]]:
        """Write parts, in order; return what is said of all payments, too."""
        if tasks.asked.event_type.entity is None:
            made = self.spark.collected(self.spark.then(arrived, tasks.without_entity))
            return [each for each in made if isinstance(each, Counted)], [
                each for each in made if isinstance(each, WrittenPart)
            ]
        counted, known = self._known(tasks, arrived, np.empty(0, np.int64))
        conflicts = np.concatenate([each.conflicts for each in counted])
        if len(conflicts):  # they move no clock, and whether a payment is one does not depend on the clock
            counted, known = self._known(tasks, arrived, conflicts)
        others = range(1, tasks.parts_of_order + 1)
        return counted, self.spark.collected(self.spark.then(known, tasks.written), only=others)

    def _known(self, tasks: Tasks, arrived: Any, conflicts: Any) -> tuple[list[Counted], Any]:
        """Return payments with what was known at each, in the order of arrival, and what is said of all, which is the first task's."""
        spark = self.spark
        clocks = dict(spark.collected(spark.then(arrived, partial(tasks.clocks, conflicts=conflicts))))
        before: list[Clocks] = [{}]
        for task in range(tasks.parts_of_order - 1):
            before.append(_later(before[-1], clocks.get(task, {})))
        late = spark.then(arrived, partial(tasks.late, conflicts=conflicts, before=before))
        known = spark.then(spark.exchanged(late, tasks.number), tasks.known)
        ordered = spark.exchanged(known, tasks.parts_of_order + 1)
        return spark.collected(ordered, only=[0]), ordered


def _later(one: Clocks, other: Clocks) -> Clocks:
    """Return where watermarks are after both."""
    return {
        partition: max(clock[partition] for clock in (one, other) if partition in clock)
        for partition in {*one, *other}
    }


def _counts(side: Sequence[WrittenPart]) -> tuple[int, int]:
    return sum(part.rows for part in side), sum(part.fraud for part in side)


def _range(side: Sequence[WrittenPart]) -> dict[str, Any]:
    first_ms, last_ms = min(part.first_ms for part in side), max(part.last_ms for part in side)
    return range_between(first_ms, last_ms, *_counts(side))
