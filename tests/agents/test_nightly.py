"""The nightly job beside a worker: however it ends, the worker goes on."""

from datetime import date
from pathlib import Path

import pytest

from fraudstream.adapters.weekly.disk import WeeklyDisk
from fraudstream.adapters.weekly.files import newest_snapshot
from fraudstream.agents import nightly
from fraudstream.domain.errors import SetupError
from fraudstream.domain.times import DAY_MS
from fraudstream.settings import Settings
from tests.contracts.weekly_store import MONDAY as MONDAY_MS
from tests.offline.test_nightly_job import DAY, MONDAY, write_day


async def ended(settings: Settings) -> str:
    """Run the job and return how it ended."""
    results: list[str] = []
    await nightly.run_night(settings, results.append)
    (result,) = results
    return result


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return settings of an empty directory, also for the job's own process."""
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path))
    return Settings(_env_file=None, data_dir=tmp_path)


async def test_a_night_is_published_in_a_process_of_its_own(settings: Settings) -> None:
    """The workers' stores find it."""
    for number in range(3):
        write_day(settings.history_dir, MONDAY + DAY * number, cards=5)

    assert "done" == await ended(settings)
    assert 5 == len(newest_snapshot(settings.weekly_dir).weeks)


async def test_it_reads_what_it_is_told_to(settings: Settings, tmp_path: Path) -> None:
    """For example the archive."""
    write_day(tmp_path / "elsewhere", date(2020, 3, 1), cards=7)

    assert "done" == await ended(settings.model_copy(update={"nightly_history": str(tmp_path / "elsewhere")}))
    assert 7 == len(newest_snapshot(settings.weekly_dir).weeks)


async def test_a_night_is_loaded_where_workers_look_it_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that was never made gets none, and the count says so; made later, it gets what it missed."""
    monkeypatch.setenv("FRAUDSTREAM_WEEKLY_STORE", "disk")
    settings = settings.model_copy(update={"weekly_store": "disk"})
    write_day(settings.history_dir, MONDAY, cards=5)
    assert "failed" == await ended(settings)

    store = WeeklyDisk(settings.weekly_disk_dir)
    await store.create()
    assert "done" == await ended(settings)
    assert {MONDAY_MS + DAY_MS: 5} == await store.nights([MONDAY_MS + DAY_MS])


def test_an_invalid_cron_expression_is_a_set_up_error(settings: Settings) -> None:
    """Said at the start, not at midnight."""
    with pytest.raises(SetupError, match="is not a cron expression"):
        nightly.attach(None, settings.model_copy(update={"nightly_cron": "at night"}), lambda result: None)


async def test_a_refused_run_and_a_failed_one_are_told_apart(settings: Settings) -> None:
    """Both leave the weekly aggregates as they are."""
    assert "failed" == await ended(settings)
    write_day(settings.history_dir, MONDAY, cards=100)
    assert "done" == await ended(settings)
    for number in range(8, 10):
        write_day(settings.history_dir, MONDAY + DAY * number, cards=3)
    assert "refused" == await ended(settings)
    assert 100 == len(newest_snapshot(settings.weekly_dir).weeks)
