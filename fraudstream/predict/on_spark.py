"""Decides slices of files on Spark, with the very same decider: what one process would have decided, bit by bit.

What is known of an event are the rows before it of its partition, as in a worker: windows, watermark and sequence are each
partition's own. So slices are read in parallel, their events decided in parallel by partition, slice after slice, and the rows
put together in parallel by slice. Some slices at a time; what they have changed is kept with them, as by one process.
"""

import asyncio
import pickle
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple, TypeAlias

import polars as pl

from fraudstream.adapters.spark import FAILURES, Failure, Spark, caught, told
from fraudstream.domain.events.parser import Payment
from fraudstream.notebook.decisions import REFUSED, ROW, home_of
from fraudstream.notebook.reading import Read
from fraudstream.predict.activity import FileActivity, together
from fraudstream.predict.columns import READ
from fraudstream.predict.directory import Made
from fraudstream.predict.request import Request
from fraudstream.predict.run import Prediction, Work
from fraudstream.predict.slices import Place, Placed, Slice


class Given(NamedTuple):
    """What a task gets that reads: a slice, and what is known of some partitions, which it passes on."""

    placed: Placed
    remembered: "list[tuple[int, Remembered]]"


class Events(NamedTuple):
    """The events of a slice that one task decides, and their rows in it."""

    number: int
    payments: list[Payment]
    rows: list[int]


class Remembered(NamedTuple):
    """What is known of a partition before the first of the slices."""

    changes: bytes


class Unmade(NamedTuple):
    """A slice as it was read, and the rows that are no events."""

    part: Slice
    refused: dict[int, str]

    @property
    def number(self) -> int:
        """The slice's."""
        return self.part.number


class Failed(NamedTuple):
    """What went wrong with a slice."""

    number: int
    error: Failure


class Piece(NamedTuple):
    """Decisions of some events of a slice, with their rows, and what they have changed."""

    decided: pl.DataFrame
    changes: bytes


InLane: TypeAlias = Events | Remembered | Unmade | Failed
"""What a task gets that decides."""
Part: TypeAlias = Piece | Unmade | Failed
"""Of a slice."""


@dataclass(frozen=True)
class Lanes:
    """Which task gets what: each partition has one, and each slice."""

    partitions: int
    slices: int

    def of_slice(self, number: int) -> int:
        """Return the task that the rows of a slice pass through, and events without an entity: nothing is known of them."""
        return self.partitions + number % self.slices

    def of_event(self, number: int, payment: Payment) -> int:
        """Return the task that decides an event."""
        return self.of_slice(number) if payment.entity is None else home_of(payment)

    @property
    def count(self) -> int:
        """How many tasks there are."""
        return self.partitions + self.slices


@dataclass(frozen=True)
class OnSpark:
    """The engine."""

    spark: Spark
    request: Request

    async def __call__(self, work: Work) -> AsyncGenerator[Made]:
        """Decide as many slices at a time as there are cores."""
        asked = pickle.dumps(self.request)
        files, at_once = work.prediction.files, self.spark.cores
        places = list(self.spark.mapped(partial(_places, asked), range(len(files.paths)), work.beat))
        left = files.placed(places)[work.skipped :]
        for first in range(0, len(left), at_once):
            some, known = left[first : first + at_once], work.activity.known()
            decide = partial(self._decided, asked, some, known, work.is_csv)
            for made in map(told, self.spark.awaited(decide, work.beat)):
                work.activity.remember(made.changes)
                yield made

    def _decided(
        self, asked: bytes, slices: Sequence[Placed], known: Mapping[int, bytes], is_csv: bool
    ) -> list[Made | Failure]:
        """Decide slices, which are returned in order."""
        lanes = Lanes(self.request.settings.partitions, len(slices))
        given = [Given(each, []) for each in slices]
        for partition, changes in known.items():
            given[partition % len(given)].remembered.append((partition, Remembered(changes)))
        made = (
            self.spark.context.parallelize(given, len(given))
            .flatMap(partial(_read, asked, lanes))
            .partitionBy(lanes.count, int)
            .mapPartitions(partial(_decided, asked))
            .partitionBy(len(given), int)
            .mapPartitions(partial(_made, asked, is_csv))
        )
        found: dict[int, Made | Failure] = dict(made.collect())
        return [found[each.number] for each in slices]


