"""The fake keeps the contract it stands in for."""

from collections.abc import Mapping

from fraudstream.domain.weekly import Week, WeeklyStore
from tests.contracts.weekly_store import WeeklyStoreContract
from tests.fakes import MemoryWeekly


class TestMemoryWeekly(WeeklyStoreContract):
    """The weekly store of tests."""

    async def store_with(self, snapshots: Mapping[int, Mapping[str, Week]]) -> WeeklyStore:
        """Hand the snapshots over."""
        return MemoryWeekly(snapshots)
