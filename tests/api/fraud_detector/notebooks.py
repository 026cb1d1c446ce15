"""What the notebooks of aws-samples/aws-fraud-detector-samples call, in their order and with what they read of the answers."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

EVENT_TYPE, ENTITY, DETECTOR = "transaction_event", "customer", "transaction_detector"
ROLE = "arn:aws:iam::000000000000:role/FraudDetectorRole"
VARIABLES = {
    "card_bin": "CARD_BIN",
    "customer_name": "BILLING_NAME",
    "billing_city": "BILLING_CITY",
    "billing_latitude": "NUMERIC",
    "ip_address": "IP_ADDRESS",
    "customer_email": "EMAIL_ADDRESS",
    "user_agent": "USERAGENT",
    "are_credentials_valid": "ARE_CREDENTIALS_VALID",
    "product_category": "PRODUCT_CATEGORY",
    "order_price": "PRICE",
    "payment_currency": "CURRENCY_CODE",
    "merchant": "CATEGORICAL",
}
"""Variable -> its type in Fraud Detector."""

SCHEMA = {
    "modelVariables": [*VARIABLES],
    "labelSchema": {"labelMapper": {"FRAUD": ["1"], "LEGIT": ["0"]}, "unlabeledEventsTreatment": "LEGIT"},
}
CUTS, OUTCOMES = (950, 750), ("fraud", "investigate", "approve")
START = datetime(2022, 11, 7, tzinfo=UTC)
PATIENCE_S = 240.0


def sample(rows: int) -> pl.DataFrame:
    """Return events with the columns of the samples' files, half of them without a label; frauds are dear and by night."""
    random.seed(7)
    made = []
    for number in range(rows):
        fraud = random.random() < 0.08
        at = START + timedelta(minutes=20 * number, seconds=random.randrange(600))
        person = random.randrange(200)
        made.append(
            {
                "EVENT_LABEL": str(int(fraud)) if number % 2 else "",
                "EVENT_TIMESTAMP": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "LABEL_TIMESTAMP": (at + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "EVENT_ID": f"e{number}x",
                "ENTITY_TYPE": ENTITY,
                "ENTITY_ID": f"c-{person}",
                "card_bin": str(400000 + person),
                "customer_name": f"Person {person}",
                "billing_city": random.choice(("Orient", "Bern", "Graz")),
                "billing_latitude": f"{random.uniform(30, 50):.4f}",
                "ip_address": f"25.45.36.{person}",
                "customer_email": f"p{person}@example.org",
                "user_agent": "Opera/9.84.(X11; Linux i686; raj-IN) Presto/2.9.173",
                "are_credentials_valid": random.choice(("true", "false")),
                "product_category": random.choice(("grocery_pos", "shopping_net")),
                "order_price": f"{random.uniform(400, 900) if fraud else random.uniform(1, 300):.2f}",
                "payment_currency": random.choice(("USD", "EUR")),
                "merchant": random.choice(("Kub", "Gill", "Zieme")),
            }
        )
    return pl.DataFrame(made)


def define(client: Any) -> None:
    """Make variables, labels, entity and event type, each of which is looked for first."""
    missing = client.exceptions.ResourceNotFoundException
    for name, kind in VARIABLES.items():
        is_number, is_truth = kind in ("NUMERIC", "PRICE"), kind == "ARE_CREDENTIALS_VALID"
        try:
            client.get_variables(name=name)
        except missing:
            client.create_variable(
                name=name,
                dataType="FLOAT" if is_number else "BOOLEAN" if is_truth else "STRING",
                dataSource="EVENT",
                defaultValue="0.0" if is_number else "false" if is_truth else "<null>",
                description=name,
                variableType=kind,
            )
    for label, meaning in (("1", "FRAUD"), ("0", "LEGIT")):
        client.put_label(name=label, description=meaning)
    try:
        client.get_entity_types(name=ENTITY)
    except missing:
        client.put_entity_type(name=ENTITY, description=ENTITY)
    try:
        client.get_event_types(name=EVENT_TYPE)
    except missing:
        client.put_event_type(
            name=EVENT_TYPE,
            eventVariables=[*VARIABLES],
            labels=["0", "1"],
            eventIngestion="ENABLED",
            entityTypes=[ENTITY],
        )


def ended(status: Callable[[], str], going: str) -> str:
    """Return a status that is another one than `going`."""
    deadline = time.monotonic() + PATIENCE_S
    while going in (now := status()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return now


def trained(client: Any, model: dict[str, str], **source: Any) -> dict[str, Any]:
    """Make a model, train it, make it ACTIVE; return its details."""
    client.create_model(description="a model", eventTypeName=EVENT_TYPE, **model)
    number = client.create_model_version(**model, **source)["modelVersionNumber"]
    asked = {**model, "modelVersionNumber": number}
    told = ended(lambda: client.get_model_version(**asked)["status"], "IN_PROGRESS")
    assert "TRAINING_COMPLETE" == told, client.describe_model_versions(**asked, maxResults=10)
    client.update_model_version_status(**asked, status="ACTIVE")
    assert "ACTIVE" == client.get_model_version(**asked)["status"]
    (details,) = client.describe_model_versions(**asked, maxResults=10)["modelVersionDetails"]
    return dict(details)


def deployed(client: Any, model: dict[str, str], number: str) -> str:
    """Make outcomes, rules and a detector version, and let the latest judge; return its number."""
    client.put_detector(detectorId=DETECTOR, description="a detector", eventTypeName=EVENT_TYPE)
    for outcome in OUTCOMES:
        client.put_outcome(name=outcome, description=outcome)
    score, rules = f"${model['modelId']}_insightscore", []
    for place, outcome in enumerate(OUTCOMES):
        expression = f"{score} > {CUTS[place]}" if place < len(CUTS) else f"{score} <= {CUTS[-1]}"
        rule = {"ruleId": f"rules{place}_{model['modelId']}", "detectorId": DETECTOR}
        client.create_rule(**rule, expression=expression, language="DETECTORPL", outcomes=[outcome])
        rules.append(rule | {"ruleVersion": "1"})
    client.create_detector_version(
        detectorId=DETECTOR,
        rules=rules,
        modelVersions=[model | {"modelVersionNumber": number}],
        ruleExecutionMode="FIRST_MATCHED",
    )
    versions = client.describe_detector(detectorId=DETECTOR)["detectorVersionSummaries"]
    latest = max(each["detectorVersionId"] for each in versions)
    client.update_detector_version_status(detectorId=DETECTOR, detectorVersionId=latest, status="ACTIVE")
    return str(latest)


def predicted(
    client: Any, version: str, model: dict[str, str], event: dict[str, Any]
) -> tuple[float, list[str]]:
    """Return score and outcomes of a row of a file."""
    variables = {name: str(event[name]) for name in VARIABLES if event[name] is not None}
    told = client.get_event_prediction(
        detectorId=DETECTOR,
        detectorVersionId=version,
        eventId=event["EVENT_ID"],
        eventTypeName=EVENT_TYPE,
        eventTimestamp=event["EVENT_TIMESTAMP"],
        entities=[{"entityType": ENTITY, "entityId": event["ENTITY_ID"]}],
        eventVariables=variables,
    )
    score = told["modelScores"][0]["scores"][f"{model['modelId']}_insightscore"]
    return score, list(told["ruleResults"][0]["outcomes"])


def cleaned_up(client: Any, version: str, models: list[tuple[dict[str, str], str]]) -> None:
    """Remove all of it, as the notebook on account takeovers does."""
    named = {"detectorId": DETECTOR, "detectorVersionId": version}
    client.update_detector_version_status(**named, status="INACTIVE")
    assert "INACTIVE" == client.get_detector_version(**named)["status"]
    client.delete_detector_version(**named)
    for rule in client.get_rules(detectorId=DETECTOR)["ruleDetails"]:
        client.delete_rule(rule={name: rule[name] for name in ("detectorId", "ruleId", "ruleVersion")})
    client.delete_detector(detectorId=DETECTOR)
    for model, number in models:
        asked = {**model, "modelVersionNumber": number}
        client.update_model_version_status(**asked, status="INACTIVE")
        assert "TRAINING_COMPLETE" == client.get_model_version(**asked)["status"]
        client.delete_model_version(**asked)
        client.delete_model(**model)
    client.delete_events_by_event_type(eventTypeName=EVENT_TYPE)
    ended(
        lambda: client.get_delete_events_by_event_type_status(eventTypeName=EVENT_TYPE)[
            "eventsDeletionStatus"
        ],
        "IN_PROGRESS",
    )
    client.delete_event_type(name=EVENT_TYPE)
