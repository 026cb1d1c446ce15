"""What tests of the weekly store in Feature Store share."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest

from fraudstream.adapters.weekly.sagemaker import WeeklySageMaker
from fraudstream.adapters.weekly.sagemaker_client import Access
from fraudstream.domain.feature_group import feature_group_named
from fraudstream.domain.weekly import OnlineStore, Week
from fraudstream.domain.weekly_aggregates import NOTHING_DECLARED, WeeklyAggregates
from tests.fake_feature_store.server import FakeFeatureStore

GROUP = "test-weekly"

CONNECT_TIMEOUT_S = 60.0
"""The fake runs on the event loop of the test, which a busy machine may stop for a while."""


def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set credentials, so that requests can be signed; the fake accepts any."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def access(fake: FakeFeatureStore) -> Access:
    """Return where the fake is."""
    return Access(fake.url, "us-east-1", connect_timeout_s=CONNECT_TIMEOUT_S)


@contextlib.asynccontextmanager
async def opened(
    fake: FakeFeatureStore, weekly: WeeklyAggregates = NOTHING_DECLARED
) -> AsyncIterator[WeeklySageMaker]:
    """Yield a store on the fake, not made yet."""
    group = replace(feature_group_named("weekly"), name=GROUP)
    store = WeeklySageMaker(group, access(fake), weekly=weekly)
    try:
        yield store
    finally:
        await store.close()


async def filled(store: OnlineStore, snapshots: Mapping[int, Mapping[str, Week]]) -> OnlineStore:
    """Make a store, load and publish these snapshots: midnight -> card -> week."""
    await store.create()
    for as_of_ms, weeks in snapshots.items():
        await store.load(as_of_ms, list(weeks.items()))
        await store.publish(as_of_ms, len(weeks))
    return store
