"""Turns raw rows into events on Spark, by the same functions: a task for each batch of each file."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial

from fraudstream.adapters.spark import Spark
from fraudstream.offline.etl.judging import Judged, OnRead, Raw, judged
from fraudstream.offline.import_files import Place
from fraudstream.offline.import_rows import Judge


@dataclass(frozen=True)
class OnSpark:
    """The engine."""

    spark: Spark

    def __call__(self, judge: Judge, files: Sequence[Raw], on_read: OnRead) -> Generator[Judged]:
        """Judge batches in parallel; the first task of each file finds out where they are."""
        places = list(self.spark.mapped(_places, files))
        batches = [(raw, place) for raw, of_file in zip(files, places, strict=True) for place in of_file]
        rows = [sum(place.height for place in of_file) for of_file in places]
        sizes = [raw.path.stat().st_size / max(of_file, 1) for raw, of_file in zip(files, rows, strict=True)]
        for done in self.spark.mapped(partial(_judged, judge), batches):
            yield done
            on_read(round(done.rows * sizes[done.file]))


def _places(raw: Raw) -> list[Place]:
    return list(raw.source.places())


def _judged(judge: Judge, batch: tuple[Raw, Place]) -> Judged:
    raw, place = batch
    return judged(judge, raw, raw.source.batch_at(place, raw.wanted))
