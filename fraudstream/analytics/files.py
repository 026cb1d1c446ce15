"""Which files of an archive a question needs; those of a bucket are kept in a directory here, each copied once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from fraudstream.adapters.archive.copied import copy_archive
from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import LABELS_FOLDER, Lake, labels_lake
from fraudstream.adapters.archive.opening import S3, object_store
from fraudstream.domain.times import date_of


@dataclass(frozen=True, slots=True)
class Days:
    """Days of payments (UTC), both ends included; None: from the first, or to the last."""

    first: date | None = None
    last: date | None = None

    @classmethod
    def between(cls, since_ms: int, until_ms: int) -> "Days":
        """Return the days from a moment up to another, which is not included."""
        return cls(date_of(since_ms), date_of(until_ms - 1))

    def holds(self, day: date) -> bool:
        """Tell whether a day is one of them."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class Files:
    """Files of decisions by day, and all files of labels."""

    decisions: dict[date, tuple[Path, ...]]
    labels: tuple[Path, ...]

    @property
    def all_decisions(self) -> Sequence[Path]:
        """The files of all days, the oldest first."""
        return [path for paths in self.decisions.values() for path in paths]


class ArchiveFiles:
    """Finds the files of the archive at `place`; `copies` is where those of a bucket are kept."""

    def __init__(self, place: str, copies: Path) -> None:
        self._place = place
        self.directory = copies if place.startswith(S3) else Path(place)
        self._copying = asyncio.Lock()

    async def newest(self) -> date | None:
        """Return the newest day of payments; None if there is none. Nothing is copied."""
        async with object_store(self._place) as objects:
            return max((file.day for file in await Lake(objects).files()), default=None)

    async def found(self, days: Days) -> Files:
        """Return the files of some days as they are now; an archive that does not exist yet has none."""
        directory = self.directory
        if self._place.startswith(S3):
            async with self._copying:
                await copy_archive(self._place, days.first or date.min, days.last or date.max, directory)
        objects = LocalObjects(directory)
        decisions: dict[date, list[Path]] = {}
        for file in await Lake(objects).files():
            if days.holds(file.day):
                decisions.setdefault(file.day, []).append(directory / file.name)
        labels = [directory / LABELS_FOLDER / file.name for file in await labels_lake(objects).files()]
        return Files({day: tuple(paths) for day, paths in decisions.items()}, tuple(labels))
