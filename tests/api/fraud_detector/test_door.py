"""What the door lets in, and how it says no, as boto3 and a stranger see it."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraudstream.adapters.database.api_keys import ApiKeys
from tests.api.fraud_detector.door import MODEL, boto_client, door

TARGET = "AWSHawksNestServiceFacade."


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve without keys."""
    with door(tmp_path_factory.mktemp("door")) as (url, _):
        yield url


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ApiKeys]]:
    """Serve with keys."""
    with door(tmp_path_factory.mktemp("locked"), keys=True) as served:
        yield served


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    """Return name and status of an error."""
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def unchecked(url: str) -> Any:
    """Return a client that sends whatever it is given."""
    config = Config(parameter_validation=False, retries={"max_attempts": 0})
    given: dict[str, Any] = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    return boto3.client("frauddetector", endpoint_url=url, region_name="us-east-1", config=config, **given)


def test_an_error_is_the_exception_that_programs_catch(url: str) -> None:
    """With its message where programs look for it, and a request id."""
    client = boto_client(url)
    with pytest.raises(client.exceptions.ResourceNotFoundException) as error:
        client.get_labels(name="absent")

    assert "label absent does not exist." == error.value.response["message"]
    assert 36 == len(error.value.response["ResponseMetadata"]["RequestId"])


@pytest.mark.parametrize(
    ("operation", "body", "said"),
    [
        ("put_label", {}, 'Missing required parameter in input: "name"'),
        (
            "put_label",
            {"name": "Big Letters"},
            "at 'name' failed to satisfy constraint: must satisfy the regular",
        ),
        ("put_label", {"name": "x" * 65}, "at 'name' failed to satisfy constraint: at most 64"),
        ("put_label", {"name": 5}, "Invalid type for parameter name"),
        (
            "get_variables",
            {"maxResults": 7},
            "Invalid value for parameter maxResults, value: 7, valid min value: 50",
        ),
        ("get_variables", {"maxResults": 700}, "at 'maxResults' failed to satisfy constraint: at most 100"),
        ("get_variables", {"name": "a\x00"}, "at 'name' has a character that no database takes"),
        ("get_labels", {"nextToken": "made up"}, "nextToken is not one that was given here"),
        (
            "create_variable",
            {"name": "a", "dataType": "TEXT", "dataSource": "EVENT", "defaultValue": "0"},
            "at 'dataType' failed to satisfy constraint: must be one of STRING, INTEGER",
        ),
    ],
)
def test_what_the_service_does_not_take_is_refused(
    url: str, operation: str, body: dict[str, Any], said: str
) -> None:
    """What botocore's description forbids, also where boto3 itself would send it."""
    with pytest.raises(ClientError) as error:
        getattr(unchecked(url), operation)(**body)

    assert ("ValidationException", 400) == code_of(error)
    assert said in str(error.value)


def test_a_member_that_the_service_does_not_have_is_refused(url: str) -> None:
    """No SDK sends one."""
    body = b'{"name":"a","nobody":1}'
    answer = httpx.post(url, content=body, headers={"X-Amz-Target": TARGET + "PutLabel"})

    assert "ValidationException" == answer.json()["__type"]
    assert 'Unknown parameter in input: "nobody"' in answer.json()["message"]


@pytest.mark.parametrize("target", ["", "PutLabel", TARGET + "Nothing", "SageMaker.PutLabel"])
def test_a_request_that_names_no_operation_is_refused(url: str, target: str) -> None:
    """Whatever else it has."""
    answer = httpx.post(url, content=b"{}", headers={"X-Amz-Target": target})

    assert (400, "UnknownOperationException") == (answer.status_code, answer.json()["__type"])


@given(
    st.sampled_from(sorted(MODEL.operation_names)),
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "tags", "rule", "detectorId", "nextToken"]), inner, max_size=3
            )
        ),
        max_leaves=8,
    ).map(lambda body: json.dumps(body).encode()),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.property
