"""Whatever a program sends, it gets an answer that SDKs understand, and never 500 for its own mistake."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraudstream.adapters.database.api_keys import ApiKeys
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.asking import NotSent
from fraudstream.api.access import Access
from fraudstream.api.archived import ArchivedDecisions
from fraudstream.api.asking import Asker
from fraudstream.api.door import BODY_BYTES_MAX
from fraudstream.api.fraud_detector.building import built
from fraudstream.api.fraud_detector.signatures import AGE_S_MAX
from fraudstream.api.metrics import ApiMetrics
from fraudstream.domain.events.parser import Parser, entity_index
from fraudstream.settings import Settings
from tests.api.fraud_detector.building import DETECTOR, build, rule, set_status, version
from tests.api.fraud_detector.door import boto_client, door, served
from tests.databases import with_tables

AFD, SAGEMAKER, A2I = (
    ServiceModel(Loader().load_service_model(name, "service-2"), name)
    for name in ("frauddetector", "sagemaker", "sagemaker-a2i-runtime")
)
TARGET = "AWSHawksNestServiceFacade."
REVIEWS = [name for name in SAGEMAKER.operation_names if "HumanTaskUi" in name or "FlowDefinition" in name]
NEEDS_BROKER = frozenset({"GetEventPrediction", "SendEvent"})
"""What is answered with 500 here, because no broker is: SDKs ask again."""
ASKS_LISTS = frozenset({"CreateList", "UpdateList", "GetListElements", "GetListsMetadata", "DeleteList"})

KNOWN = [
    "amount",
    "payment",
    DETECTOR,
    "fraud_model",
    "high",
    "block",
    "customer",
    "fraud",
    "1",
    "2",
    "1.0",
    "1.00",
]
KNOWN += [
    "2026-11-27T08:00:00Z",
    "s3://bucket/a.csv",
    "arn:aws:iam::000000000000:role/any-role",
    "$amount > 1",
]
KNOWN += ["arn:aws:frauddetector:us-east-1:000000000000:detector/payments", "", "\x00", "é" * 70, "9" * 400]


class NoBroker:
    """A log that takes nothing."""

    async def send(self, partition: int, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        """Refuse an event."""
        raise NotSent("no broker")


async def published(_: Sequence[Any]) -> None:
    """Take what is published."""


def values(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Return what may stand for a shape: mostly what fits, sometimes what does not."""
    kind: Any = shape
    if shape.type_name == "structure":
        required = {
            name: values(each, depth + 1)
            for name, each in kind.members.items()
            if name in kind.required_members
        }
        others = {
            name: values(each, depth + 1)
            for name, each in kind.members.items()
            if name not in kind.required_members
        }
        return st.fixed_dictionaries(required, optional=others if depth < 4 else {})
    if shape.type_name == "list":
        return st.lists(
            values(kind.member, depth + 1), min_size=min(1, kind.metadata.get("min", 0)), max_size=2
        )
    if shape.type_name == "map":
        return st.dictionaries(values(kind.key, depth + 1), values(kind.value, depth + 1), max_size=2)
    if shape.type_name in ("integer", "long", "float", "double"):
        return st.sampled_from([0, 1, 5, 50, 1000, -1, 10**30, 0.5, "1"])
    if shape.type_name == "boolean":
        return st.sampled_from([True, False, "true"])
    if shape.type_name == "timestamp":
        return st.sampled_from([0, 1e300, "2026-11-27T08:00:00Z", "never"])
    words = shape.metadata.get("enum")
    return st.sampled_from([*words, *words, "OTHER"] if words else KNOWN)


@cache
def bodies(model: ServiceModel, operation: str) -> st.SearchStrategy[Any]:
    """Return what may be asked of an operation."""
    shape = model.operation_model(operation).input_shape
    return st.just({}) if shape is None else values(shape)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Serve everything that the protocol has, without a broker; yield a client that sends anything."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patched.setenv(name, "test")
        with everything(tmp_path_factory.mktemp("hostile")) as address:
            client = boto_client(address)
            build(client)
            high = rule(client, "high", "$fraud_model_insightscore > 900", "block")
            set_status(client, version(client, high), "ACTIVE")
            with httpx.Client(base_url=address) as program:
                yield program


