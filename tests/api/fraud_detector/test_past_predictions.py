"""Predictions of the archive, listed and explained."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import Lake, Stream
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.resources import Resources, ResourceStore
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.lists.topic import OnLists
from fraudstream.api.archived import ArchivedDecisions
from fraudstream.api.fraud_detector.door import OPERATIONS
from fraudstream.api.fraud_detector.errors import ServiceError
from fraudstream.api.fraud_detector.explaining import Explanations
from fraudstream.api.fraud_detector.lists import Contents
from fraudstream.api.fraud_detector.past_predictions import PastPredictions
from fraudstream.api.fraud_detector.shapes import time_text
from tests.api.fraud_detector.building import MODEL
from tests.archive_rows import MONDAY_MS, archived, decision
from tests.databases import with_tables
from tests.releases import registry_in

CARD = event_type_named("card")
EVENTS = 60
CHANGED = 30
"""Event from which on version 2 was ACTIVE."""


def define(resources: Resources) -> None:
    """Make a detector whose version 1 judged the first events, and version 2 the others."""

    def done(operation: str, **asked: Any) -> None:
        OPERATIONS[operation](resources, asked)

    for name, kind, default in (("amount", "FLOAT", "0.0"), ("merchant", "STRING", "none")):
        done("CreateVariable", name=name, dataType=kind, dataSource="EVENT", defaultValue=default)
    done("PutEntityType", name="customer")
    done("PutEventType", name="payment", eventVariables=["amount", "merchant"], entityTypes=["customer"])
    done("CreateModel", **MODEL, eventTypeName="payment")
    done("PutDetector", detectorId="d", eventTypeName="payment")
    done("PutOutcome", name="block")
    done("PutOutcome", name="look")
    rules = []
    for name, expression, outcome in (
        ("low", "$amount < 10", "look"),
        ("high", "$fraud_model_insightscore > 900", "block"),
        ("shop", '$merchant == "Corner shop"', "look"),
    ):
        rule = {"ruleId": name, "detectorId": "d"}
        done("CreateRule", **rule, expression=expression, language="DETECTORPL", outcomes=[outcome])
        rules.append(rule | {"ruleVersion": "1"})
    for number, since in ((1, [[0, "ACTIVE"], [at(CHANGED), "INACTIVE"]]), (2, [[at(CHANGED), "ACTIVE"]])):
        models = [MODEL | {"modelVersionNumber": "1.0"}]
        done("CreateDetectorVersion", detectorId="d", rules=rules, modelVersions=models)
        version = resources.get("detector-version", "d", number)
        assert version is not None
        document = version.document | {"status": since[-1][1], "since": since}
        resources.put("detector-version", "d", document, number)


def at(number: int) -> int:
    """Return when an event was decided."""
    return MONDAY_MS + 2000 * number + 7


@pytest.fixture
def past(tmp_path: Path) -> PastPredictions:
    """Return an archive of a minute, and what was defined then."""
    store = ResourceStore(opened(with_tables(f"sqlite:///{tmp_path / 'f.db'}")))
    store.within(define)
    made = [
        decision(
            number,
            model_version="card-1.0",
            insight_score=950,
            features={"amount": 1.5 + number, "seconds_since_previous": 2.0},
        )
        for number in range(EVENTS)
    ]
    rows = archived([*map(encoded, made)], [*range(EVENTS)])
    asyncio.run(Lake(LocalObjects(tmp_path / "archive")).write(Stream("decisions", 0), rows, {}))
    explanations = Explanations(registry_in(tmp_path / "models", 1), CARD)
    return PastPredictions(
        store, ArchivedDecisions(str(tmp_path / "archive"), CARD), explanations, CARD, Contents(nothing)
    )


async def nothing(_: str | None) -> OnLists:
    """Return that there are no lists."""
    return OnLists()


def encoded(made: dict[str, Any]) -> bytes:
    """Return a decision as it is published."""
    return json.dumps(made).encode()


def listed(past: PastPredictions, **asked: Any) -> list[tuple[str, str]]:
    """Return event and version of all pages."""
    found: list[tuple[str, str]] = []
    token: str | None = ""
    while token is not None:
        page = asyncio.run(past.listed({"maxResults": 50, "nextToken": token} | asked))
        found += [(each["eventId"], each["detectorVersionId"]) for each in page["eventPredictionSummaries"]]
        token = page.get("nextToken")
    return found


def test_every_archived_decision_is_a_prediction_of_the_version_of_then(past: PastPredictions) -> None:
    """The newest first; filters look for an event, a version, or a time."""
    expected = [(f"p{number}", "2" if number >= CHANGED else "1") for number in reversed(range(EVENTS))]

    assert expected == listed(past)
    assert [("p7", "1")] == listed(past, eventId={"value": "p7"})
    assert expected[-CHANGED:] == listed(past, detectorVersionId={"value": "1"})
    assert [] == listed(past, eventType={"value": "other"})
    window = {"startTime": time_text(at(3)), "endTime": time_text(at(4))}
    assert [("p4", "1"), ("p3", "1")] == listed(past, predictionTimeRange=window)


def explained(past: PastPredictions, number: int) -> dict[str, Any]:
    """Return a prediction with its reasons."""
    asked = {"eventId": f"p{number}", "eventTypeName": "payment", "detectorId": "d", "detectorVersionId": "1"}
    return asyncio.run(past.explained(asked | {"predictionTimestamp": time_text(at(number))}))


def test_a_prediction_says_what_each_rule_said_and_what_moved_the_score(past: PastPredictions) -> None:
    """Rules after the first that holds were not evaluated; window features are aggregated ones."""
    told = explained(past, 20)

    assert [(True, False), (True, True), (False, False)] == [
        (rule["evaluated"], rule["matched"]) for rule in told["rules"]
    ]
    assert ["21.5 < 10", "950.0 > 900", '"Corner shop" == "Corner shop"'] == [
        rule["expressionWithValues"] for rule in told["rules"]
    ]
    assert ["block"] == told["outcomes"]
    assert [{"name": "amount", "value": "21.5", "source": "EVENT"}] == told["eventVariables"][:1]
    (model,) = told["evaluatedModelVersions"]
    (evaluation,) = model["evaluations"]
    why = evaluation["predictionExplanations"]
    assert ("fraud_model_insightscore", "950.0") == (
        evaluation["outputVariableName"],
        evaluation["evaluationScore"],
    )
    (amount,), (since,) = why["variableImpactExplanations"], why["aggregatedVariablesImpactExplanations"]
    assert ("amount", ["seconds_since_previous"]) == (
        amount["eventVariableName"],
        since["eventVariableNames"],
    )
    assert "5.0" == since["relativeImpact"]
    assert since["logOddsImpact"] > abs(amount["logOddsImpact"])


def test_predictions_of_an_event_are_deleted_with_it_if_that_is_said(past: PastPredictions) -> None:
    """The list leaves them out, and they are not explained; those of another deleted event stay."""
    for number, history in ((7, True), (8, False)):
        asked = {"eventId": f"p{number}", "eventTypeName": "payment", "deleteAuditHistory": history}
        past._store.within(lambda found, asked=asked: OPERATIONS["DeleteEvent"](found, asked))

    assert [] == listed(past, eventId={"value": "p7"})
    assert [("p8", "1")] == listed(past, eventId={"value": "p8"})
    with pytest.raises(ServiceError, match="event p7 and its predictions are deleted"):
        explained(past, 7)


def test_a_prediction_of_another_moment_is_none(past: PastPredictions) -> None:
    """The moment is that of the list."""
    with pytest.raises(ServiceError, match="no prediction of event p99 was made then"):
        explained(past, 99)
