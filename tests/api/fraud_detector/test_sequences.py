"""The life of a detector as a program for Amazon Fraud Detector makes it, with plain boto3 against a process of the API."""

import ast
import asyncio
import csv
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.registry import Registry
from fraudstream.settings import Settings
from tests.api.fraud_detector import programs
from tests.api.fraud_detector.door import boto_client
from tests.api.serving import serving
from tests.end_to_end.harness import Worker, decisions_of, read_all
from tests.postgresql_server import new_database
from tests.s3_server import bucket, s3

__all__ = ["bucket", "s3"]

API = {
    "api_fraud_detector": True,
    "api_fraud_detector_initializing_s": 1.0,
    "api_fraud_detector_outcomes": "high_risk=block,medium_risk=review,low_risk=approve",
}
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


def deployments(client: Any) -> None:
    """New rule versions, then a new detector version with the model; a model that is not ACTIVE is refused."""
    rules = programs.update_rules(client, "1")
    assert ["2", "2", "2"] == [each["ruleVersion"] for each in rules]
    with pytest.raises(
        client.exceptions.ValidationException, match=r"version 1\.1 of model fraud_model is not ACTIVE"
    ):
        programs.deploy(client, "1.1", rules)
    assert "2" == programs.deploy(client, "1.0", rules)
    with pytest.raises(client.exceptions.ConflictException, match="is used by version 2"):
        client.update_model_version_status(**programs.MODEL, modelVersionNumber="1.0", status="INACTIVE")


def batches(client: Any, bucket: str) -> None:
    """Every row of the file has a score, and the rules' outcome for it."""
    begun = programs.start_batch(client, "batch-1", f"s3://{bucket}/batch.csv", f"s3://{bucket}/out.csv", "2")
    assert ("IN_PROGRESS_INITIALIZING", 0) == (begun["status"], begun["processedRecordsCount"])
    with pytest.raises(client.exceptions.ConflictException, match="cannot be deleted"):
        client.delete_batch_prediction_job(jobId="batch-1")
    ended = programs.ended_batch(client, "batch-1")
    assert ("COMPLETE", 200, "2") == (
        ended["status"],
        ended["processedRecordsCount"],
        ended["detectorVersion"],
    ), ended
    written = boto3.client("s3").get_object(Bucket=bucket, Key="out.csv")["Body"].read()
    rows = list(csv.DictReader(io.StringIO(written.decode())))
    assert 200 == len(rows)
    for row in rows:
        score = ast.literal_eval(row["MODEL_SCORES"])["fraud_model"]
        rule = (
            "investigate"
            if score > 900
            else "review"
            if 700 < score < 900
            else "approve"
            if score < 700
            else None
        )
        outcome = programs.OUTCOMES.get(rule or "", "")
        assert ("Success", outcome) == (row["STATUS"], row["OUTCOMES"])
        assert ({rule: [outcome]} if rule else {}) == json.loads(row["RULE_RESULTS"])
        assert row["EVENT_TIMESTAMP"].endswith("Z")
    client.delete_batch_prediction_job(jobId="batch-1")
    assert [] == client.get_batch_prediction_jobs()["batchPredictions"]


def realtime(client: Any, bucket: str, settings: Settings) -> None:
    """The release that the detector version became decides, and says so."""
    answer = programs.predict(
        client,
        "e-1",
        "2020-02-13T09:21:53.000Z",
        amount="24.00",
        cc_num="180046165512893",
        merchant="Corner shop",
    )
    (scores,) = answer["modelScores"]
    assert "1.0" == scores["modelVersion"]["modelVersionNumber"]
    assert ["fraud_model_insightscore"] == [*scores["scores"]]
    reviewed(client.meta.endpoint_url, bucket, settings, next(iter(scores["scores"].values())))
    decided = httpx.get(f"{client.meta.endpoint_url}/v1/predictions/e-1").json()
    assert "card-1" == decided["release"]
    assert decided["insight_score"] == scores["scores"]["fraud_model_insightscore"]