@contextmanager
def everything(folder: Path) -> Iterator[str]:
    """Serve all routes; yield their address."""
    engine = opened(with_tables(f"sqlite:///{folder / 'f.db'}"))
    own = Settings(_env_file=None, data_dir=folder, api_deadline_ms=200)
    event_type = event_type_named("card")
    entities = entity_index(event_type, own.tokenizer(), own.partitions)
    asker = Asker(Parser(event_type, entities, 600_000), own.partitions, 0, 100)
    asker.log = NoBroker()
    access, metrics = Access(None), ApiMetrics()
    archived = ArchivedDecisions(own.archive_place, event_type)
    made = built(own, engine, access, asker, event_type, metrics, published, published, archived)
    app = FastAPI()
    app.include_router(made.router)
    app.router.add_event_handler("shutdown", made.work.stop)
    with served(app, engine) as address:
        yield address


@given(st.data())
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.property
def test_no_request_that_an_sdk_could_send_is_answered_with_500(
    program: httpx.Client, data: st.DataObject
) -> None:
    """Every operation with every shape of its input, of things that exist and that do not."""
    wanted = [name for name in AFD.operation_names if name not in ASKS_LISTS]
    operation = data.draw(st.sampled_from([*wanted, *REVIEWS]))
    model, prefix = (AFD, TARGET) if operation in wanted else (SAGEMAKER, "SageMaker.")
    body = data.draw(bodies(model, operation))
    answer = program.post("/", content=json.dumps(body), headers={"X-Amz-Target": prefix + operation})

    assert answer.status_code in (200, 400) or operation in NEEDS_BROKER, answer.text
    if answer.status_code != 200:
        assert {"__type", "message"} == answer.json().keys()
    if answer.status_code == 500:
        assert "InternalServerException" == answer.json()["__type"]


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.property
def test_no_request_about_human_loops_is_answered_with_500(
    program: httpx.Client, data: st.DataObject
) -> None:
    """Bodies and addresses."""
    name = data.draw(st.sampled_from(["one", "Fraud-1", "a b", "..", "é", "x" * 70]))
    method, path = data.draw(
        st.sampled_from(
            [("POST", ""), ("POST", "/stop"), ("GET", ""), ("GET", f"/{name}"), ("DELETE", f"/{name}")]
        )
    )
    operation = "StopHumanLoop" if path else "StartHumanLoop"
    body = data.draw(bodies(A2I, operation) | st.binary(max_size=20))
    query = data.draw(
        st.dictionaries(
            st.sampled_from(["FlowDefinitionArn", "MaxResults", "NextToken", "CreationTimeAfter"]),
            st.sampled_from(KNOWN),
            max_size=3,
        )
    )
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = program.request(method, f"/human-loops{path}", content=content, params=query)

    assert answer.status_code in (200, 201, 400, 404, 405, 409), answer.text


def test_a_body_that_is_too_large_is_refused(program: httpx.Client) -> None:
    """Before all of it is in memory; SDKs do not ask again."""
    body = b'{"name":"' + b"a" * BODY_BYTES_MAX + b'"}'
    answer = program.post("/", content=body, headers={"X-Amz-Target": TARGET + "PutLabel"})

    assert (413, "ValidationException") == (answer.status_code, answer.json()["__type"])


def signed(
    url: str, key: str, body: bytes, ahead: timedelta, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Return the headers of a request that a machine signed whose clock is ahead."""
    import botocore.auth
    from botocore.compat import get_current_datetime

    now = get_current_datetime()
    with monkeypatch.context() as patched:
        patched.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: now + ahead)
        request = AWSRequest("POST", url + "/", {"X-Amz-Target": TARGET + "PutLabel"}, body)
        SigV4Auth(Credentials(key, key), "frauddetector", "us-east-1").add_auth(request)
    return dict(request.headers)


def test_clocks_may_differ_by_a_quarter_of_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a request that is sent again means the same; with another body it is refused."""
    body, minute = b'{"name":"fraud"}', timedelta(minutes=1)
    limit = timedelta(seconds=AGE_S_MAX)
    with door(tmp_path, keys=True) as (url, keys):
        assert isinstance(keys, ApiKeys)
        key = keys.create("console", ["detectors"])
        for ahead, status in (
            (limit - minute, 200),
            (-limit + minute, 200),
            (limit + minute, 403),
            (-limit - minute, 403),
        ):
            headers = signed(url, key, body, ahead, monkeypatch)
            for _ in range(2):
                assert status == httpx.post(url, content=body, headers=headers).status_code
            assert 403 == httpx.post(url, content=b'{"name":"other"}', headers=headers).status_code
        assert ["fraud"] == [each["name"] for each in boto_client(url, key).get_labels()["labels"]]
