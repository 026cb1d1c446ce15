"""The archive's files: one directory a day, Parquet, named by the offsets they hold.

`date=2026-11-21/decisions-00002-00000000000000000100-00000000000000000199.parquet` holds every decision of partition 2 with
an offset from 100 to 199 whose payment happened on that day. The names alone say what is archived: after a kill, the
archiver does not write those rows again. A file whose offsets lie inside another's was left behind by a killed
compaction and is ignored.
"""

import asyncio
import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, TypeAlias

import polars as pl

from fraudstream.adapters.archive.objects import ObjectStore

LABELS_FOLDER = "labels/"

SMALL_BYTES = 32_000_000
"""Files are merged until a day's partition has pieces of about this size."""

GROUP_ROWS = 16_384
"""Rows of a Parquet row group: whoever wants a few payments decompresses no more. Of a file of 83,333 rows in one group a payment took
27 ms to read, and takes 5; the file grows by 1.3 %."""

ROW = "#row"
"""Column with a row's number in its file, where one is asked for; no variable has such a name."""


Covered: TypeAlias = dict[date, list[tuple[int, int]]]
"""Day -> first and last offset of each file of a stream."""


class Stream(NamedTuple):
    """A partition of the topic `decisions` or `labels`."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True, order=True)
class LakeFile:
    """A file: the rows of a stream with these offsets (both ends included) on this day."""

    day: date
    stream: Stream
    first: int
    last: int

    @property
    def name(self) -> str:
        """Its name; names of a day and stream sort by offset."""
        topic, partition = self.stream
        return f"date={self.day}/{topic}-{partition:05d}-{self.first:020d}-{self.last:020d}.parquet"

    @classmethod
    def named(cls, name: str) -> "LakeFile | None":
        """Read a name; None if it is none of ours.

        >>> LakeFile.named("date=2026-11-21/my-decisions-00002-00000000000000000100-00000000000000000199.parquet")
        LakeFile(day=datetime.date(2026, 11, 21), stream=Stream(topic='my-decisions', partition=2), first=100, last=199)
        """
        folder, _, file = name.partition("/")
        parts = file.removesuffix(".parquet").rsplit("-", 3)
        if len(parts) != 4 or not folder.startswith("date=") or not file.endswith(".parquet"):
            return None
        topic, partition, first, last = parts
        try:
            day = date.fromisoformat(folder.removeprefix("date="))
            return cls(day, Stream(topic, int(partition)), int(first), int(last))
        except ValueError:
            return None

    def inside(self, other: "LakeFile") -> bool:
        """Tell whether another file holds everything this one does."""
        same = self.day == other.day and self.stream == other.stream and self != other
        return same and other.first <= self.first and self.last <= other.last


def day_of(event_time: pl.Expr) -> pl.Expr:
    """Return the day of an event time in epoch ms."""
    return pl.from_epoch(event_time, "ms").dt.date()


class Lake:
    """Reads and writes the archive, or a folder of it, in an object store.

    `time` and `offset` are the columns that give a row's day and its place in the stream.
    """

    def __init__(
        self,
        objects: ObjectStore,
        folder: str = "",
        *,
        time: str = "event_time",
        offset: str = "decision_offset",
    ) -> None:
        self.objects = objects
        self._folder = folder
        self._time = time
        self._offset = offset

    async def files(self, prefix: str = "date=") -> list[LakeFile]:
        """Return the files that make up the archive, in order of day, stream and offset."""
        return await asyncio.to_thread(current, await self._files(prefix))

    async def _files(self, prefix: str) -> list[LakeFile]:
        names = await self.objects.names(self._folder + prefix)
        # in a thread: a year of an archive that nobody compacts has millions of names
        return await asyncio.to_thread(self._named, names)

    def _named(self, names: list[str]) -> list[LakeFile]:
        return [file for name in names if (file := LakeFile.named(name.removeprefix(self._folder)))]

    async def read(self, file: LakeFile, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return a file's rows, with those of the columns that it has; raises NoSuchObject if a compaction has just replaced it."""
        content = await self.objects.get(self._folder + file.name)
        return await asyncio.to_thread(_rows, content, columns)

    async def scan(self, file: LakeFile) -> pl.LazyFrame:
        """Return a file's rows and their numbers in it, of which only what is asked for is read if the file lies on disk.

        Raises NoSuchObject as `read`; a file that is replaced after that raises FileNotFoundError when the rows are collected.
        """
        if (path := self.objects.path(self._folder + file.name)) is not None:
            return await asyncio.to_thread(pl.scan_parquet, path, glob=False, row_index_name=ROW)
        content = io.BytesIO(await self.objects.get(self._folder + file.name))
        return await asyncio.to_thread(pl.scan_parquet, content, row_index_name=ROW)

    async def write(self, stream: Stream, rows: pl.DataFrame, covered: Covered) -> list[LakeFile]:
        """Write the rows of a stream that no file holds yet; return the new files.

        `covered` grows with every file that is durable.
        """
        written = []
        for (day,), of_day in rows.with_columns(day=day_of(pl.col(self._time))).group_by(
            "day", maintain_order=True
        ):
            assert isinstance(day, date)
            held = covered.setdefault(day, [])
            fresh = of_day.drop("day")
            for first, last in held:
                if last < fresh[self._offset][0]:
                    continue
                fresh = fresh.filter(~pl.col(self._offset).is_between(first, last))
                if fresh.is_empty():
                    break
            if fresh.is_empty():
                continue
            file = LakeFile(day, stream, fresh[self._offset][0], fresh[self._offset][-1])
            await self._put(file, fresh)
            held.append((file.first, file.last))
            written.append(file)
        return written

    async def compact(self, on_file: Callable[[LakeFile], None] = lambda file: None) -> int:
        """Merge each day's small files, stream by stream; return by how many the files became fewer.

        The merged file is written before its parts are deleted, and from then on they are ignored. Safe beside a running
        archiver and beside another compaction.
        """
        everything = await self._files("date=")
        kept = current(everything)
        for file in sorted(set(everything) - set(kept)):
            await self.objects.delete(self._folder + file.name)
        gone = len(everything) - len(kept)
        groups: defaultdict[tuple[date, Stream], list[LakeFile]] = defaultdict(list)
        for file in kept:
            groups[file.day, file.stream].append(file)
        for parts in groups.values():
            gone += await self._merge(parts, on_file)
        return gone

    async def _merge(self, parts: list[LakeFile], on_file: Callable[[LakeFile], None]) -> int:
        gone = 0
        pieces: list[tuple[LakeFile, bytes]] = []
        for position, file in enumerate(parts):
            pieces.append((file, await self.objects.get(self._folder + file.name)))
            full = sum(len(content) for _, content in pieces) >= SMALL_BYTES
            if not full and position < len(parts) - 1:
                continue
            if len(pieces) > 1:
                frames = [pl.read_parquet(io.BytesIO(content)) for _, content in pieces]
                whole = LakeFile(file.day, file.stream, pieces[0][0].first, file.last)
                await self._put(whole, pl.concat(frames, how="diagonal"))
                for part, _ in pieces:
                    await self.objects.delete(self._folder + part.name)
                on_file(whole)
                gone += len(pieces) - 1
            pieces = []
        return gone

    async def _put(self, file: LakeFile, rows: pl.DataFrame) -> None:
        await self.objects.put(self._folder + file.name, await asyncio.to_thread(_parquet, rows))


def labels_lake(objects: ObjectStore) -> Lake:
    """Return the part of the archive that holds the labels."""
    return Lake(objects, LABELS_FOLDER, time="known_at", offset="label_offset")


def current(files: Iterable[LakeFile]) -> list[LakeFile]:
    """Return the files without those inside another: per day and stream by offset, the longest first."""
    kept: list[LakeFile] = []
    for file in sorted(files, key=lambda file: (file.day, file.stream, file.first, -file.last)):
        if not (kept and file.inside(kept[-1])):
            kept.append(file)
    return kept


def _rows(content: bytes, columns: Sequence[str] | None) -> pl.DataFrame:
    if columns is None:
        return pl.read_parquet(io.BytesIO(content))
    there = pl.read_parquet_schema(io.BytesIO(content))
    return pl.read_parquet(io.BytesIO(content), columns=[name for name in columns if name in there])


def _parquet(rows: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    rows.write_parquet(buffer, compression="zstd", statistics=True, row_group_size=GROUP_ROWS)
    return buffer.getvalue()