def events_and_lists(client: Any) -> None:
    """An event that is sent counts as any other, and its label goes to the topic; lists are those of the topic."""
    sent = {
        "eventId": "s-1",
        "eventTypeName": programs.EVENT_TYPE,
        "eventTimestamp": "2020-02-13T09:22:53Z",
        "eventVariables": {"amount": "30.00", "cc_num": "180046165512893", "merchant": "Other shop"},
        "entities": [{"entityType": programs.ENTITY, "entityId": "unknown"}],
    }
    client.send_event(**sent, assignedLabel="fraud", labelTimestamp="2020-03-01T00:00:00Z")
    client.update_event_label(
        eventId="e-1",
        eventTypeName=programs.EVENT_TYPE,
        assignedLabel="legit",
        labelTimestamp="2020-03-02T00:00:00Z",
    )
    event = client.get_event(eventId="s-1", eventTypeName=programs.EVENT_TYPE)["event"]
    assert ("2020-02-13T09:22:53.000Z", {"amount": "30.0", "merchant": "Other shop"}) == (
        event["eventTimestamp"],
        event["eventVariables"],
    )
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_event(eventId="absent", eventTypeName=programs.EVENT_TYPE)
    client.create_list(
        name="bad_shops", elements=["Corner shop", "x"], variableType="BILLING_NAME", description="bad"
    )
    client.update_list(name="bad_shops", elements=["Other shop"], updateMode="APPEND")
    client.update_list(name="bad_shops", elements=["x"], updateMode="REMOVE")
    assert ["Corner shop", "Other shop"] == client.get_list_elements(name="bad_shops")["elements"]
    (listed,) = client.get_lists_metadata()["lists"]
    assert ("bad_shops", "bad", "BILLING_NAME") == (
        listed["name"],
        listed["description"],
        listed["variableType"],
    )


def reviewed(url: str, bucket: str, settings: Settings, score: float) -> None:
    """A program that is unsure starts a human loop, at the same address, and a case is opened."""
    loops = programs.start_review(url, bucket, score)
    store, deadline = CaseStore(opened(settings.database_url)), time.monotonic() + programs.PATIENCE_S
    case = None
    while case is None:
        assert time.monotonic() < deadline
        time.sleep(0.2)
        with store.transaction() as cases:
            case = cases.claim_next("ann")
    assert ("Fraud-1", score) == (case.entity, case.payload["input"]["score"] if case.payload else None)
    assert "InProgress" == loops.describe_human_loop(HumanLoopName="Fraud-1")["HumanLoopStatus"]


def imports(client: Any, bucket: str) -> None:
    """A file's events go into the log with their labels; a row that is none is counted."""
    rows = [
        f"b-{number},2020-02-14T09:21:5{number}Z,customer,c-1,24.00,180046165512893,Corner shop,{label}"
        for number, label in enumerate(("fraud", "legit", ""))
    ]
    head = "EVENT_ID,EVENT_TIMESTAMP,ENTITY_TYPE,ENTITY_ID,amount,cc_num,merchant,EVENT_LABEL"
    bad = "b-9,2020-02-14T09:22:00Z,customer,c-1,much,180046165512893,Corner shop,legit"
    boto3.client("s3").put_object(
        Bucket=bucket, Key="events.csv", Body="\n".join([head, *rows, bad]).encode()
    )
    client.create_batch_import_job(
        jobId="import-1",
        inputPath=f"s3://{bucket}/events.csv",
        outputPath=f"s3://{bucket}/errors/",
        eventTypeName=programs.EVENT_TYPE,
        iamRoleArn=programs.ROLE,
    )
    job = programs.ended_import(client, "import-1")
    assert ("COMPLETE", 3, 1, 4) == (
        job["status"],
        job["processedRecordsCount"],
        job["failedRecordsCount"],
        job["totalRecordsCount"],
    ), job
    client.delete_batch_import_job(jobId="import-1")


def past(client: Any, settings: Settings) -> None:
    """All events are predictions of version 2, with the reasons of their scores."""
    given = {
        f"FRAUDSTREAM_{name.upper()}": str(value)
        for name, value in settings.model_dump(exclude_none=True).items()
    }
    archive = [sys.executable, "-m", "fraudstream", "archive", "run", "--once"]
    subprocess.run(archive, env=os.environ | given, capture_output=True, check=True)
    listed = client.list_event_predictions()["eventPredictionSummaries"]
    assert [(name, "2") for name in ("b-2", "b-1", "b-0", "s-1", "e-1")] == [
        (each["eventId"], each["detectorVersionId"]) for each in listed
    ]
    asked = {name: value for name, value in listed[-1].items() if name != "eventTimestamp"}
    told = client.get_event_prediction_metadata(**asked)
    (model,) = told["evaluatedModelVersions"]
    assert ("fraud_model", "1.0") == (model["modelId"], model["modelVersion"])
    explained = model["evaluations"][0]["predictionExplanations"]
    assert {"amount", "merchant"} <= {
        each["eventVariableName"] for each in explained["variableImpactExplanations"]
    }
    assert explained["aggregatedVariablesImpactExplanations"]


