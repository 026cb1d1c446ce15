"""The life of a detector as a program for Amazon Fraud Detector makes it, with plain boto3 against a process of the API."""

import asyncio
from pathlib import Path
from typing import Any

import boto3
import pytest

from fraudstream.settings import Settings
from tests.api.fraud_detector import programs
from tests.api.fraud_detector.door import boto_client
from tests.api.serving import serving
from tests.postgresql_server import new_database
from tests.s3_server import bucket, s3

__all__ = ["bucket", "s3"]

pytestmark = pytest.mark.timeout(500)


def trainings(client: Any, folder: str) -> None:
    """1.0, then 1.1 as an update of it; one at a time."""
    client.create_model(**programs.MODEL, eventTypeName=programs.EVENT_TYPE)
    with pytest.raises(
        client.exceptions.ResourceNotFoundException, match=r"VariableIds: \[EVENT_TIMESTAMP\] do not"
    ):
        programs.train(client, f"{folder}/train.csv", ["amount", "EVENT_TIMESTAMP"])
    assert "1.0" == programs.train(client, f"{folder}/train.csv")
    with pytest.raises(client.exceptions.ValidationException, match="Simultaneous training"):
        programs.train(client, f"{folder}/train.csv")
    first = programs.trained(client, "1.0")
    assert "TRAINING_COMPLETE" == first["status"], first
    points = first["trainingResult"]["trainingMetrics"]["metricDataPoints"]
    assert [0.0, 5.0, 1000.0] == [points[number]["threshold"] for number in (0, 1, -1)]
    assert {0.01, 0.02, 0.03, 0.04, 0.05, 0.06} <= {each["fpr"] for each in points}
    programs.activate_model(client, "1.00")
    made = client.update_model_version(**programs.MODEL, majorVersionNumber="1")
    assert ("1.1", "TRAINING_IN_PROGRESS") == (made["modelVersionNumber"], made["status"])
    second = programs.trained(client, "1.1")
    assert "TRAINING_COMPLETE" == second["status"], second


async def test_a_detector_lives_as_its_program_says(
    kafka_settings: Settings, postgresql: str, bucket: str, tmp_path: Path
) -> None:
    """Create, train, update, deploy, predict, and tear down, also what is gone already."""
    settings = kafka_settings.model_copy(update={"database": new_database(postgresql)})
    train, batch = programs.training_file(tmp_path)
    for name, content in (("train.csv", train), ("batch.csv", batch)):
        boto3.client("s3").put_object(Bucket=bucket, Key=name, Body=content)
    async with serving(settings, api_fraud_detector=True) as http:
        client = boto_client(str(http.base_url))
        await asyncio.to_thread(programs.create, client)
        await asyncio.to_thread(trainings, client, f"s3://{bucket}")
