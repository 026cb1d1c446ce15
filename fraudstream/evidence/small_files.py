"""The archive's small files as fewer, larger ones.

The archiver writes a file a partition every minute, and a compaction merges them at night. To open a file costs 0.3 ms, whatever is in it, so
the newest day would take longer than the month before it. Small files are merged here into copies that only we read; a copy is named as
the archive's files are, by the offsets it holds, and counts as little as any file that lies inside a larger one.
"""

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import groupby
from pathlib import Path

import polars as pl

from fraudstream.adapters.archive.lake import LakeFile, Stream, current
from fraudstream.adapters.files import write_atomically

SMALL_BYTES = 2_000_000
TOGETHER = 16
"""So many small files of a day and partition, one after the other, are worth merging."""


class SmallFiles:
    """Keeps copies of small files in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def together(self, files: Mapping[LakeFile, Path]) -> dict[LakeFile, Path]:
        """Return files that hold the same rows, with copies in place of what was merged before."""
        newest = {key: max(file.last for file in group) for key, group in _by_stream(files).items()}
        # what is newer than the archive was copied from an earlier one
        copies = {
            file: path
            for file, path in self._copies().items()
            if file.last <= newest.get((file.day, file.stream), -1)
        }
        both = copies | dict(files)
        return {file: both[file] for file in current(both)}

    def merge(self, files: Mapping[LakeFile, Path]) -> int:
        """Merge what is small, and remove copies that are of no use any more; return how many copies were made."""
        kept = self.together(files)
        runs = [run for group in _by_stream(kept).values() for run in _small(group, kept)]
        for run in runs:
            self._write(run, kept)
        needed = set(self.together(files).values())
        for path in self._copies().values():
            if path not in needed:
                path.unlink()
        return len(runs)

    def _write(self, run: list[LakeFile], paths: Mapping[LakeFile, Path]) -> None:
        rows = pl.concat([pl.read_parquet(paths[file], glob=False) for file in run], how="diagonal")
        whole = LakeFile(run[0].day, run[0].stream, run[0].first, run[-1].last)
        buffer = io.BytesIO()
        rows.write_parquet(buffer, compression="zstd")
        path = self._directory / whole.name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, buffer.getvalue())

    def _copies(self) -> dict[LakeFile, Path]:
        return files_of(self._directory.glob("date=*/*.parquet"))


def files_of(paths: Iterable[Path]) -> dict[LakeFile, Path]:
    """Return the archive's files among paths, with what their names say."""
    return {file: path for path in paths if (file := LakeFile.named(f"{path.parent.name}/{path.name}"))}


def _by_stream(files: Iterable[LakeFile]) -> dict[tuple[date, Stream], list[LakeFile]]:
    groups: defaultdict[tuple[date, Stream], list[LakeFile]] = defaultdict(list)
    for file in sorted(files):
        groups[file.day, file.stream].append(file)
    return groups


def _small(group: list[LakeFile], paths: Mapping[LakeFile, Path]) -> Iterator[list[LakeFile]]:
    """Yield runs of small files with no larger one between them: its rows are not to be covered by the name of a copy."""
    for small, run in groupby(group, key=lambda file: paths[file].stat().st_size < SMALL_BYTES):
        files = list(run)
        if small and len(files) >= TOGETHER:
            yield files
