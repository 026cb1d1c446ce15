"""SageMaker Feature Store keeps the contract: real aioboto3 and real HTTP, against a store of our own."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

import pytest

from fraudstream.domain.errors import SetupError
from fraudstream.domain.weekly import Week, WeeklyStore
from fraudstream.domain.weekly_aggregates import WeeklyAggregates
from tests.contracts.declared_weeks import OTHER, WEEKLY, DeclaredWeeksContract
from tests.contracts.weekly_store import MONDAY, WeeklyStoreContract
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


class TestDeclaredInSageMaker(DeclaredWeeksContract):
    """A feature for each part, and records of other identifiers for each declaration."""

    @pytest.fixture(autouse=True)
    async def _served(self, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
        credentials(monkeypatch)
        async with FakeFeatureStore() as self.fake, AsyncExitStack() as self.stores:
            yield

    async def store_of(
        self, weekly: WeeklyAggregates, snapshots: Mapping[int, Mapping[str, Week]]
    ) -> WeeklyStore:
        """Open the group, and make and load it if there is something to load."""
        store = await self.stores.enter_async_context(opened(self.fake, weekly))
        return await filled(store, snapshots) if snapshots else store

    async def test_a_group_of_another_declaration_is_refused(self) -> None:
        """Its features are fixed: a group of another name is needed."""
        await self.store_of(WEEKLY, {MONDAY: {}})
        narrow = await self.stores.enter_async_context(opened(self.fake, WeeklyAggregates(WEEKLY.each[:2])))

        with pytest.raises(SetupError, match="has another schema than ours"):
            await narrow.create()
        assert False is await (await self.stores.enter_async_context(opened(self.fake, OTHER))).create()
