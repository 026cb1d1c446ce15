"""An archive in a bucket as a directory."""

import asyncio
from datetime import date

from fraudstream.adapters.archive.copied import archive_directory
from fraudstream.adapters.archive.lake import Lake, Stream, labels_lake
from fraudstream.adapters.archive.opening import object_store
from fraudstream.domain.labels import Label, archived_labels, encode
from tests.archive_rows import MONDAY_MS, rows
from tests.s3_server import bucket, s3

__all__ = ["bucket", "s3"]

DAYS_APART_MS = 86_400_000


async def fill(place: str) -> None:
    """Archive four payments on four days, and a label."""
    async with object_store(place) as objects:
        await Lake(objects).write(Stream("decisions", 0), rows(0, 1, 2, 3, step_ms=DAYS_APART_MS), {})
        label = archived_labels([encode(Label("p1", True, MONDAY_MS))], [0])
        await labels_lake(objects).write(Stream("labels", 0), label, {})


def test_only_the_needed_days_of_a_bucket_are_copied(bucket: str) -> None:
    """With all labels, and only for as long as they are needed."""
    place = f"s3://{bucket}/archive"
    asyncio.run(fill(place))
    with archive_directory(place, date(2020, 2, 4), date(2020, 2, 5)) as directory:
        found = sorted(path.relative_to(directory).parts[0] for path in directory.rglob("*.parquet"))

    assert ["date=2020-02-04", "date=2020-02-05", "labels"] == found
    assert not directory.exists()
