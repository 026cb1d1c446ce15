"""An archive or a history as a directory: as it is, or the days that are needed copied from a bucket."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from fraudstream.adapters.archive.lake import LABELS_FOLDER, LakeFile, current
from fraudstream.adapters.archive.objects import NoSuchObject
from fraudstream.adapters.archive.opening import S3, object_store
from fraudstream.adapters.files import write_atomically
from fraudstream.adapters.scratch import scratch

DAY = "date="
"""How the name of a day's folder begins."""

LOOKS = 3
"""A compaction may replace a file between listing and copying: then all is listed again."""


@contextmanager
def archive_directory(place: str, first: date = date.min, last: date = date.max) -> Iterator[Path]:
    """Yield a directory with the days of an archive or a history from `first` to `last`, and its labels; that of a bucket is temporary."""
    if not place.startswith(S3):
        yield Path(place)
        return
    with scratch("fraudstream-archive-") as directory:
        asyncio.run(copy_archive(place, first, last, directory))
        yield directory


async def copy_archive(place: str, first: date, last: date, to: Path) -> None:
    """Copy the days of an archive or a history from `first` to `last`, and its labels, unless they are in `to`; remove there what the archive has no more.

    An archive's file says by its name which records are in it, so one that is there is never copied again.
    """
    async with object_store(place) as objects:
        for look in range(LOOKS):
            days = await objects.names(DAY)
            all_labels = await objects.names(LABELS_FOLDER + DAY)
            of_labels = _wanted([name.removeprefix(LABELS_FOLDER) for name in all_labels])
            labels = [LABELS_FOLDER + name for name in of_labels]
            try:
                for name in [*_wanted(days, first, last), *labels]:
                    if not ((to / name).exists() and LakeFile.named(name.removeprefix(LABELS_FOLDER))):
                        content = await objects.get(name)
                        await asyncio.to_thread(_write, to / name, content)
            except NoSuchObject:
                if look == LOOKS - 1:
                    raise
                continue
            await asyncio.to_thread(_keep_only, to, {*_wanted(days), *labels})
            return


def _wanted(names: Sequence[str], first: date = date.min, last: date = date.max) -> list[str]:
    """Return the files of some days: of an archive those that make it up, and others, such as those of a history."""
    read = {name: LakeFile.named(name) for name in names if name.endswith(".parquet")}
    archived = current([file for file in read.values() if file is not None])
    found = [file.name for file in archived if first <= file.day <= last]
    for name, file in read.items():
        day = name.removeprefix(DAY).partition("/")[0]
        if file is None and str(first) <= day <= str(last):
            found.append(name)
    return found


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)


def _keep_only(directory: Path, names: set[str]) -> None:
    """Remove files of an earlier look that a compaction has replaced since."""
    for path in directory.rglob("*.parquet"):
        if path.relative_to(directory).as_posix() not in names:
            path.unlink()
