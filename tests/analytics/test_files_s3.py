"""The archive in a bucket: its files are copied once, and what a compaction replaced is not kept."""

import asyncio
import os
from datetime import date
from pathlib import Path

from fraudstream.adapters.archive.lake import Lake, Stream, labels_lake
from fraudstream.adapters.archive.opening import object_store
from fraudstream.analytics.archive import Archive
from fraudstream.analytics.figures import figures
from fraudstream.analytics.files import Days
from fraudstream.domain.labels import Label, archived_labels, encode
from tests.analytics.history import question
from tests.archive_rows import DAY_MS, MONDAY_MS, rows
from tests.s3_server import bucket, s3

__all__ = ["bucket", "s3"]


def test_files_of_a_bucket_are_copied_once(bucket: str, tmp_path: Path) -> None:
    """Figures are the same before and after a compaction, and only its new file is copied."""
    place = f"s3://{bucket}/archive"
    archive = Archive(place, tmp_path, 100)

    async def fill() -> None:
        async with object_store(place) as objects:
            for first in (0, 2):
                await Lake(objects).write(Stream("decisions", 0), rows(first, first + 1, step_ms=1000), {})
            await Lake(objects).write(Stream("decisions", 1), rows(9, step_ms=DAY_MS // 4), {})
            label = archived_labels([encode(Label("p1", True, MONDAY_MS))], [0])
            await labels_lake(objects).write(Stream("labels", 0), label, {})

    async def compacted() -> None:
        async with object_store(place) as objects:
            await Lake(objects).compact()

    def found() -> tuple[int, int]:
        total = (asyncio.run(archive.ask(question(), figures)) or [])[-1]
        return total["payments"], total["missed"]

    asyncio.run(fill())
    newest = asyncio.run(archive.files.newest())
    copied_for_it = [*tmp_path.rglob("*.parquet")]
    before = found()
    kept = {path: os.stat(path).st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    asyncio.run(compacted())
    after = found()
    now = {path: os.stat(path).st_mtime_ns for path in tmp_path.rglob("*.parquet")}

    assert (date(2020, 2, 5), []) == (newest, copied_for_it)
    assert (5, 1) == before == after
    assert (4, 3) == (len(kept), len(now))
    assert 2 == len(kept.items() & now.items())
    assert [date(2020, 2, 5)] == list(asyncio.run(archive.files.found(Days(date(2020, 2, 4)))).decisions)
