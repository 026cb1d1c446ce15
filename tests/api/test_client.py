"""The Python client, sync and async, against a real API and a real worker."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from fraudstream.adapters.database.api_keys import ApiKeys
from fraudstream.adapters.database.engine import opened
from fraudstream.client import ApiError, AsyncClient, Client, Decision, Late
from fraudstream.settings import Settings
from tests.api.events import event
from tests.api.serving import serving
from tests.end_to_end.harness import Worker

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def url(kafka_settings: Settings) -> AsyncIterator[str]:
    """Run a worker and an API that wants keys."""
    with Worker(kafka_settings):
        async with serving(kafka_settings, api_without_keys=False) as client:
            yield str(client.base_url)


async def test_both_clients_are_answered_alike(url: str, kafka_settings: Settings) -> None:
    """Decisions with types, errors in their place, labels, and a decision of before; with a key, and not without."""
    key = ApiKeys(opened(kafka_settings.database_url)).create("test", ["predict", "labels"])
    async with AsyncClient(url, key, patience_s=60) as asking:
        first = await asking.predict(event("p-1"))
        many = await asking.predict_many([event("p-2", 1), {"amount": 1}])
        found, missing = await asking.fetch("p-1"), await asking.fetch("nobody")
        await asking.label("p-1", True, source="review")

    assert ("p-1", "approve") == (first.transaction_id, first.outcome)
    assert first.raw["features"] == first.features
    assert [Decision, ApiError] == [type(each) for each in many]
    assert (first, None) == (found, missing)

    def synchronous() -> tuple[Decision, list[Decision | ApiError], Decision | None]:
        with Client(url, key, patience_s=60) as client:
            client.label("p-2", None)
            return (
                client.predict(event("p-3", 2)),
                client.predict_many([event("p-4", 3)]),
                client.fetch("p-1"),
            )

    one, others, again = await asyncio.to_thread(synchronous)
    assert ("p-3", first) == (one.transaction_id, again)
    assert ["p-4"] == [each.transaction_id for each in others]

    async with AsyncClient(url, key + "x") as stranger:
        with pytest.raises(ApiError) as error:
            await stranger.predict(event("p-5"))
    assert (401, "unauthorized") == (error.value.status, error.value.code)


async def test_a_client_says_what_it_could_not_learn_in_time(kafka_settings: Settings) -> None:
    """No worker: the event is in the log, and named. No API: nothing is known."""
    async with serving(kafka_settings) as http, AsyncClient(str(http.base_url), patience_s=1.0) as client:
        with pytest.raises(Late) as late:
            await client.predict(event("late"))
    assert "late" == late.value.transaction_id

    async with AsyncClient(str(http.base_url), patience_s=0.5) as client:
        with pytest.raises(ApiError) as error:
            await client.predict(event("nobody"))
    assert (0, "unreachable") == (error.value.status, error.value.code)
    assert isinstance(error.value.__cause__, httpx.TransportError)
