"""SageMaker Feature Store keeps the contract: real aioboto3 and real HTTP, against a store of our own."""

from collections.abc import AsyncIterator, Mapping

import pytest

from fraudstream.domain.weekly import Week, WeeklyStore
from tests.contracts.weekly_store import WeeklyStoreContract
from tests.fake_feature_store.server import FakeFeatureStore
from tests.sagemaker import credentials, filled, opened


class TestWeeklySageMaker(WeeklyStoreContract):
    """One record per card and midnight."""

    @pytest.fixture(autouse=True)
    async def _served(self, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
        credentials(monkeypatch)
        async with FakeFeatureStore() as fake, opened(fake) as store:
            self.store = store
            yield

    async def store_with(self, snapshots: Mapping[int, Mapping[str, Week]]) -> WeeklyStore:
        """Make the group and load it."""
        return await filled(self.store, snapshots)
