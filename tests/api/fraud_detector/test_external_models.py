"""What programs say of models elsewhere and of keys: it is kept, shown, and not used; rules that need it are refused."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.fraud_detector.building import DETECTOR, build, rule
from tests.api.fraud_detector.door import boto_client, door

MODEL: dict[str, Any] = {
    "modelEndpoint": "Sagemaker-xgboost",
    "modelSource": "SAGEMAKER",
    "invokeModelEndpointRoleArn": "arn:aws:iam::000000000000:role/Invoke",
    "inputConfiguration": {
        "eventTypeName": "payment",
        "format": "TEXT_CSV",
        "useEventVariables": True,
        "csvInputTemplate": "{{amount}}",
    },
    "outputConfiguration": {"format": "TEXT_CSV", "csvIndexToVariableMap": {"0": "their_score"}},
    "modelEndpointStatus": "ASSOCIATED",
}
KEY = "arn:aws:kms:us-east-1:000000000000:key/01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return boto3's client, with an event type and the variable of an external score."""
    with door(tmp_path_factory.mktemp("door")) as (url, _):
        client = boto_client(url)
        build(client)
        client.create_variable(
            name="their_score", dataType="FLOAT", dataSource="EXTERNAL_MODEL_SCORE", defaultValue="0.0"
        )
        yield client


def test_an_external_model_is_put_listed_and_deleted(client: Any) -> None:
    """As it was said; one that is not there is no error to delete, and one to ask for."""
    client.put_external_model(**MODEL)
    client.put_external_model(**MODEL | {"modelEndpointStatus": "DISSOCIATED"})
    (kept,) = client.get_external_models()["externalModels"]
    assert MODEL | {"modelEndpointStatus": "DISSOCIATED"} == {name: kept[name] for name in MODEL}
    assert kept["arn"].endswith(":external-model/Sagemaker-xgboost")
    client.tag_resource(resourceARN=kept["arn"], tags=[{"key": "team", "value": "risk"}])
    assert [kept["arn"]] == [
        each["arn"]
        for each in client.get_external_models(modelEndpoint="Sagemaker-xgboost")["externalModels"]
    ]
    for _ in range(2):
        client.delete_external_model(modelEndpoint="Sagemaker-xgboost")
    assert [] == client.get_external_models()["externalModels"]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_external_models(modelEndpoint="Sagemaker-xgboost")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"inputConfiguration": {"useEventVariables": True}}, "eventTypeName, format is missing"),
        (
            {"inputConfiguration": MODEL["inputConfiguration"] | {"format": "APPLICATION_JSON"}},
            "jsonInputTemplate is missing",
        ),
        ({"outputConfiguration": {"format": "APPLICATION_JSONLINES"}}, "jsonKeyToVariableMap is missing"),
        (
            {"outputConfiguration": {"format": "TEXT_CSV", "csvIndexToVariableMap": {"0": "absent"}}},
            "variables do not exist: absent",
        ),
    ],
)
def test_a_configuration_that_does_not_fit_together_is_refused(
    client: Any, changed: dict[str, Any], said: str
) -> None:
    """What the input or output needs has to be there."""
    with pytest.raises(client.exceptions.ValidationException, match=said):
        client.put_external_model(**MODEL | changed)


def test_rules_and_detectors_cannot_use_one(client: Any) -> None:
    """Nobody would invoke it, so the rule would never hold; a score that the program sends itself can be used."""
    refused, said = client.exceptions.ValidationException, "fraudstream does not invoke external models"
    with pytest.raises(refused, match=said):
        rule(client, "theirs", "$their_score > 0.9", "block")
    kept = rule(client, "amount", "$amount > 5", "block")
    with pytest.raises(refused, match=said):
        client.create_detector_version(
            detectorId=DETECTOR, rules=[kept], externalModelEndpoints=["Sagemaker-xgboost"]
        )
    client.put_event_type(
        name="payment",
        eventVariables=["amount", "cc_num", "merchant", "their_score"],
        entityTypes=["customer"],
    )
    assert "theirs" == rule(client, "theirs", "$their_score > 0.9", "block")["ruleId"]


def test_the_key_of_an_account_is_what_was_said_last(client: Any) -> None:
    """Before that, the default."""
    assert "DEFAULT" == client.get_kms_encryption_key()["kmsKey"]["kmsEncryptionKeyArn"]
    client.put_kms_encryption_key(kmsEncryptionKeyArn=KEY)
    assert KEY == client.get_kms_encryption_key()["kmsKey"]["kmsEncryptionKeyArn"]
