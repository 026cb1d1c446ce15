"""Detectors, their rules and versions, and models, as boto3 makes, changes and removes them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.fraud_detector.building import DETECTOR, MODEL, build, rule, set_status, tear_down, version
from tests.api.fraud_detector.door import boto_client, door

HIGH = "$fraud_model_insightscore > 900 and $amount >= 10.5"


@pytest.fixture
def client(database_url: str) -> Iterator[Any]:
    """Serve a database with what detectors need."""
    with door(database_url) as (url, _):
        client = boto_client(url)
        build(client)
        yield client


def status_of(client: Any, number: str) -> str:
    """Return the status of a version."""
    return str(client.get_detector_version(detectorId=DETECTOR, detectorVersionId=number)["status"])


def update(client: Any, of: dict[str, str], expression: str = "$amount > 1") -> dict[str, str]:
    """Make the next version of a rule."""
    asked = {"expression": expression, "language": "DETECTORPL", "outcomes": ["review"]}
    return dict(client.update_rule_version(rule=of, **asked)["rule"])


def test_a_rule_is_made_once_and_has_versions(client: Any) -> None:
    """Programs compare the sentence, and read the newest number at the end of another."""
    first = rule(client, "high", HIGH, "block")
    assert {"detectorId": DETECTOR, "ruleId": "high", "ruleVersion": "1"} == first
    with pytest.raises(client.exceptions.ValidationException) as error:
        rule(client, "high", HIGH, "block")
    assert "Failed to save rule since it already exists." == error.value.response["message"]

    assert "2" == update(client, first)["ruleVersion"]
    assert "3" == update(client, first | {"ruleVersion": "2"})["ruleVersion"]
    with pytest.raises(client.exceptions.ValidationException) as error:
        update(client, first)
    assert "3" == error.value.response["message"].split(".")[0][-1]

    details = client.get_rules(detectorId=DETECTOR, ruleId="high")["ruleDetails"]
    assert [("1", HIGH), ("2", "$amount > 1"), ("3", "$amount > 1")] == [
        (each["ruleVersion"], each["expression"]) for each in details
    ]
    (second,) = client.get_rules(detectorId=DETECTOR, ruleId="high", ruleVersion="2")["ruleDetails"]
    assert ["review"] == second["outcomes"]
    client.update_rule_metadata(rule=first, description="the first")
    assert "the first" == client.get_rules(detectorId=DETECTOR)["ruleDetails"][0]["description"]


def test_an_unknown_rule_is_an_empty_list_and_an_unknown_detector_an_error(client: Any) -> None:
    """A program branches on it at its first deployment."""
    assert [] == client.get_rules(detectorId=DETECTOR, ruleId="absent")["ruleDetails"]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_rules(detectorId="absent")


@pytest.mark.parametrize(
    ("expression", "outcome", "said"),
    [
        ("$amoun > 1", "block", "there is no variable $amoun; did you mean amount?"),
        ('$amount > "1"', "block", "a number is expected, not text"),
        ("$amount > 1", "absent", "outcomes do not exist: absent"),
        ('$merchant == "4006080197832643"', "block", "a card number does not belong in a definition"),
    ],
)
def test_rules_that_could_not_judge_are_refused(
    client: Any, expression: str, outcome: str, said: str
) -> None:
    """Before any event."""
    with pytest.raises(client.exceptions.ValidationException) as error:
        rule(client, "wrong", expression, outcome)

    assert said in str(error.value)


def test_one_version_judges_at_a_time(client: Any) -> None:
    """A draft can be changed, what judged cannot; a draft that is stopped stays one."""
    high = rule(client, "high", HIGH, "block")
    assert ("1", "2") == (version(client, high), version(client, high, ruleExecutionMode="ALL_MATCHED"))
    set_status(client, "1", "INACTIVE")
    assert "DRAFT" == status_of(client, "1")
    set_status(client, "1", "ACTIVE")
    set_status(client, "2", "ACTIVE")
    assert ("INACTIVE", "ACTIVE") == (status_of(client, "1"), status_of(client, "2"))
    with pytest.raises(client.exceptions.ConflictException, match="is not a draft"):
        client.update_detector_version(
            detectorId=DETECTOR, detectorVersionId="1", rules=[], externalModelEndpoints=[]
        )

    third = version(client, high)
    client.update_detector_version(
        detectorId=DETECTOR,
        detectorVersionId=third,
        rules=[],
        externalModelEndpoints=[],
        ruleExecutionMode="ALL_MATCHED",
    )
    client.update_detector_version_metadata(detectorId=DETECTOR, detectorVersionId=third, description="empty")
    found = client.get_detector_version(detectorId=DETECTOR, detectorVersionId=third)
    assert ([], "ALL_MATCHED", "empty") == (found["rules"], found["ruleExecutionMode"], found["description"])
    summaries = client.describe_detector(detectorId=DETECTOR)["detectorVersionSummaries"]
    assert [("1", "INACTIVE"), ("2", "ACTIVE"), ("3", "DRAFT")] == [
        (each["detectorVersionId"], each["status"]) for each in summaries
    ]


def test_a_version_is_made_of_what_exists(client: Any) -> None:
    """Rules of this detector, models of its events."""
    high = rule(client, "high", HIGH, "block")
    for wrong in (high | {"ruleVersion": "2"}, high | {"detectorId": "other"}):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            version(client, wrong)
    models = [MODEL | {"modelVersionNumber": "2.0"}]
    with pytest.raises(client.exceptions.ResourceNotFoundException, match=r"has the version 1\.0 only"):
        client.create_detector_version(detectorId=DETECTOR, rules=[high], modelVersions=models)


def test_what_is_in_use_stays_and_the_teardown_takes_everything(client: Any) -> None:
    """ConflictException for each; then in reverse, also where nothing is left."""
    high = rule(client, "high", HIGH, "block")
    number = version(client, high)
    set_status(client, number, "ACTIVE")
    for remove in (
        lambda: client.delete_detector_version(detectorId=DETECTOR, detectorVersionId=number),
        lambda: client.delete_rule(rule=high),
        lambda: client.delete_detector(detectorId=DETECTOR),
        lambda: client.delete_model(**MODEL),
        lambda: client.delete_event_type(name="payment"),
        lambda: client.delete_outcome(name="block"),
    ):
        with pytest.raises(client.exceptions.ConflictException, match="cannot be deleted"):
            remove()

    tear_down(client)
    assert [] == client.get_detectors()["detectors"] == client.get_models()["models"]
    assert [] == client.get_variables()["variables"] == client.get_outcomes()["outcomes"]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_detector(detectorId=DETECTOR)
    build(client)


def test_a_model_is_a_name_with_one_version(client: Any) -> None:
    """It brings the variable of its score; until it is trained here, its version is the model that decides."""
    with pytest.raises(client.exceptions.ValidationException, match="already exists"):
        client.create_model(**MODEL, eventTypeName="payment")
    assert (
        "MODEL_SCORE" == client.get_variables(name="fraud_model_insightscore")["variables"][0]["dataSource"]
    )
    assert ["fraud_model"] == [each["modelId"] for each in client.get_models(**MODEL)["models"]]
    found = client.get_model_version(**MODEL, modelVersionNumber="1.0")
    assert ("1.0", "ACTIVE") == (found["modelVersionNumber"], found["status"])
    assert ["1.0"] == [
        each["modelVersionNumber"] for each in client.describe_model_versions()["modelVersionDetails"]
    ]
