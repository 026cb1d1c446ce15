"""Human loops as boto3 starts them: a case for people, and output.json once it is closed."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from fastapi import FastAPI

from fraudstream.adapters.database.api_keys import ApiKeys
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.resources import ResourceStore
from fraudstream.api.access import Access
from fraudstream.api.fraud_detector.door import FraudDetector, Target
from fraudstream.api.fraud_detector.service import Service
from fraudstream.api.human_review import definitions
from fraudstream.api.human_review.door import HumanLoops
from fraudstream.api.human_review.settling import ORIGIN, Settling
from fraudstream.domain.review.actions import Close
from fraudstream.domain.review.case import Finding, State
from tests.api.fraud_detector.door import served
from tests.s3_server import bucket, s3

__all__ = ["bucket", "s3"]

LATER_MS = 60_000
TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><crowd-classifier name="category" categories="['Fraud', "Legitimate", 'Unsure']" header="Is it fraud?">
</crowd-classifier></crowd-form>"""
ROLE = "arn:aws:iam::000000000000:role/FraudDetectorRole"
NAME = "Fraud-detector-1656294690802"
CARD = "4006080197832643"


class Programs:
    """What a program has: clients of both services, and, for the test, what lies behind."""

    def __init__(self, url: str, engine: Any, key: str) -> None:
        given: Any = {
            "endpoint_url": url,
            "region_name": "us-east-1",
            "aws_access_key_id": key,
            "aws_secret_access_key": key,
            "config": Config(retries={"max_attempts": 0}, parameter_validation=False),
        }
        self.url = url
        self.sagemaker = boto3.client("sagemaker", **given)
        self.loops = boto3.client("sagemaker-a2i-runtime", **given)
        self.cases = CaseStore(engine)
        self.settling = Settling(engine, ResourceStore(engine))

    def settle(self, later_ms: int = 0) -> None:
        """Let happen what happens every two seconds, so much later."""
        asyncio.run(self.settling.once(time.time_ns() // 1_000_000 + later_ms))

    def flow(self, bucket: str) -> str:
        """Make a template and a flow; return its name."""
        ui = self.sagemaker.create_human_task_ui(
            HumanTaskUiName="fraud-ui", UiTemplate={"Content": TEMPLATE}
        )["HumanTaskUiArn"]
        config = {
            "WorkteamArn": "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/AugmentedAI-Default",
            "HumanTaskUiArn": ui,
            "TaskTitle": "Look at this payment",
            "TaskDescription": "Say whether it is fraud.",
            "TaskCount": 1,
        }
        made = self.sagemaker.create_flow_definition(
            FlowDefinitionName="fraud-flow",
            RoleArn=ROLE,
            HumanLoopConfig=config,
            OutputConfig={"S3OutputPath": f"s3://{bucket}/a2i/"},
        )
        return str(made["FlowDefinitionArn"])

    def start(self, flow: str, name: str = NAME, **content: Any) -> dict[str, Any]:
        """Start a loop."""
        text = json.dumps({"score": 858.0, "cc_num": CARD} | content)
        started = self.loops.start_human_loop(
            HumanLoopName=name, FlowDefinitionArn=flow, HumanLoopInput={"InputContent": text}
        )
        return dict(started)


@contextmanager
def serving(url: str, keys: bool = False) -> Iterator[tuple[str, Any, ApiKeys]]:
    """Serve both doors on a database."""
    engine = opened(url)
    known, store = ApiKeys(engine), ResourceStore(engine)
    access = Access(known if keys else None)
    app = FastAPI()
    target = Target(Service("sagemaker"), definitions.OPERATIONS, {})
    app.include_router(FraudDetector(store, access, beside=[target]).routes())
    app.include_router(HumanLoops(store, access).routes())
    with served(app, engine) as address:
        yield address, engine, known


@pytest.fixture
def programs(database_url: str) -> Iterator[Programs]:
    """Yield a program."""
    with serving(database_url) as (url, engine, _):
        yield Programs(url, engine, "any")


def test_a_human_loop_is_a_case_and_its_close_writes_the_output(programs: Programs, bucket: str) -> None:
    """Not before nobody can take the close back; the card number is masked everywhere."""
    flow = programs.flow(bucket)
    started = programs.start(flow)
    assert (201, f"arn:aws:sagemaker:us-east-1:000000000000:human-loop/{NAME}") == (
        started["ResponseMetadata"]["HTTPStatusCode"],
        started["HumanLoopArn"],
    )
    programs.settle()
    programs.settle()
    with programs.cases.transaction() as cases:
        case = cases.claim_next("ann")
        assert case is not None
        assert (ORIGIN, NAME) == (case.origin, case.entity)
        assert case.payload is not None
        assert ("Look at this payment", ["Fraud", "Legitimate", "Unsure"], 858.0) == (
            case.payload["title"],
            case.payload["answers"],
            case.payload["input"]["score"],
        )
        assert CARD not in json.dumps(case.payload)
        cases.change(case.id, Close(Finding.LEGITIMATE, "he was on holiday"), "ann")
    programs.settle()
    assert "InProgress" == programs.loops.describe_human_loop(HumanLoopName=NAME)["HumanLoopStatus"]

    programs.settle(LATER_MS)
    described = programs.loops.describe_human_loop(HumanLoopName=NAME)
    place = described["HumanLoopOutput"]["OutputS3Uri"]
    assert "Completed" == described["HumanLoopStatus"]
    assert place.startswith(f"s3://{bucket}/a2i/fraud-flow/2")
    assert place.endswith(f"/{NAME}/output.json")
    key = place.removeprefix(f"s3://{bucket}/")
    output = json.loads(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    assert (flow, NAME) == (output["flowDefinitionArn"], output["humanLoopName"])
    assert "Legitimate" == output["humanAnswers"][0]["answerContent"]["category"]["label"]
    assert 858.0 == output["inputContent"]["score"]
    assert CARD not in json.dumps(output)
    assert [(NAME, "Completed")] == [
        (each["HumanLoopName"], each["HumanLoopStatus"])
        for each in programs.loops.list_human_loops(FlowDefinitionArn=flow)["HumanLoopSummaries"]
    ]
    programs.loops.delete_human_loop(HumanLoopName=NAME)
    programs.sagemaker.delete_flow_definition(FlowDefinitionName="fraud-flow")
    programs.sagemaker.delete_human_task_ui(HumanTaskUiName="fraud-ui")
    assert [] == programs.sagemaker.list_flow_definitions()["FlowDefinitionSummaries"]


def test_a_stopped_loop_closes_its_case_and_writes_nothing(programs: Programs, bucket: str) -> None:
    """Also one that somebody works on, and one whose case was not open yet."""
    flow = programs.flow(bucket)
    programs.start(flow, "one")
    programs.settle()
    with programs.cases.transaction() as cases:
        assert cases.claim_next("ann") is not None
    programs.start(flow, "two")
    for name in ("one", "two"):
        programs.loops.stop_human_loop(HumanLoopName=name)
    programs.settle()
    programs.settle(LATER_MS)

    assert ["Stopped", "Stopped"] == [
        programs.loops.describe_human_loop(HumanLoopName=name)["HumanLoopStatus"] for name in ("one", "two")
    ]
    with programs.cases.transaction() as cases:
        assert cases.claim_next("ben") is None
        case = cases.open(ORIGIN, "one", {})
        assert (State.CLOSED, ORIGIN) == (case.state, case.closed_by)
    assert 0 == boto3.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"]


def refused(code: str, status: int, asked: Any, **given: Any) -> None:
    """Expect an error."""
    with pytest.raises(ClientError) as error:
        asked(**given)
    answer = error.value.response
    assert (code, status) == (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"])


def test_errors_are_those_that_programs_know(programs: Programs, bucket: str) -> None:
    """With their codes and status."""
    flow = programs.flow(bucket)
    programs.start(flow)
    content: dict[str, Any] = {"HumanLoopInput": {"InputContent": "{}"}}
    start, describe = programs.loops.start_human_loop, programs.loops.describe_human_loop
    refused("ConflictException", 409, start, HumanLoopName=NAME, FlowDefinitionArn=flow, **content)
    refused("ValidationException", 400, start, HumanLoopName="a_b", FlowDefinitionArn=flow, **content)
    refused("ValidationException", 400, start, HumanLoopName="b", FlowDefinitionArn=f"{flow}x", **content)
    refused(
        "ValidationException",
        400,
        start,
        HumanLoopName="b",
        FlowDefinitionArn=flow,
        HumanLoopInput={"InputContent": "{"},
    )
    refused("ValidationException", 400, start, HumanLoopName="b")
    refused("ResourceNotFoundException", 404, describe, HumanLoopName="absent")
    refused("ValidationException", 400, programs.loops.delete_human_loop, HumanLoopName=NAME)
    refused("ResourceNotFoundException", 404, programs.loops.list_human_loops, FlowDefinitionArn=f"{flow}x")
    refused("ValidationException", 400, programs.loops.list_human_loops, FlowDefinitionArn=flow, MaxResults=0)
    sagemaker = programs.sagemaker
    refused(
        "ResourceInUse",
        400,
        sagemaker.create_human_task_ui,
        HumanTaskUiName="fraud-ui",
        UiTemplate={"Content": "x"},
    )
    refused("ResourceInUse", 400, sagemaker.delete_flow_definition, FlowDefinitionName="fraud-flow")
    refused("ResourceNotFound", 400, sagemaker.describe_flow_definition, FlowDefinitionName="absent")
    refused("ValidationException", 400, sagemaker.list_models)


def test_loops_are_listed_in_pages(programs: Programs, bucket: str) -> None:
    """Each once."""
    flow = programs.flow(bucket)
    for number in range(5):
        programs.start(flow, f"loop-{number}")
    pages = programs.loops.get_paginator("list_human_loops").paginate(FlowDefinitionArn=flow, MaxResults=2)
    names = [[each["HumanLoopName"] for each in page["HumanLoopSummaries"]] for page in pages]

    assert [["loop-0", "loop-1"], ["loop-2", "loop-3"], ["loop-4"]] == names


def test_requests_are_signed(database_url: str) -> None:
    """With an API key for predictions; a GET, too."""
    with serving(database_url, keys=True) as (url, engine, keys):
        good = Programs(url, engine, keys.create("shop", ["predict"]))
        refused("ResourceNotFoundException", 404, good.loops.describe_human_loop, HumanLoopName="a")
        for wrong, code, status in (
            (keys.create("admin", ["detectors"]), "AccessDeniedException", 400),
            ("unknown", "UnrecognizedClientException", 403),
        ):
            program = Programs(url, engine, wrong)
            refused(code, status, program.loops.describe_human_loop, HumanLoopName="a")
        assert 403 == httpx.get(f"{url}/human-loops/a").status_code
