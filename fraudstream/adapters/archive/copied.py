"""An archive as a directory: as it is, or the days that are needed copied from a bucket."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from fraudstream.adapters.archive.lake import LABELS_FOLDER, Lake, LakeFile
from fraudstream.adapters.archive.objects import NoSuchObject
from fraudstream.adapters.archive.opening import S3, object_store
from fraudstream.adapters.files import write_atomically
from fraudstream.adapters.scratch import scratch

LOOKS = 3
"""A compaction may replace a file between listing and copying: then all is listed again."""


@contextmanager
def archive_directory(place: str, first: date = date.min, last: date = date.max) -> Iterator[Path]:
    """Yield a directory with an archive's days from `first` to `last`, and its labels; that of a bucket is temporary."""
    if not place.startswith(S3):
        yield Path(place)
        return
    with scratch("fraudstream-archive-") as directory:
        asyncio.run(copy_archive(place, first, last, directory))
        yield directory


async def copy_archive(place: str, first: date, last: date, to: Path) -> None:
    """Copy an archive's days from `first` to `last`, and its labels, unless they are in `to`; remove there what the archive has no more.

    A file's name says which records are in it, so one that is there is never copied again.
    """
    async with object_store(place) as objects:
        for look in range(LOOKS):
            everything = await Lake(objects).files()
            files = [file.name for file in everything if first <= file.day <= last]
            labels = [
                name
                for name in await objects.names(LABELS_FOLDER)
                if LakeFile.named(name.removeprefix(LABELS_FOLDER))
            ]
            try:
                for name in [*files, *labels]:
                    if not (to / name).exists():
                        content = await objects.get(name)
                        await asyncio.to_thread(_write, to / name, content)
            except NoSuchObject:
                if look == LOOKS - 1:
                    raise
                continue
            await asyncio.to_thread(_keep_only, to, {*(file.name for file in everything), *labels})
            return


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)


def _keep_only(directory: Path, names: set[str]) -> None:
    """Remove files of an earlier look that a compaction has replaced since."""
    for path in directory.rglob("*.parquet"):
        if path.relative_to(directory).as_posix() not in names:
            path.unlink()