@lru_cache(1)
def _prediction(asked: bytes) -> Prediction:
    """Return what is to be done, which a process finds out once."""
    request: Request = pickle.loads(asked)  # noqa: S301 - Spark's own tasks are pickled, too
    return request.prediction()


def _places(asked: bytes, number: int) -> list[Place]:
    files = _prediction(asked).files
    return files.places(files.paths[number])


def _read(asked: bytes, lanes: Lanes, given: Given) -> Iterator[tuple[int, InLane]]:
    """Yield what is in a slice, with the task that it is for."""
    yield from given.remembered
    number, found = given.placed.number, caught(partial(_unmade, asked), given.placed)
    if isinstance(found, FAILURES):
        yield lanes.of_slice(number), Failed(number, found)
        return
    part, read = found
    yield lanes.of_slice(number), Unmade(part, read.refused)
    events: dict[int, Events] = {}
    for payment, row in zip(read.payments, read.rows, strict=True):
        lane = lanes.of_event(number, payment)
        of_lane = events.setdefault(lane, Events(number, [], []))
        of_lane.payments.append(payment)
        of_lane.rows.append(row)
    yield from events.items()


def _unmade(asked: bytes, placed: Placed) -> tuple[Slice, Read]:
    prediction = _prediction(asked)
    part = prediction.files.at(placed)
    return part, prediction.rows.events(part)


def _decided(asked: bytes, lane: Iterable[tuple[int, InLane]]) -> Iterator[tuple[int, Part]]:
    """Decide what one task gets, slice after slice; yields what becomes of each slice."""
    prediction = _prediction(asked)
    activity = FileActivity(prediction.event_type.windows, prediction.allowed_lateness_ms)
    events: list[Events] = []
    for _, given in lane:
        if isinstance(given, Events):
            events.append(given)
        elif isinstance(given, Remembered):
            activity.remember(given.changes)
        else:
            yield given.number, given
    events.sort(key=lambda each: each.number)
    pieces = caught(lambda some: asyncio.run(_pieces(prediction, activity, some)), events)
    for place, each in enumerate(events):
        yield each.number, Failed(each.number, pieces) if isinstance(pieces, FAILURES) else pieces[place]


async def _pieces(prediction: Prediction, activity: FileActivity, events: Sequence[Events]) -> list[Piece]:
    decider, weekly, made = prediction.decider(activity), prediction.weekly, []
    if events:
        await weekly.connect()
    try:
        for _, payments, rows in events:
            read = Read(payments, list(range(len(payments))))
            decided = await decider.decided(read, len(payments), weekly)
            kept = decided.select(name for name in decided.columns if name in READ)
            made.append(Piece(kept.with_columns(pl.Series(ROW, rows, pl.Int64)), activity.changes()))
    finally:
        await weekly.close()
    return made


def _made(
    asked: bytes, is_csv: bool, parts: Iterable[tuple[int, Part]]
) -> Iterator[tuple[int, Made | Failure]]:
    """Put the slice of a task together."""
    every = list(parts)
    if every:
        made = caught(partial(_together, _prediction(asked), is_csv), [part for _, part in every])
        yield every[0][0], made


def _together(prediction: Prediction, is_csv: bool, parts: Sequence[Part]) -> Made:
    for failed in parts:
        if isinstance(failed, Failed):
            raise failed.error
    (unmade,) = (each for each in parts if isinstance(each, Unmade))
    pieces = [each for each in parts if isinstance(each, Piece)]
    refused = pl.DataFrame(
        {ROW: list(unmade.refused), REFUSED: list(unmade.refused.values())},
        {ROW: pl.Int64, REFUSED: pl.String},
    )
    frames = [prediction.nothing(), *(each.decided for each in pieces), refused]
    decided = pl.concat(frames, how="diagonal_relaxed").sort(ROW).drop(ROW)
    return prediction.made(unmade.part, decided, together(each.changes for each in pieces), is_csv=is_csv)
