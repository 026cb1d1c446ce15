"""The store on disk keeps the contract, and what only files can do."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fraudstream.adapters.weekly.disk import WeeklyDisk
from fraudstream.domain.errors import SetupError, WeeklyUnavailable
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
from tests.sagemaker import filled


class TestWeeklyDisk(WeeklyStoreContract):
    """One SQLite file a midnight."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.directory = tmp_path / "weekly"

    async def store_with(self, snapshots: Mapping[int, Mapping[str, Week]]) -> WeeklyStore:
        """Make the directory and load it."""
        return await filled(WeeklyDisk(self.directory), snapshots)


class TestDeclaredOnDisk(DeclaredWeeksContract):
    """One SQLite file a midnight and declaration."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.directory = tmp_path / "weekly"

    async def store_of(
        self, weekly: WeeklyAggregates, snapshots: Mapping[int, Mapping[str, Week]]
    ) -> WeeklyStore:
        """Load them into the directory."""
        return await filled(WeeklyDisk(self.directory, weekly=weekly), snapshots)


async def test_what_is_not_published_is_not_read(tmp_path: Path) -> None:
    """Half a midnight would make the other half's cards look new."""
    store = await filled(WeeklyDisk(tmp_path, check_every_s=0), {MONDAY: {ALICE: CALM}})
    await store.load(TUESDAY, [(ALICE, BUSY)])

    assert MONDAY == (await store.get_many([ALICE], TUESDAY)).as_of_ms

    await store.load(TUESDAY, [(BOB, CALM)])
    await store.publish(TUESDAY, 2)

    assert {ALICE: BUSY, BOB: CALM} == dict((await store.get_many([ALICE, BOB], TUESDAY)).rows)


async def test_a_midnight_loaded_again_replaces_the_first(tmp_path: Path) -> None:
    """Late payments may be counted in, and cards may be gone; a running worker notices."""
    store = await filled(WeeklyDisk(tmp_path, check_every_s=0), {MONDAY: {ALICE: CALM, BOB: CALM}})
    await store.get_many([ALICE], MONDAY)

    await filled(WeeklyDisk(tmp_path), {MONDAY: {ALICE: BUSY}})

    assert {ALICE: BUSY} == dict((await store.get_many([ALICE, BOB], MONDAY)).rows)


async def test_only_the_newest_two_midnights_stay(tmp_path: Path) -> None:
    """As for the snapshots."""
    store = await filled(
        WeeklyDisk(tmp_path), {night: {ALICE: BUSY} for night in (MONDAY, TUESDAY, WEDNESDAY)}
    )

    assert {TUESDAY: 1, WEDNESDAY: 1} == await store.nights([MONDAY, TUESDAY, WEDNESDAY])


async def test_a_draft_that_lacks_cards_is_not_published(tmp_path: Path) -> None:
    """The number of cards is the loader's word that all came."""
    store = WeeklyDisk(tmp_path)
    await store.load(MONDAY, [(ALICE, BUSY)])

    with pytest.raises(SetupError, match="held 1 entities, not 2"):
        await store.publish(MONDAY, 2)

    assert {} == await store.nights([MONDAY])


async def test_a_worker_does_not_start_without_the_directory(tmp_path: Path) -> None:
    """A wrong path is refused at the start, instead of a day of degraded decisions."""
    with pytest.raises(SetupError, match="create it with: fraudstream store create"):
        await WeeklyDisk(tmp_path / "nowhere").connect()


async def test_a_damaged_file_is_no_bug(tmp_path: Path) -> None:
    """The worker goes on and marks its decisions."""
    (tmp_path / "2020-02-03.sqlite").write_bytes(b"no database at all" * 100)

    with pytest.raises(WeeklyUnavailable, match="cannot be read"):
        await WeeklyDisk(tmp_path).get_many([ALICE], MONDAY)
