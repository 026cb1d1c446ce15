"""The published sample notebooks of Amazon Fraud Detector, from their file to their clean-up, on an event type drafted from that file."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import polars as pl
import pytest

from fraudstream.settings import Settings
from tests.api.fraud_detector import notebooks
from tests.api.fraud_detector.door import boto_client
from tests.api.serving import serving
from tests.commands.running import environment
from tests.end_to_end.harness import Worker, settled
from tests.s3_server import bucket, s3

__all__ = ["bucket", "s3"]

pytestmark = pytest.mark.timeout(900)

ONLINE = {"modelId": "online_model", "modelType": "ONLINE_FRAUD_INSIGHTS"}
TAKEOVER = {"modelId": "takeover_model", "modelType": "ACCOUNT_TAKEOVER_INSIGHTS"}
ROWS, BATCH, PREDICTED = 3_000, 50, 5
IMPORT = "batch_import_transactions"


def command(settings: Settings, *arguments: str | Path) -> str:
    """Return what a command of ours prints."""
    done = subprocess.run(
        [sys.executable, "-m", "fraudstream", *map(str, arguments)],
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


def external(client: Any, bucket: str) -> str:
    """Train on the file, read what the charts show, and let a detector judge; return its version."""
    notebooks.define(client)
    notebooks.define(client)
    details = notebooks.trained(
        client,
        ONLINE,
        trainingDataSource="EXTERNAL_EVENTS",
        trainingDataSchema=notebooks.SCHEMA,
        externalEventsDetail={
            "dataLocation": f"s3://{bucket}/train.csv",
            "dataAccessRoleArn": notebooks.ROLE,
        },
    )
    result, newer = details["trainingResult"], details["trainingResultV2"]
    points = result["trainingMetrics"]["metricDataPoints"]
    assert 0.9 < result["trainingMetrics"]["auc"] <= 1.0
    assert {0.01, 0.02, 0.03, 0.04, 0.05, 0.06} <= {each["fpr"] for each in points}
    assert points == newer["trainingMetricsV2"]["ofi"]["metricDataPoints"]
    importances = newer["variableImportanceMetrics"]["logOddsMetrics"]
    assert "order_price" == importances[0]["variableName"]
    assert {each["variableName"] for each in importances} <= {*notebooks.VARIABLES}
    return notebooks.deployed(client, ONLINE, details["modelVersionNumber"])


def stored(client: Any, bucket: str) -> None:
    """Import the file's events, with labels called 0 and 1 that no model has mapped yet."""
    client.create_batch_import_job(
        jobId=IMPORT,
        inputPath=f"s3://{bucket}/train.csv",
        outputPath=f"s3://{bucket}",
        eventTypeName=notebooks.EVENT_TYPE,
        iamRoleArn=notebooks.ROLE,
    )
    told = notebooks.ended(lambda: job(client)["status"], "IN_PROGRESS")
    assert "COMPLETE" == told, job(client)
    counts = [job(client)[name] for name in ("processedRecordsCount", "failedRecordsCount")]
    assert [ROWS, 0] == counts


def job(client: Any) -> dict[str, Any]:
    """Return the import as it is now."""
    (found,) = client.get_batch_import_jobs(jobId=IMPORT)["batchImports"]
    return dict(found)


def realtime(client: Any, version: str, events: pl.DataFrame) -> None:
    """Events of the file, again: dear ones are frauds, cheap ones are not."""
    frauds = events.filter(pl.col("EVENT_LABEL") == "1").tail(PREDICTED)
    others = events.filter(pl.col("EVENT_LABEL") == "0").tail(PREDICTED)
    scores = [
        [notebooks.predicted(client, version, ONLINE, row)[0] for row in rows.to_dicts()]
        for rows in (frauds, others)
    ]
    assert min(scores[0]) > max(scores[1]), scores


def takeovers(client: Any, events: pl.DataFrame) -> str:
    """Train on the events that were imported; return the version."""
    window = {"startTime": events["EVENT_TIMESTAMP"][0], "endTime": events["EVENT_TIMESTAMP"][-1]}
    details = notebooks.trained(
        client,
        TAKEOVER,
        trainingDataSource="INGESTED_EVENTS",
        trainingDataSchema=notebooks.SCHEMA,
        ingestedEventsDetail={"ingestedEventsTimeWindow": window},
    )
    newer = details["trainingResultV2"]
    metrics = newer["trainingMetricsV2"]["ati"]
    assert 0.9 < metrics["modelPerformance"]["asi"] <= 1.0
    rates = [each["cr"] for each in metrics["metricDataPoints"]]
    assert (1.0, sorted(rates, reverse=True)) == (round(rates[0], 6), rates)
    names = [
        each["variableNames"] for each in newer["aggregatedVariablesImportanceMetrics"]["logOddsMetrics"]
    ]
    assert ["order_price"] in names
    return str(details["modelVersionNumber"])


