"""The steps of a program for Amazon Fraud Detector, in its own words: plain boto3, and files in S3."""

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import polars as pl
import pytest

from fraudstream.world.generate import generate
from fraudstream.world.world import World

EVENT_TYPE, ENTITY, DETECTOR = "credit_card_transaction", "customer", "fraud_detector_demo"
MODEL = {"modelId": "fraud_model", "modelType": "ONLINE_FRAUD_INSIGHTS"}
SCORE = "$fraud_model_insightscore"
ROLE = "arn:aws:iam::000000000000:role/FraudDetectorRole"
VARIABLES = {"cc_num": "STRING", "merchant": "STRING", "amount": "FLOAT"}
OUTCOMES = {"investigate": "high_risk", "review": "medium_risk", "approve": "low_risk"}
"""Rule -> its outcome."""

EXPRESSIONS = {
    "investigate": f"{SCORE} > 900",
    "review": f"{SCORE} > 700 and {SCORE} < 900",
    "approve": f"{SCORE} < 700",
}
PATIENCE_S = 240.0


def training_file(folder: Path) -> tuple[bytes, bytes]:
    """Return two weeks of events to train on, as a program's ETL writes them, and some of them to predict."""
    from datetime import date

    generate(World(seed=1, cards=400, days=14, payments=20_000, start=date(2020, 1, 1)), folder / "history")
    history = pl.read_parquet(folder / "history" / "date=*" / "*.parquet", hive_partitioning=False)
    when = pl.from_epoch("event_time", "ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").alias("EVENT_TIMESTAMP")
    label = pl.when("is_fraud").then(pl.lit("fraud")).otherwise(pl.lit("legit")).alias("EVENT_LABEL")
    events = history.select(*VARIABLES, when, label, pl.col("tid").alias("EVENT_ID"))
    batch = events.tail(200).with_columns(
        pl.lit(ENTITY).alias("ENTITY_TYPE"), pl.col("cc_num").cast(pl.String).alias("ENTITY_ID")
    )
    return (
        events.drop("EVENT_ID").write_csv().encode(),
        batch.drop("EVENT_LABEL").write_csv().encode(),
    )


def create(client: Any) -> None:
    """Make everything that a model and a detector need, with a placeholder for the score, as a stack of CloudFormation does."""
    for name, data_type in VARIABLES.items():
        default = "0.0" if data_type == "FLOAT" else "none"
        client.create_variable(name=name, dataType=data_type, dataSource="EVENT", defaultValue=default)
    for name in ("fraud", "legit"):
        client.put_label(name=name)
    client.put_entity_type(name=ENTITY)
    client.put_event_type(
        name=EVENT_TYPE, eventVariables=[*VARIABLES], labels=["fraud", "legit"], entityTypes=[ENTITY]
    )
    client.put_detector(detectorId=DETECTOR, eventTypeName=EVENT_TYPE)
    for rule, outcome in OUTCOMES.items():
        client.put_outcome(name=outcome)
        client.create_rule(
            ruleId=rule,
            detectorId=DETECTOR,
            expression="$amount > 500",
            language="DETECTORPL",
            outcomes=[outcome],
        )
    rules = [{"detectorId": DETECTOR, "ruleId": rule, "ruleVersion": "1"} for rule in OUTCOMES]
    client.create_detector_version(detectorId=DETECTOR, rules=rules, ruleExecutionMode="FIRST_MATCHED")


def train(client: Any, place: str, variables: list[str] | None = None) -> str:
    """Begin a new model version; return its number."""
    made = client.create_model_version(
        **MODEL,
        trainingDataSource="EXTERNAL_EVENTS",
        trainingDataSchema={
            "modelVariables": variables or [*VARIABLES],
            "labelSchema": {"labelMapper": {"FRAUD": ["fraud"], "LEGIT": ["legit"]}},
        },
        externalEventsDetail={"dataLocation": place, "dataAccessRoleArn": ROLE},
    )
    assert "TRAINING_IN_PROGRESS" == made["status"]
    return str(made["modelVersionNumber"])


def model_status(client: Any, number: str) -> str:
    """Return what a version is."""
    return str(client.get_model_version(**MODEL, modelVersionNumber=number)["status"])


def trained(client: Any, number: str) -> dict[str, Any]:
    """Wait until a training has ended, and return what came of it."""
    deadline = time.monotonic() + PATIENCE_S
    while model_status(client, number) == "TRAINING_IN_PROGRESS":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    (details,) = client.describe_model_versions(**MODEL, modelVersionNumber=number)["modelVersionDetails"]
    return dict(details)


def activate_model(client: Any, number: str) -> None:
    """Let detectors use a version."""
    client.update_model_version_status(**MODEL, modelVersionNumber=number, status="ACTIVE")
    assert "ACTIVE" == model_status(client, number)


def update_rules(client: Any, before: str) -> list[dict[str, str]]:
    """Let the rules ask for the score; return their new versions."""
    return [
        client.update_rule_version(
            rule={"detectorId": DETECTOR, "ruleId": rule, "ruleVersion": before},
            expression=EXPRESSIONS[rule],
            language="DETECTORPL",
            outcomes=[outcome],
        )["rule"]
        for rule, outcome in OUTCOMES.items()
    ]


def deploy(client: Any, model_version: str, rules: list[dict[str, str]]) -> str:
    """Make a detector version with a model version and let it judge; return its number."""
    made = client.create_detector_version(
        detectorId=DETECTOR,
        rules=rules,
        modelVersions=[MODEL | {"modelVersionNumber": model_version}],
        ruleExecutionMode="FIRST_MATCHED",
    )
    assert "DRAFT" == made["status"]
    number = str(made["detectorVersionId"])
    client.update_detector_version_status(detectorId=DETECTOR, detectorVersionId=number, status="ACTIVE")
    return number


