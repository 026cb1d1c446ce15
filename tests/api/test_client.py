"""The Python client, sync and async, against a real API and a real worker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable

import httpx
import pytest

from fraudstream.adapters.database.api_keys import ApiKeys
from fraudstream.adapters.database.engine import opened
from fraudstream.client import ApiError, AsyncClient, Client, Decision, Late, Score
from fraudstream.settings import Settings
from tests.api.events import event
from tests.api.serving import serving
from tests.end_to_end.harness import Worker, read_all
from tests.models import saved
from tests.notebook.test_open import trees

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


async def test_a_what_if_question_counts_nothing(url: str, kafka_settings: Settings) -> None:
    """It is judged with what is told, by the model that workers have; needs a key of its own scope; leaves no trace in the log."""
    keys = ApiKeys(opened(kafka_settings.database_url))
    saved(kafka_settings.data_dir / "models", trees())
    asked = event("w-1", amount=70)
    async with AsyncClient(url, keys.create("test", ["score"]), patience_s=60) as asking:
        told = await asking.score(asked, {"num_trans_last_10m": 9})
        refusals = [
            await refused(asking.score(asked, features, release))
            for features, release in (({"no_such": 1.0}, None), ({}, 999))
        ]
        refusals.append(await refused(asking.score({"tid": "w-2"})))
        refusals.append(await refused(asking.predict(asked)))

    assert (9, ["num_trans_last_10m"]) == (told.features["num_trans_last_10m"], told.told)
    assert told.raw["outcome"] == told.outcome
    assert [(422, "invalid"), (404, "unknown"), (422, "invalid"), (403, "forbidden")] == refusals
    assert [] == await read_all(kafka_settings, "transactions")

    def synchronous() -> Score:
        with Client(url, keys.create("test", ["score"]), patience_s=60) as client:
            return client.score(asked, {"num_trans_last_10m": 9})

    assert told == await asyncio.to_thread(synchronous)


async def refused(asking: Awaitable[object]) -> tuple[int, str]:
    """Return status and code of the error that a question is answered with."""
    with pytest.raises(ApiError) as error:
        await asking
    return error.value.status, error.value.code
