"""The Feature Store of our tests refuses what AWS refuses: a fake that accepts everything proves nothing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from botocore.exceptions import ClientError

from fraudstream.adapters.weekly.sagemaker_client import FeatureStoreClients
from tests.fake_feature_store.records import Store
from tests.fake_feature_store.server import FakeFeatureStore
from tests.sagemaker import access, credentials

GROUP = {
    "FeatureGroupName": "g",
    "RecordIdentifierFeatureName": "id",
    "EventTimeFeatureName": "at",
    "FeatureDefinitions": [
        {"FeatureName": "id", "FeatureType": "String"},
        {"FeatureName": "at", "FeatureType": "Fractional"},
        {"FeatureName": "count", "FeatureType": "Integral"},
    ],
    "OnlineStoreConfig": {"EnableOnlineStore": True, "TtlDuration": {"Unit": "Hours", "Value": 1}},
}
NEVER = 4e9
"""An event time so late that nothing expires in a test."""


@pytest.fixture
async def runtime(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """Yield a client of a store with one group and a quota of five batches a second."""
    credentials(monkeypatch)
    async with FakeFeatureStore(Store(batch_gets_per_s=5, others_per_s=1000)) as fake:
        clients = FeatureStoreClients(access(fake))
        await (await clients.control()).create_feature_group(**GROUP)
        yield await clients.runtime()
        await clients.close()


def record(**values: object) -> list[dict[str, str]]:
    """Write a record as AWS does."""
    return [{"FeatureName": name, "ValueAsString": str(value)} for name, value in values.items()]


def asking(*ids: str) -> list[dict[str, Any]]:
    """Ask for records of the group."""
    return [{"FeatureGroupName": "g", "RecordIdentifiersValueAsString": list(ids)}]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"id": "a", "at": 1.5, "count": "many"}, "is not Integral"),
        ({"id": "a", "at": 1.5, "colour": "red"}, "not defined"),
        ({"at": 1.5, "count": 1}, r"Missing required feature value for feature \[id\]"),
        ({"id": "a" * 357_000, "at": 1.5, "count": 10**2000}, "350KB"),
    ],
    ids=["type", "unknown", "without-id", "too-large"],
)
async def test_wrong_records_are_refused(runtime: Any, values: dict[str, object], message: str) -> None:
    """As ValidationError, by AWS's rules."""
    with pytest.raises(ClientError, match=message):
        await runtime.put_record(FeatureGroupName="g", Record=record(**values))


async def test_an_older_record_does_not_replace_a_newer_one(runtime: Any) -> None:
    """The event time decides, not the order of arrival."""
    for at, count in ((NEVER, 2), (NEVER - 1, 1)):
        await runtime.put_record(FeatureGroupName="g", Record=record(id="a", at=at, count=count))

    found = await runtime.get_record(FeatureGroupName="g", RecordIdentifierValueAsString="a")

    assert record(id="a", at=NEVER, count=2) == found["Record"]


async def test_records_expire(runtime: Any) -> None:
    """An hour after their event time, which was long ago."""
    await runtime.put_record(FeatureGroupName="g", Record=record(id="a", at=1.5, count=1))

    assert [] == (await runtime.batch_get_record(Identifiers=asking("a")))["Records"]


async def test_a_batch_has_a_hundred_identifiers(runtime: Any) -> None:
    """AWS's limit over all groups of a call."""
    with pytest.raises(ClientError, match="1 to 100 identifiers"):
        await runtime.batch_get_record(
            Identifiers=asking(*map(str, range(60))) + asking(*map(str, range(60, 101)))
        )


async def test_a_quota_is_enforced(runtime: Any) -> None:
    """A second's worth may come at once, more may not."""
    calls = (runtime.batch_get_record(Identifiers=asking("a")) for _ in range(60))

    with pytest.raises(ClientError, match="ThrottlingException"):
        await asyncio.gather(*calls)


async def test_unsigned_requests_and_unknown_faults_are_refused() -> None:
    """Requests are signed; the control port knows what faults there are."""
    async with FakeFeatureStore() as fake, aiohttp.ClientSession() as session:
        async with session.post(f"{fake.url}/BatchGetRecord", json={"Identifiers": asking("a")}) as answer:
            assert 403 == answer.status
        async with session.put(fake.control_url, json={"hail": True}) as answer:
            assert 400 == answer.status
        async with session.put(fake.control_url, json={"latency_ms": 5}) as answer:
            assert 5 == (await answer.json())["faults"]["latency_ms"]