def start_batch(client: Any, job: str, source: str, target: str, version: str) -> dict[str, Any]:
    """Begin a batch prediction and look at it at once, as a program does that wants to see it start."""
    client.create_batch_prediction_job(
        jobId=job,
        inputPath=source,
        outputPath=target,
        eventTypeName=EVENT_TYPE,
        detectorName=DETECTOR,
        detectorVersion=version,
        iamRoleArn=ROLE,
    )
    (begun,) = client.get_batch_prediction_jobs(jobId=job)["batchPredictions"]
    return dict(begun)


def ended_batch(client: Any, job: str) -> dict[str, Any]:
    """Wait until a batch prediction has ended, and return what became of it."""
    return _ended(lambda: client.get_batch_prediction_jobs(jobId=job)["batchPredictions"])


def ended_import(client: Any, job: str) -> dict[str, Any]:
    """Wait until a batch import has ended, and return what became of it."""
    return _ended(lambda: client.get_batch_import_jobs(jobId=job)["batchImports"])


def _ended(jobs: Callable[[], list[dict[str, Any]]]) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        (seen,) = jobs()
        if "IN_PROGRESS" not in seen["status"]:
            return dict(seen)
        assert time.monotonic() < deadline
        time.sleep(0.5)


def predict(client: Any, event_id: str, at: str, **variables: str) -> dict[str, Any]:
    """Ask for a prediction."""
    answer = client.get_event_prediction(
        detectorId=DETECTOR,
        eventId=event_id,
        eventTypeName=EVENT_TYPE,
        eventTimestamp=at,
        entities=[{"entityType": ENTITY, "entityId": "unknown"}],
        eventVariables=variables,
    )
    return dict(answer)


def start_review(url: str, bucket: str, score: float) -> Any:
    """Let people look at a score; return the client that started the human loop."""
    given: dict[str, Any] = {"endpoint_url": url, "region_name": "us-east-1"}
    sagemaker, loops = (boto3.client(name, **given) for name in ("sagemaker", "sagemaker-a2i-runtime"))
    template = {"Content": "<crowd-classifier categories=\"['Fraud', 'Legitimate']\">"}
    ui = sagemaker.create_human_task_ui(HumanTaskUiName="ui", UiTemplate=template)["HumanTaskUiArn"]
    flow = sagemaker.create_flow_definition(
        FlowDefinitionName="flow",
        RoleArn=ROLE,
        HumanLoopConfig={
            "WorkteamArn": "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/a",
            "HumanTaskUiArn": ui,
            "TaskTitle": "Look",
            "TaskDescription": "Is it fraud?",
            "TaskCount": 1,
        },
        OutputConfig={"S3OutputPath": f"s3://{bucket}/a2i"},
    )["FlowDefinitionArn"]
    content = {"InputContent": json.dumps({"score": score})}
    loops.start_human_loop(HumanLoopName="Fraud-1", FlowDefinitionArn=flow, HumanLoopInput=content)
    return loops


def deletions(client: Any) -> None:
    """Events that are deleted are answered no more, one by one or all of a type; the stream has decided them."""
    missing = client.exceptions.ResourceNotFoundException
    of_type = {"eventTypeName": EVENT_TYPE}
    assert "e-1" == client.get_event(eventId="e-1", **of_type)["event"]["eventId"]
    client.delete_event(eventId="s-1", deleteAuditHistory=True, **of_type)
    with pytest.raises(missing):
        client.get_event(eventId="s-1", **of_type)
    listed = [each["eventId"] for each in client.list_event_predictions()["eventPredictionSummaries"]]
    assert ["b-2", "b-1", "b-0", "e-1"] == listed
    with pytest.raises(missing, match="were not deleted"):
        client.get_delete_events_by_event_type_status(**of_type)
    client.delete_events_by_event_type(**of_type)
    told = client.get_delete_events_by_event_type_status(**of_type)
    assert (EVENT_TYPE, "COMPLETE") == (told["eventTypeName"], told["eventsDeletionStatus"])
    for event in ("b-0", "e-1"):
        with pytest.raises(missing):
            client.get_event(eventId=event, **of_type)


def tear_down(client: Any) -> None:
    """Delete everything in order, each step whether or not there is something left to delete."""
    missing = client.exceptions.ResourceNotFoundException
    for version in ("2", "1"):
        with contextlib.suppress(missing):
            client.update_detector_version_status(
                detectorId=DETECTOR, detectorVersionId=version, status="INACTIVE"
            )
        client.delete_detector_version(detectorId=DETECTOR, detectorVersionId=version)
    for number in ("1.1", "1.0"):
        with contextlib.suppress(missing):
            client.update_model_version_status(**MODEL, modelVersionNumber=number, status="INACTIVE")
            while model_status(client, number) != "TRAINING_COMPLETE":
                time.sleep(0.1)
        client.delete_model_version(**MODEL, modelVersionNumber=number)
    client.delete_model(**MODEL)
    for rule in OUTCOMES:
        for version in ("2", "1"):
            client.delete_rule(rule={"detectorId": DETECTOR, "ruleId": rule, "ruleVersion": version})
    client.delete_detector(detectorId=DETECTOR)
    client.delete_event_type(name=EVENT_TYPE)
    client.delete_entity_type(name=ENTITY)
    for name in VARIABLES:
        client.delete_variable(name=name)
    for name in ("fraud", "legit"):
        client.delete_label(name=name)
    for name in OUTCOMES.values():
        client.delete_outcome(name=name)
