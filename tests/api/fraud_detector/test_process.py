"""`fraudstream api --fraud-detector` beside a real worker: define, predict, and remove everything, with boto3 alone."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from fraudstream.adapters.database.api_keys import ApiKeys
from fraudstream.adapters.database.engine import opened
from fraudstream.settings import Settings
from tests.api.fraud_detector.building import DETECTOR, build, rule, set_status, tear_down, version
from tests.api.fraud_detector.door import MODEL, boto_client
from tests.api.serving import serving
from tests.end_to_end.harness import Worker, read_all
from tests.end_to_end.test_worker import CARDS

pytestmark = pytest.mark.timeout(300)

WORKER = ("-m", "tests.api.fraud_detector.scaled_worker")
TARGET = "AWSHawksNestServiceFacade."
START = datetime.now(UTC) - timedelta(minutes=5)


def predict(
    client: Any, event_id: str, after_s: int, amount: str = "20.00", **changed: Any
) -> dict[str, Any]:
    """Ask for a prediction about a payment with the first card."""
    asked = {
        "detectorId": DETECTOR,
        "eventId": event_id,
        "eventTypeName": "payment",
        "eventTimestamp": (START + timedelta(seconds=after_s)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "entities": [{"entityType": "customer", "entityId": "c-1"}],
        "eventVariables": {"amount": amount, "cc_num": str(CARDS[0]), "merchant": "Corner shop"},
    }
    answer = client.get_event_prediction(**asked | changed)
    return {name: part for name, part in answer.items() if name != "ResponseMetadata"}


def deploy(client: Any) -> None:
    """Make a detector with two rules, and let its first version judge."""
    build(client)
    high = rule(client, "high", "$fraud_model_insightscore > 890 and $amount >= 10.5", "block", "review")
    shop = rule(client, "shop", 'lowercase($merchant) == "corner shop"', "approve")
    set_status(client, version(client, high, shop), "ACTIVE")
    both = version(client, high, shop, ruleExecutionMode="ALL_MATCHED")
    assert "2" == both


def told(answer: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return the rules that hold and their outcomes."""
    return [(each["ruleId"], each["outcomes"]) for each in answer["ruleResults"]]


def refused(client: Any, code: str, said: str, **changed: Any) -> None:
    """Expect an error about a prediction."""
    with pytest.raises(ClientError, match=said) as error:
        predict(client, "refused", 5, **changed)
    assert code == error.value.response["Error"]["Code"]


def story(client: Any) -> None:
    """Define, predict, change, predict again."""
    deploy(client)
    first, second = predict(client, "e-1", 0), predict(client, "e-2", 2)
    assert [("shop", ["approve"])] == told(first)
    assert [("high", ["block", "review"])] == told(second)
    ((score,),) = [each["scores"].values() for each in second["modelScores"]]
    assert 899.0 == score
    assert second == predict(client, "e-2", 2)
    assert [("shop", ["approve"])] == told(predict(client, "e-3", 4, "10.49"))

    set_status(client, "2", "ACTIVE")
    assert [("high", ["block", "review"]), ("shop", ["approve"])] == told(predict(client, "e-4", 5))
    refused(
        client, "ValidationException", "version 1 of detector payments is not active", detectorVersionId="1"
    )
    refused(client, "ValidationException", "is of events of the type payment", eventTypeName="other")
    refused(client, "ResourceNotFoundException", "detector absent does not exist", detectorId="absent")
    refused(client, "ValidationException", "variable amount is not of the type FLOAT", amount="much")
    refused(client, "ValidationException", "too-large|amount", amount="99999999999999")
    refused(
        client,
        "ValidationException",
        "have no entity type merchant",
        entities=[{"entityType": "merchant", "entityId": "m"}],
    )
    with pytest.raises(client.exceptions.ConflictException):
        predict(client, "e-2", 2, "21.00")


async def test_a_program_defines_predicts_and_removes_everything(kafka_settings: Settings) -> None:
    """Each event is in the log and among the decisions, once; without an active version none is sent."""
    with Worker(kafka_settings, WORKER):
        async with serving(kafka_settings, api_fraud_detector=True) as http:
            client = boto_client(str(http.base_url))
            await asyncio.to_thread(story, client)
            published = await read_all(kafka_settings, "decisions")
            assert 4 == len(published) == len(await read_all(kafka_settings, "transactions"))
            await asyncio.to_thread(set_status, client, "2", "INACTIVE")
            with pytest.raises(client.exceptions.ResourceNotFoundException, match="has no active version"):
                await asyncio.to_thread(predict, client, "e-9", 9)
            await asyncio.to_thread(tear_down, client)
            assert 4 == len(await read_all(kafka_settings, "transactions"))
            assert [] == [name for name in sorted(MODEL.operation_names) if await unknown(http, name)]


async def unknown(http: httpx.AsyncClient, operation: str) -> bool:
    """Tell whether an operation of the service is none here."""
    answer = await http.post("/", content=b"{}", headers={"X-Amz-Target": f"{TARGET}{operation}"})
    return "is not supported" in answer.text or answer.json().get("__type") == "UnknownOperationException"


async def test_predictions_need_a_key_of_their_own(kafka_settings: Settings) -> None:
    """One for detectors defines, one for predictions asks; and a model without an insight scale has no score to give."""
    keys = ApiKeys(opened(kafka_settings.database_url))
    defines, asks = keys.create("console", ["detectors"]), keys.create("shop", ["predict"])
    with Worker(kafka_settings):
        async with serving(kafka_settings, api_fraud_detector=True, api_without_keys=False) as http:
            url = str(http.base_url)
            await asyncio.to_thread(deploy, boto_client(url, defines))
            with pytest.raises(ClientError, match="is for detectors, not for predict"):
                await asyncio.to_thread(predict, boto_client(url, defines), "e-1", 0)
            with pytest.raises(ClientError, match="has no insight score") as error:
                await asyncio.to_thread(predict, boto_client(url, asks), "e-1", 0)
            assert "ResourceUnavailableException" == error.value.response["Error"]["Code"]
