"""Weekly snapshots on disk: the store's contract, and what only files can do."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from fraudstream.adapters.weekly.files import WeeklyFiles, newest_snapshot, write_snapshot
from fraudstream.domain.errors import SetupError
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly import Week, WeeklyStore
from fraudstream.domain.weekly_aggregates import WeeklyAggregates
from tests.contracts.declared_weeks import DeclaredWeeksContract
from tests.contracts.weekly_store import (
    ALICE,
    BOB,
    BUSY,
    CALM,
    MONDAY,
    TUESDAY,
    WEDNESDAY,
    WeeklyStoreContract,
)


def write(directory: Path, as_of_ms: int, weeks: Mapping[str, Week]) -> dict[str, object]:
    """Write a snapshot of these weeks."""
    columns = {
        "card": list(weeks),
        "payments": [week.payments for week in weeks.values()],
        "mean_amount": [week.mean_amount for week in weeks.values()],
    }
    return write_snapshot(directory, as_of_ms, pl.DataFrame(columns))


def _files(directory: Path, ending: str) -> list[Path]:
    return sorted(directory.glob(f"*.{ending}"))


class TestWeeklyFiles(WeeklyStoreContract):
    """The embedded store."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.directory = tmp_path

    async def store_with(self, snapshots: Mapping[int, Mapping[str, Week]]) -> WeeklyStore:
        """Write the snapshots and open a store on them."""
        for as_of_ms, weeks in snapshots.items():
            write(self.directory, as_of_ms, weeks)
        return WeeklyFiles(self.directory)


async def test_a_running_store_notices_a_new_snapshot(tmp_path: Path) -> None:
    """Workers need no restart after the nightly job."""
    store = WeeklyFiles(tmp_path)
    assert (await store.get_many([ALICE], MONDAY)).as_of_ms is None

    write(tmp_path, MONDAY, {ALICE: BUSY})
    await store.refreshed()

    assert {ALICE: BUSY} == dict((await store.get_many([ALICE], MONDAY)).rows)


async def test_a_repeated_job_replaces_its_snapshot(tmp_path: Path) -> None:
    """Late payments may be counted in by running the job again."""
    write(tmp_path, MONDAY, {ALICE: CALM})
    store = WeeklyFiles(tmp_path)

    write(tmp_path, MONDAY, {ALICE: BUSY})
    await store.refreshed()

    assert {ALICE: BUSY} == dict((await store.get_many([ALICE], MONDAY)).rows)
    assert ["2020-02-03"] == [path.stem for path in _files(tmp_path, "json")]
    assert 1 == len(_files(tmp_path, "parquet"))


async def test_the_directory_is_not_looked_at_for_every_batch(tmp_path: Path) -> None:
    """Within the interval the answer comes from memory alone."""
    store = WeeklyFiles(tmp_path, check_every_s=3600)

    write(tmp_path, MONDAY, {ALICE: BUSY})

    assert (await store.get_many([ALICE], MONDAY)).as_of_ms is None


async def test_a_damaged_new_snapshot_leaves_the_old_one_in_use(tmp_path: Path) -> None:
    """A bad disk at night must not take the week away from a worker that has it."""
    write(tmp_path, MONDAY, {ALICE: BUSY})
    store = WeeklyFiles(tmp_path)

    manifest = write(tmp_path, TUESDAY, {ALICE: CALM})
    (tmp_path / str(manifest["file"])).write_bytes(b"not what was written")
    await store.refreshed()

    assert {ALICE: BUSY} == dict((await store.get_many([ALICE], TUESDAY)).rows)


def test_a_worker_does_not_start_on_a_damaged_snapshot(tmp_path: Path) -> None:
    """At the start somebody reads the message and can correct it."""
    manifest = write(tmp_path, MONDAY, {ALICE: BUSY})
    (tmp_path / str(manifest["file"])).write_bytes(b"not what was written")

    with pytest.raises(SetupError, match="compute it again with: fraudstream aggregate --as-of 2020-02-03"):
        WeeklyFiles(tmp_path)


def test_only_the_newest_two_midnights_stay(tmp_path: Path) -> None:
    """Nobody replays further back than yesterday; older snapshots only cost memory."""
    for as_of_ms in (MONDAY, TUESDAY, WEDNESDAY):
        write(tmp_path, as_of_ms, {ALICE: BUSY})

    assert ["2020-02-04", "2020-02-05"] == sorted(path.stem for path in tmp_path.glob("*.json"))
    assert 2 == len(list(tmp_path.glob("*.parquet")))


def test_an_older_midnight_that_was_asked_for_is_written_all_the_same(tmp_path: Path) -> None:
    """Whoever runs the job for an old day wants to see it, until the next run."""
    for as_of_ms in (TUESDAY, WEDNESDAY, MONDAY):
        write(tmp_path, as_of_ms, {ALICE: BUSY})
    assert (tmp_path / "2020-02-03.json").exists()

    write(tmp_path, WEDNESDAY + DAY_MS, {ALICE: BUSY})

    assert not (tmp_path / "2020-02-03.json").exists()


class TestDeclaredInFiles(DeclaredWeeksContract):
    """Further columns, and a layout in the manifest."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.directory = tmp_path

    async def store_of(
        self, weekly: WeeklyAggregates, snapshots: Mapping[int, Mapping[str, Week]]
    ) -> WeeklyStore:
        """Write them as the nightly job does."""
        for as_of_ms, weeks in snapshots.items():
            rows = [(card, *week[:2], *week.declared) for card, week in weeks.items()]
            types = {"card": pl.String, "payments": pl.Int64, "mean_amount": pl.Float64}
            types |= {part.name: part.dtype for part in weekly.parts}
            write_snapshot(
                self.directory, as_of_ms, pl.DataFrame(rows, types, orient="row"), layout=weekly.layout
            )
        return WeeklyFiles(self.directory, layout=weekly.layout)


def test_the_newest_snapshot_can_be_read_as_a_whole(tmp_path: Path) -> None:
    """Stories pick their cards from it."""
    write(tmp_path, MONDAY, {ALICE: CALM})
    write(tmp_path, TUESDAY, {ALICE: BUSY, BOB: CALM})

    assert {ALICE: BUSY, BOB: CALM} == dict(newest_snapshot(tmp_path).weeks)


def test_without_any_snapshot_the_sentence_says_what_to_run(tmp_path: Path) -> None:
    """A fresh clone has none."""
    with pytest.raises(SetupError, match="compute them with: fraudstream aggregate"):
        newest_snapshot(tmp_path)
