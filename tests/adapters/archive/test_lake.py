"""The archive's files: nothing missing, nothing twice, whatever was interrupted."""

import json
from pathlib import Path

import polars as pl
import pytest

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import Covered, Lake, LakeFile, Stream, labels_lake
from fraudstream.domain.labels import archived_labels
from fraudstream.offline.history import read_payments
from tests.archive_rows import DAY_MS, MONDAY_MS, archived, encoded, rows

STREAM = Stream("decisions", 2)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return an empty archive."""
    return Lake(LocalObjects(tmp_path))


async def offsets(lake: Lake) -> list[int]:
    """Return the offsets of all rows, in order of the files."""
    found: list[int] = []
    for file in await lake.files():
        found += (await lake.read(file))["decision_offset"].to_list()
    return found


async def test_a_day_is_a_directory_and_a_name_says_which_offsets(lake: Lake) -> None:
    """As the history has it, so that aggregation and training read both."""
    await lake.write(STREAM, rows(0, 1, 2, step_ms=DAY_MS // 2), {})

    assert [
        "date=2020-02-03/decisions-00002-00000000000000000000-00000000000000000001.parquet",
        "date=2020-02-04/decisions-00002-00000000000000000002-00000000000000000002.parquet",
    ] == [file.name for file in await lake.files()]


async def test_what_a_file_holds_is_not_written_again(lake: Lake) -> None:
    """A process was killed between two days' files; its successor reads another number of decisions."""
    covered: Covered = {}
    two_days = rows(*range(10), step_ms=DAY_MS // 6)
    await lake.write(STREAM, two_days.filter(pl.col("event_time") < MONDAY_MS + DAY_MS), covered)
    assert [0, 1, 2, 3, 4, 5] == await offsets(lake)

    written = await lake.write(STREAM, rows(*range(12), step_ms=DAY_MS // 6), covered)

    assert list(range(12)) == await offsets(lake)
    assert [(6, 11)] == [(file.first, file.last) for file in written]


async def test_compaction_merges_small_files_and_keeps_every_row(lake: Lake) -> None:
    """Each stream by itself; a second run has nothing to do."""
    covered: Covered = {}
    other: Covered = {}
    for start in range(0, 50, 5):
        await lake.write(STREAM, rows(*range(start, start + 5)), covered)
        await lake.write(Stream("decisions", 3), rows(*range(start, start + 5)), other)

    assert 18 == await lake.compact()
    assert [(0, 49), (0, 49)] == [(file.first, file.last) for file in await lake.files()]
    assert [*range(50), *range(50)] == await offsets(lake)
    assert 0 == await lake.compact()


async def test_a_compaction_that_was_killed_leaves_nothing_twice(lake: Lake) -> None:
    """From the moment the merged file is there its parts do not count, and the next compaction removes them."""
    covered: Covered = {}
    parts = [(await lake.write(STREAM, rows(*numbers), covered))[0] for numbers in ((0, 1), (2, 3), (4, 5))]
    contents = [await lake.objects.get(part.name) for part in parts]
    await lake.compact()
    for part, content in zip(parts, contents, strict=True):
        await lake.objects.put(part.name, content)

    assert [0, 1, 2, 3, 4, 5] == await offsets(lake)
    await lake.compact()
    assert 1 == len(await lake.objects.names())


async def test_files_of_two_models_merge(lake: Lake) -> None:
    """A new feature is null in old rows."""
    covered: Covered = {}
    await lake.write(STREAM, rows(0), covered)
    await lake.write(STREAM, archived([encoded(1, features={"amt_change": 0.5})], [1]), covered)
    await lake.compact()

    (file,) = await lake.files()
    assert [None, 0.5] == (await lake.read(file))["amt_change"].to_list()


def test_other_files_in_the_directory_are_ignored() -> None:
    """A directory may hold a history or notes beside the archive."""
    assert LakeFile.named("date=2020-02-03/payments.parquet") is None
    assert LakeFile.named("notes-1-2-3.parquet") is None
    assert LakeFile.named("date=someday/decisions-1-2-3.parquet") is None


async def test_the_archive_is_a_history(lake: Lake, tmp_path: Path) -> None:
    """In order of arrival, also where a payment came after midnight; with the partition it was decided on."""
    covered: Covered = {}
    late = MONDAY_MS + DAY_MS - 1
    values = [encoded(0), encoded(1, event_time=late + 2), encoded(2, event_time=late), encoded(3)]
    await lake.write(STREAM, archived(values, [10, 11, 12, 13]), covered)

    paid = read_payments(tmp_path, ("event_time", "amount"), partitions=4)

    assert [MONDAY_MS, late + 2, late, MONDAY_MS + 6000] == paid["event_time"].to_list()
    assert [0] * 4 == paid["partition"].to_list()
    assert 4 == paid["id_hash"].n_unique()


async def test_the_newest_label_says_what_an_archived_payment_turned_out_to_be(
    lake: Lake, tmp_path: Path
) -> None:
    """A payment without a label has none."""
    await lake.write(STREAM, rows(0, 1, 2), {})
    told = [("p0", False, 1), ("p2", True, 2), ("p0", True, 3)]
    labels = [
        json.dumps({"transaction_id": tid, "fraud": fraud, "known_at": MONDAY_MS + at}).encode()
        for tid, fraud, at in told
    ]
    await labels_lake(lake.objects).write(
        Stream("labels", 0), archived_labels([*labels, b"not a label"], [0, 1, 2, 3]), {}
    )

    paid = read_payments(tmp_path, ("event_time", "is_fraud", "scenario"), partitions=4)

    assert [True, None, True] == paid["is_fraud"].to_list()
    assert ["unknown", None, "unknown"] == paid["scenario"].to_list()
    assert 1 == len(await lake.files()) == len(await labels_lake(lake.objects).files())
