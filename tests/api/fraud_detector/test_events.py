"""Text becomes an event of the stream, and values of variables."""

import json
from typing import Any

import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.api.fraud_detector.errors import ServiceError
from fraudstream.api.fraud_detector.events import record, value
from fraudstream.api.fraud_detector.plans import Plan, Rule
from fraudstream.api.fraud_detector.predictions import answered
from fraudstream.domain.detectorpl.condition import Condition

AT = "2024-05-01T10:00:00Z"
CARD = event_type_named("card")


def asked(entity: str = "9-9", **variables: str) -> dict[str, Any]:
    """Return a request."""
    entities = [{"entityType": "customer", "entityId": entity}]
    return {"eventId": "e-1", "eventTimestamp": AT, "entities": entities, "eventVariables": variables}


@pytest.mark.parametrize(("variables", "card"), [({"cc_num": "123456789012"}, "123456789012"), ({}, "9-9")])
def test_an_event_has_id_time_and_entity_where_its_type_wants_them(
    variables: dict[str, str], card: str
) -> None:
    """The entity is the variable, if it is there; a time among the variables does not count."""
    event = json.loads(record(CARD, asked(amount="12.5", trans_ts="1", datetime="2", tid="x", **variables)))

    assert {"tid": "e-1", "cc_num": card, "trans_ts": AT, "amount": "12.5"} == event


@pytest.mark.parametrize(
    ("data_type", "text", "expected"),
    [
        ("FLOAT", "10.5", 10.5),
        ("FLOAT", " -1e3 ", -1000.0),
        ("INTEGER", "42", 42.0),
        ("BOOLEAN", "True", True),
        ("STRING", " as it is", " as it is"),
        ("DATETIME", AT, AT),
    ],
)
def test_values_have_the_type_of_their_variable(data_type: str, text: str, expected: Any) -> None:
    """Numbers are floats."""
    assert (expected, type(expected)) == (value("v", data_type, text), type(value("v", data_type, text)))


@pytest.mark.parametrize(
    ("data_type", "text"),
    [("FLOAT", "nan"), ("FLOAT", "1e999"), ("FLOAT", "1_0"), ("INTEGER", "1.5"), ("BOOLEAN", "yes")],
)
def test_values_that_do_not_have_it_are_refused(data_type: str, text: str) -> None:
    """The sentence names the variable, not the value."""
    with pytest.raises(ServiceError, match=f"the value of variable v is not of the type {data_type}"):
        value("v", data_type, text)


@pytest.mark.parametrize(("first_matched", "expected"), [(True, ["b"]), (False, ["b", "c"])])
def test_the_first_rule_that_holds_answers_or_all_do(first_matched: bool, expected: list[str]) -> None:
    """In their order."""
    rules = [
        Rule(name, Condition(f"$amount > {least}", {"amount": "number"}), ["review"])
        for name, least in (("a", 20), ("b", 10), ("c", 5))
    ]
    answer = answered(Plan(rules, first_matched, {"amount": 12.0}, [], {"amount": "number"}), None)

    assert expected == [each["ruleId"] for each in answer["ruleResults"]]
    assert ([], []) == (answer["modelScores"], answer["externalModelOutputs"])