def imported(settings: Settings, url: str, out: Path) -> dict[str, Any]:
    """Run `fraudstream import fraud-detector` on this account."""
    command = ["import", "fraud-detector", "--out", str(out), "--outcome", "high_risk=block", "--json"]
    command += ["--outcome", "medium_risk=review"]
    done = subprocess.run(
        [sys.executable, "-m", "fraudstream", *command],
        env=os.environ | {"AWS_ENDPOINT_URL_FRAUDDETECTOR": url},
        capture_output=True,
        check=True,
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def account(client: Any, settings: Settings, folder: Path) -> None:
    """An account becomes files of ours; a second run asks for nothing that is there already."""
    said = imported(settings, client.meta.endpoint_url, folder / "files")
    assert [f"{programs.EVENT_TYPE}.toml", "lists/bad_shops.csv"] == said["files"]
    assert [
        "rule approve is a draft: say what its outcome is with --outcome low_risk=block, =review or =approve"
    ] == [each.partition(": ")[2] for each in said["left_out"] if "draft" in each]
    event_type = event_type_named(str(folder / "files" / f"{programs.EVENT_TYPE}.toml"))
    assert ("amount", "cc_num", ("fraud",)) == (
        event_type.amount,
        event_type.entity.field if event_type.entity else None,
        event_type.label.fraud if event_type.label else None,
    )
    assert ["investigate", "review", "approve"] == [rule.name for rule in event_type.ruleset.rules]
    assert (
        "value\r\nCorner shop\r\nOther shop\r\n"
        == (folder / "files" / "lists" / "bad_shops.csv").read_bytes().decode()
    )
    assert said == imported(settings, "http://127.0.0.1:9", folder / "files")
    client.delete_list(name="bad_shops")
    assert [] == client.get_lists_metadata()["lists"]


async def test_a_detector_lives_as_its_program_says(
    kafka_settings: Settings, postgresql: str, bucket: str, tmp_path: Path
) -> None:
    """Create, train, update, deploy, predict, and tear down, also what is gone already."""
    settings = kafka_settings.model_copy(update={"database": new_database(postgresql)})
    train, batch = programs.training_file(tmp_path)
    for name, content in (("train.csv", train), ("batch.csv", batch)):
        boto3.client("s3").put_object(Bucket=bucket, Key=name, Body=content)
    async with serving(settings, **API) as http:
        client = boto_client(str(http.base_url))
        await asyncio.to_thread(programs.create, client)
        await asyncio.to_thread(trainings, client, f"s3://{bucket}")
        await asyncio.to_thread(deployments, client)
        await asyncio.to_thread(batches, client, bucket)
        with Worker(settings, ("-m", "fraudstream", "worker")):
            await asyncio.to_thread(realtime, client, bucket, settings)
            await asyncio.to_thread(events_and_lists, client)
            await asyncio.to_thread(imports, client, bucket)
            await decisions_of(settings, {"b-0", "b-1", "b-2"})
        await asyncio.to_thread(past, client, settings)
        await asyncio.to_thread(programs.deletions, client)
        await asyncio.to_thread(account, client, settings, tmp_path)
        labels = [("b-0", True), ("b-1", False), ("b-2", None), ("e-1", False), ("s-1", True)]
        assert labels == sorted(
            (label["transaction_id"], label["fraud"])
            for label in (json.loads(each.value) for each in await read_all(settings, "labels"))
        )
        await asyncio.to_thread(programs.tear_down, client)
        await asyncio.to_thread(programs.tear_down, client)
        assert [] == client.get_variables()["variables"] == client.get_models()["models"]
    assert {"1.0": "ACTIVE", "1.1": "DELETED"} == {
        str(version): state for version, state in Registry.of(settings).log().states.items()
    }
