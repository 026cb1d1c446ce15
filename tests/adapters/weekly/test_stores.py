"""Which weekly store a worker uses."""

from pathlib import Path

from fraudstream.adapters.weekly.files import WeeklyFiles
from fraudstream.adapters.weekly.stores import weekly_store
from fraudstream.domain.weekly import NoWeeks
from fraudstream.settings import Settings


async def test_events_without_an_entity_ask_no_store(tmp_path: Path) -> None:
    """No warning that weekly aggregates are missing, and no password that nobody needs."""
    settings = Settings(data_dir=tmp_path, event_type="creditcard", weekly_store="redis://localhost:1")
    store = weekly_store(settings)

    assert isinstance(store, NoWeeks)
    assert {} == (await store.get_many({"a"}, 0)).rows
    assert isinstance(weekly_store(Settings(data_dir=tmp_path)), WeeklyFiles)
