"""Labels, entity types, outcomes, variables, event types and tags, as boto3 makes, reads and removes them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.fraud_detector.door import boto_client, door


@pytest.fixture
def client(database_url: str) -> Iterator[Any]:
    """Serve an empty database."""
    with door(database_url) as (url, _):
        yield boto_client(url)


def variable(client: Any, name: str, data_type: str = "FLOAT", default: str = "0.0") -> None:
    """Make a variable of events."""
    client.create_variable(name=name, dataType=data_type, dataSource="EVENT", defaultValue=default)


def event_type(client: Any, **changed: Any) -> None:
    """Make an event type and what it is made of."""
    variable(client, "amt")
    client.put_label(name="fraud")
    client.put_entity_type(name="customer")
    given = {"eventVariables": ["amt"], "labels": ["fraud"], "entityTypes": ["customer"]} | changed
    client.put_event_type(name="payment", **given)


@pytest.mark.parametrize("kind", ["label", "outcome", "entity_type"])
def test_what_is_put_is_read_and_removed(client: Any, kind: str) -> None:
    """Putting again replaces the description and keeps the time of making; removing twice is no error."""
    member = {"label": "labels", "outcome": "outcomes", "entity_type": "entityTypes"}[kind]
    put, read = getattr(client, f"put_{kind}"), getattr(client, f"get_{kind}s")
    put(name="a", description="first")
    (before,) = read(name="a")[member]
    put(name="a", description="second")
    (after,) = read(name="a")[member]

    assert ("first", "second") == (before["description"], after["description"])
    assert before["createdTime"] == after["createdTime"] <= after["lastUpdatedTime"]
    assert before["arn"] == after["arn"]
    for _ in range(2):
        getattr(client, f"delete_{kind}")(name="a")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        read(name="a")
    assert [] == read()[member]


def test_pages_have_everything_once(client: Any) -> None:
    """Also if something is made and removed between two pages; the last page has no token."""
    names = [f"l-{n:02}" for n in range(25)]
    for name in names:
        client.put_label(name=name)
    first = client.get_labels(maxResults=10, nextToken="")
    client.delete_label(name="l-03")
    client.put_label(name="a-before")
    second = client.get_labels(maxResults=10, nextToken=first["nextToken"])
    third = client.get_labels(maxResults=10, nextToken=second["nextToken"])

    assert names == [each["name"] for page in (first, second, third) for each in page["labels"]]
    assert "nextToken" not in third


def test_a_variable_is_made_once_and_read_back_as_it_was_given(client: Any) -> None:
    """A program compares all its fields as text."""
    given = {
        "dataType": "STRING",
        "dataSource": "EVENT",
        "defaultValue": "none",
        "variableType": "BILLING_ZIP",
    }
    client.create_variable(name="zip", description="where", **given)
    (found,) = client.get_variables(name="zip")["variables"]

    assert given | {"name": "zip", "description": "where"} == {
        name: found[name] for name in (*given, "name", "description")
    }
    with pytest.raises(client.exceptions.ValidationException, match="variable zip already exists"):
        client.create_variable(name="zip", **given)
    for name in ("bill-zip", "1st", "x" * 65, "é"):
        with pytest.raises(client.exceptions.ValidationException, match="the name of a variable has letters"):
            client.create_variable(name=name, **given)
    client.update_variable(name="zip", defaultValue="other")
    assert "other" == client.get_variables(name="zip")["variables"][0]["defaultValue"]


def test_variables_are_made_and_read_together(client: Any) -> None:
    """What cannot be made or found is named among the errors."""
    variable(client, "amt")
    entry = {"dataType": "FLOAT", "dataSource": "EVENT", "defaultValue": "0"}
    made = client.batch_create_variable(
        variableEntries=[entry | {"name": "amt"}, entry | {"name": "tip"}, entry]
    )
    found = client.batch_get_variable(names=["amt", "tip", "none"])

    assert ["amt", ""] == [each["name"] for each in made["errors"]]
    assert (["amt", "tip"], ["none"]) == (
        [each["name"] for each in found["variables"]],
        [each["name"] for each in found["errors"]],
    )


def test_many_at_once_leave_one(client: Any) -> None:
    """What a request depends on cannot change before it is done."""

    def made(_: int) -> bool:
        try:
            variable(client, "amt")
        except client.exceptions.ValidationException:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert 1 == sum(pool.map(made, range(24)))


def test_an_event_type_is_made_of_what_exists(client: Any) -> None:
    """Else the error names what lacks."""
    event_type(client)
    (found,) = client.get_event_types(name="payment")["eventTypes"]
    assert (["amt"], ["fraud"], ["customer"], "DISABLED") == (
        found["eventVariables"],
        found["labels"],
        found["entityTypes"],
        found["eventIngestion"],
    )
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="variables do not exist: tip"):
        client.put_event_type(name="other", eventVariables=["amt", "tip"], entityTypes=["customer"])


def test_what_an_event_type_uses_stays(client: Any) -> None:
    """ConflictException, which programs catch by its type; then everything goes in reverse."""
    event_type(client)
    removals = [
        (client.delete_variable, "amt"),
        (client.delete_label, "fraud"),
        (client.delete_entity_type, "customer"),
    ]
    for remove, name in removals:
        with pytest.raises(client.exceptions.ConflictException, match="event-type payment uses it"):
            remove(name=name)
    client.delete_event_type(name="payment")
    for remove, name in removals:
        remove(name=name)

    assert [] == client.get_variables()["variables"]


def test_tags_are_kept_by_the_name_of_a_resource(client: Any) -> None:
    """Also if the resource is put again."""
    client.put_outcome(name="block", tags=[{"key": "team", "value": "a"}])
    arn = client.get_outcomes(name="block")["outcomes"][0]["arn"]
    client.tag_resource(resourceARN=arn, tags=[{"key": "team", "value": "b"}, {"key": "cost", "value": "1"}])
    client.untag_resource(resourceARN=arn, tagKeys=["cost", "absent"])
    client.put_outcome(name="block", description="again")

    assert [{"key": "team", "value": "b"}] == client.list_tags_for_resource(resourceARN=arn)["tags"]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_tags_for_resource(resourceARN=arn + "x")