def explained(client: Any, version: str, event: str) -> None:
    """Find a prediction in the list, and read what moved its score."""
    named = {"detectorId": notebooks.DETECTOR, "detectorVersionId": version}
    (found,) = client.list_event_predictions(
        eventId={"value": event},
        eventType={"value": notebooks.EVENT_TYPE},
        **{name: {"value": value} for name, value in named.items()},
        predictionTimeRange={"startTime": "2022-01-01T00:00:00Z", "endTime": "2122-01-01T00:00:00Z"},
    )["eventPredictionSummaries"]
    told = client.get_event_prediction_metadata(
        eventId=event,
        eventTypeName=notebooks.EVENT_TYPE,
        predictionTimestamp=found["predictionTimestamp"],
        **named,
    )
    why = told["evaluatedModelVersions"][0]["evaluations"][0]["predictionExplanations"]
    assert "order_price" in {each["eventVariableName"] for each in why["variableImpactExplanations"]}


def batch(client: Any, bucket: str, version: str) -> None:
    """Predict a file into a bucket; the output is found by the name of the job."""
    client.create_batch_prediction_job(
        jobId="batch_prediction",
        inputPath=f"s3://{bucket}/batch.csv",
        outputPath=f"s3://{bucket}",
        eventTypeName=notebooks.EVENT_TYPE,
        detectorName=notebooks.DETECTOR,
        detectorVersion=version,
        iamRoleArn=notebooks.ROLE,
    )
    notebooks.ended(
        lambda: client.get_batch_prediction_jobs(jobId="batch_prediction")["batchPredictions"][0]["status"],
        "IN_PROGRESS",
    )
    s3 = boto3.client("s3")
    (made,) = s3.list_objects_v2(Bucket=bucket, Prefix="batch_prediction")["Contents"]
    rows = pl.read_csv(s3.get_object(Bucket=bucket, Key=made["Key"])["Body"].read())
    assert (BATCH, {"Success"}) == (rows.height, {*rows["STATUS"]})
    client.delete_batch_prediction_job(jobId="batch_prediction")


async def test_the_published_notebooks_run(kafka_settings: Settings, bucket: str, tmp_path: Path) -> None:
    """Three of them in one account: external data, account takeovers on stored data, batch prediction; and the clean-up."""
    events, file, drafted = (
        notebooks.sample(ROWS),
        tmp_path / "transactions.csv",
        tmp_path / "transactions.toml",
    )
    events.write_csv(file)
    unlabelled = events.head(BATCH).drop("EVENT_LABEL", "LABEL_TIMESTAMP").write_csv().encode()
    for name, content in (("train.csv", file.read_bytes()), ("batch.csv", unlabelled)):
        boto3.client("s3").put_object(Bucket=bucket, Key=name, Body=content)
    drafted.write_text(command(kafka_settings, "event-types", "infer", file))
    settings = kafka_settings.model_copy(update={"event_type": str(drafted)})
    async with serving(settings, api_fraud_detector=True, api_fraud_detector_initializing_s=0.1) as http:
        client = boto_client(str(http.base_url))
        version = await asyncio.to_thread(external, client, bucket)
        await asyncio.to_thread(batch, client, bucket, version)
        with Worker(settings, ("-m", "fraudstream", "worker")):
            await asyncio.to_thread(stored, client, bucket)
            await asyncio.to_thread(realtime, client, version, events)
            await settled(settings, timeout_s=240)
        await asyncio.to_thread(command, settings, "archive", "run", "--once")
        await asyncio.to_thread(explained, client, version, "e1x")
        trained = await asyncio.to_thread(takeovers, client, events)
        models = [(ONLINE, "1.0"), (TAKEOVER, trained)]
        await asyncio.to_thread(notebooks.cleaned_up, client, version, models)
        assert [] == client.get_event_types()["eventTypes"] == client.get_models()["models"]
