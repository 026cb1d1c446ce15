"""What programs define with boto3, in their usual order."""

from typing import Any

DETECTOR = "payments"
MODEL = {"modelId": "fraud_model", "modelType": "TRANSACTION_FRAUD_INSIGHTS"}


def build(client: Any, **changed: Any) -> None:
    """Make variables, label, entity type, event type, model, detector and outcomes."""
    for name, data_type, default in (
        ("amount", "FLOAT", "0.0"),
        ("cc_num", "STRING", "none"),
        ("merchant", "STRING", "none"),
    ):
        client.create_variable(name=name, dataType=data_type, dataSource="EVENT", defaultValue=default)
    client.put_label(name="fraud")
    client.put_entity_type(name="customer")
    given = {"labels": ["fraud"], "entityTypes": ["customer"]} | changed
    client.put_event_type(name="payment", eventVariables=["amount", "cc_num", "merchant"], **given)
    client.create_model(**MODEL, eventTypeName="payment")
    client.put_detector(detectorId=DETECTOR, eventTypeName="payment")
    for name in ("block", "review", "approve"):
        client.put_outcome(name=name)


def rule(client: Any, name: str, expression: str, *outcomes: str) -> dict[str, str]:
    """Make a rule and return what it is known by."""
    made = client.create_rule(
        ruleId=name, detectorId=DETECTOR, expression=expression, language="DETECTORPL", outcomes=[*outcomes]
    )
    return dict(made["rule"])


def version(client: Any, *rules: dict[str, str], model: bool = True, **changed: Any) -> str:
    """Make a version of the detector and return its number."""
    models = {"modelVersions": [MODEL | {"modelVersionNumber": "1.00"}]} if model else {}
    made = client.create_detector_version(detectorId=DETECTOR, rules=[*rules], **models, **changed)
    return str(made["detectorVersionId"])


def set_status(client: Any, number: str, status: str) -> None:
    """Let a version judge, or stop it."""
    client.update_detector_version_status(detectorId=DETECTOR, detectorVersionId=number, status=status)


def tear_down(client: Any) -> None:
    """Remove everything in reverse, each version made inactive first, without looking."""
    described = client.describe_detector(detectorId=DETECTOR)
    for each in described["detectorVersionSummaries"]:
        set_status(client, each["detectorVersionId"], "INACTIVE")
        client.delete_detector_version(detectorId=DETECTOR, detectorVersionId=each["detectorVersionId"])
    for each in client.get_rules(detectorId=DETECTOR)["ruleDetails"]:
        named = {member: each[member] for member in ("detectorId", "ruleId", "ruleVersion")}
        client.delete_rule(rule=named)
    client.delete_detector(detectorId=DETECTOR)
    client.delete_model(**MODEL)
    client.delete_event_type(name="payment")
    client.delete_entity_type(name="customer")
    client.delete_label(name="fraud")
    for each in client.get_outcomes()["outcomes"]:
        client.delete_outcome(name=each["name"])
    for each in client.get_variables()["variables"]:
        client.delete_variable(name=each["name"])