def test_no_body_is_answered_with_500(url: str, operation: str, body: bytes) -> None:
    """Every operation, with anything for a body."""
    answer = httpx.post(url, content=body, headers={"X-Amz-Target": TARGET + operation})

    assert answer.status_code in (200, 400)
    assert answer.status_code == 200 or {"__type", "message"} == answer.json().keys()


def test_a_body_nested_too_deeply_is_refused(url: str) -> None:
    """It exhausts nothing."""
    body = b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    answer = httpx.post(url, content=body, headers={"X-Amz-Target": TARGET + "PutLabel"})

    assert (400, "ValidationException") == (answer.status_code, answer.json()["__type"])


def test_an_api_key_signs(locked: tuple[str, ApiKeys]) -> None:
    """It is the access key id and the secret; another secret, no key and one for other things are refused."""
    url, keys = locked
    key = keys.create("console", ["detectors"])
    boto_client(url, key).put_label(name="fraud")
    assert ["fraud"] == [each["name"] for each in boto_client(url, key).get_labels()["labels"]]

    for key_id, secret, wanted in (
        (key, "another", "InvalidSignatureException"),
        (key[:-1] + ("a" if key[-1] != "a" else "b"), None, "UnrecognizedClientException"),
        ("AKIAIOSFODNN7EXAMPLE", None, "UnrecognizedClientException"),
    ):
        with pytest.raises(ClientError) as error:
            boto_client(url, key_id, secret).get_labels()
        assert (wanted, 403) == code_of(error)
    with pytest.raises(ClientError) as error:
        boto_client(url, keys.create("shop", ["predict"])).get_labels()
    assert ("AccessDeniedException", 400) == code_of(error)


def signed(url: str, key: str, body: bytes, target: str = TARGET + "GetLabels") -> dict[str, str]:
    """Return the headers of a signed request."""
    request = AWSRequest("POST", url + "/", {"X-Amz-Target": target}, body)
    SigV4Auth(Credentials(key, key), "frauddetector", "us-east-1").add_auth(request)
    return dict(request.headers)


def test_what_was_changed_after_signing_is_refused(locked: tuple[str, ApiKeys]) -> None:
    """Body, operation, time, an old request, and a signature that leaves the operation out."""
    url, keys = locked
    headers = signed(url, keys.create("console", ["detectors"]), b"{}")
    assert 200 == httpx.post(url, content=b"{}", headers=headers).status_code

    old = headers | {"X-Amz-Date": f"2020{headers['X-Amz-Date'][4:]}"}
    less = headers | {"Authorization": headers["Authorization"].replace(";x-amz-target", "")}
    for changed, body in (
        (headers, b'{"name":"a"}'),
        (headers | {"X-Amz-Target": TARGET + "GetOutcomes"}, b"{}"),
        (old, b"{}"),
        (less, b"{}"),
        ({"X-Amz-Target": TARGET + "GetLabels"}, b"{}"),
        (headers | {"Authorization": "Bearer x"}, b"{}"),
    ):
        answer = httpx.post(url, content=body, headers=changed)
        assert 403 == answer.status_code, answer.text


def test_definitions_outlive_the_process(tmp_path: Path) -> None:
    """They are in the database."""
    with door(tmp_path) as (url, _):
        boto_client(url).put_outcome(name="block")
    with door(tmp_path) as (url, _):
        assert ["block"] == [each["name"] for each in boto_client(url).get_outcomes()["outcomes"]]


def test_the_log_of_requests_says_whose_key_it_was(
    locked: tuple[str, ApiKeys], caplog: pytest.LogCaptureFixture
) -> None:
    """By its name."""
    url, keys = locked
    client = boto_client(url, keys.create("back office", ["detectors"]))
    with caplog.at_level(logging.INFO, "fraudstream.api.access"):
        client.get_outcomes()

    assert ["back office"] == [each.rpartition(" ms ")[2] for each in caplog.messages if " ms " in each]
