"""Several events in one record, as a JSON array or one a line: each gets an outcome of its own."""

import json
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.deciding.intake import Intake, Parsed
from fraudstream.deciding.records import number_of, repartitioned, source_of
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.events.parser import Parser, entity_index
from fraudstream.domain.tokens import Tokenizer, partition_of

NOON_MS = 1_580_558_400_000

TEXT = """
name = "own"
id = "id"
[envelope]
%s
[entity]
field = "account"
kind = "text"
[time]
fields = ["at"]
unit = "ms"
[amount]
field = "value"
currency = "EUR"
"""

HERE = [name for name in map(str, range(1000)) if partition_of(name, 2) == 0]
ELSEWHERE = [name for name in map(str, range(1000)) if partition_of(name, 2) == 1]


def event(number: int, account: str = HERE[0], **fields: Any) -> dict[str, Any]:
    """Return an event."""
    return {"id": f"p-{number}", "account": account, "value": number, "at": NOON_MS} | fields


def intake(envelope: str) -> Intake:
    """Return the intake of an event type with an envelope, of two partitions."""
    event_type = Declaration(TEXT % envelope, "own.toml").read()
    return Intake(Parser(event_type, entity_index(event_type, Tokenizer(bytes(32)), 2), 60_000))


def parsed(envelope: str, value: Any, topic: str = "transactions") -> Parsed:
    """Return what becomes of one record."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return intake(envelope).parse([ConsumerRecord(topic, 0, 7, NOON_MS, 0, None, raw, None, 0, 0, ())])


def lines(*values: Any, end: bytes = b"\n") -> bytes:
    """Return values as NDJSON; bytes as they are."""
    return b"".join((each if isinstance(each, bytes) else json.dumps(each).encode()) + end for each in values)


def ids(found: Parsed) -> list[str]:
    """Return the ids of the events that are decided here."""
    return [payment.transaction_id for payment in found.valid.payments]


THREE = [event(1), event(2), event(3)]


@pytest.mark.parametrize(
    ("envelope", "value"),
    [
        ('events = "array"', THREE),
        ('events = "array"', b"\xef\xbb\xbf" + json.dumps(THREE).encode()),
        ('events = "array"\narray = "batch.events"', {"batch": {"events": THREE, "sent": 1}}),
        ('events = "array"\narray = "payload"', {"payload": json.dumps(THREE)}),
        ('events = "array"\npayload = "data"', [{"id": "c", "data": each} for each in THREE]),
        ('events = "array"\narray = "batch"\npayload = "a.b"', {"batch": [{"a": {"b": each}} for each in THREE]}),
        ('events = "lines"', lines(*THREE)),
        ('events = "lines"', lines(*THREE, end=b"\r\n")),
        ('events = "lines"', lines(*THREE)[:-1]),
        ('events = "lines"', b"\xef\xbb\xbf" + lines(*THREE)),
        ('events = "lines"\npayload = "after"', lines(*({"after": each, "op": "c"} for each in THREE))),
    ],
)  # fmt: skip
def test_each_event_of_a_record_is_one(envelope: str, value: Any) -> None:
    """In their order, each with its number and its own source."""
    found = parsed(envelope, value)

    assert ["p-1", "p-2", "p-3"] == ids(found)
    assert [100, 200, 300] == [payment.cents for payment in found.valid.payments]
    assert ["transactions-0-7-1", "transactions-0-7-2", "transactions-0-7-3"] == list(
        map(source_of, found.valid.records)
    )
    assert [] == found.dead


@pytest.mark.parametrize(
    ("envelope", "value", "number", "reason", "detail"),
    [
        ('events = "array"', [event(1), 5, event(3)], 2, "invalid-field", "Expected `object`, got `int`"),
        ('events = "array"', [event(1), [event(2)], event(3)], 2, "invalid-field", "Expected `object`, got `array`"),
        ('events = "array"', [event(1), event(2, value="x"), event(3)], 2, "invalid-field", "decimal"),
        ('events = "array"', [event(1), event(2, note="x" * 66_000), event(3)], 2, "too-large", "bytes are more"),
        ('events = "array"\npayload = "d"', [{"d": event(1)}, {"e": 1}, {"d": event(3)}], 2, "no-payload", "nothing in d"),
        ('events = "lines"', lines(event(1), b'{"id": "p-', event(3)), 2, "not-json", "not JSON"),
        ('events = "lines"', lines(event(1), b"", b"null", event(3)), 3, "invalid-field", "got `NoneType`"),
    ],
)  # fmt: skip
def test_a_bad_event_is_a_dead_letter_with_its_number_and_the_others_are_decided(
    envelope: str, value: Any, number: int, reason: str, detail: str
) -> None:
    """The letter shows the event, not the record."""
    found = parsed(envelope, value)
    (letter,) = found.dead

    assert ["p-1", "p-3"] == ids(found)
    assert (number, reason, 7) == (letter.number, letter.reason, letter.offset)
    assert detail in letter.detail
    assert "p-1" not in letter.payload
    assert number == json.loads(letter.encode())["number"]


@pytest.mark.parametrize(
    ("envelope", "value", "reason", "detail"),
    [
        ('events = "array"', [], "no-payload", "the array of events is empty"),
        ('events = "array"', event(1), "invalid-field", "Expected `array`, got `object`"),
        ('events = "array"', b"null", "invalid-field", "Expected `array`, got `null`"),
        ('events = "array"', json.dumps(THREE).encode()[:-1], "not-json", "the value is not JSON"),
        ('events = "array"', bytes.fromhex("1f8b0800"), "not-json", "looks like gzip"),
        ('events = "array"', b"[" * 5000, "invalid-field", "nested too deeply"),
        ('events = "array"\narray = "a"', {"b": THREE}, "no-payload", "there is nothing in a"),
        ('events = "array"', b"[" + b"1," * 100_000 + b"1]", "too-large", "100001 events in one record are more than"),
        ('events = "lines"', b"\n" * 100_001, "too-large", "100001 events in one record are more than"),
        ('events = "array"', b"", "empty", "no value"),
        ('events = "lines"', b"\n \r\n", "empty", "blank"),
    ],
)  # fmt: skip
def test_a_record_without_events_is_one_dead_letter(
    envelope: str, value: Any, reason: str, detail: str
) -> None:
    """About the whole record, so it has no number."""
    found = parsed(envelope, value)
    (letter,) = found.dead

    assert ([], []) == (ids(found), found.to_repartition)
    assert reason == letter.reason
    assert detail in letter.detail
    assert "number" not in json.loads(letter.encode())


@pytest.mark.parametrize("envelope", ['events = "array"', 'events = "lines"'])
def test_ten_thousand_events_of_one_record_are_decided(envelope: str) -> None:
    """A record may be as large as Kafka takes; the limit of bytes is each event's."""
    events = [event(number) for number in range(10_000)]
    found = parsed(envelope, events if "array" in envelope else lines(*events))

    assert [f"p-{number}" for number in range(10_000)] == ids(found)
    assert 10_000 == found.rows


def test_only_events_of_another_partition_go_on_and_are_read_there_as_they_are() -> None:
    """One record each, with the record's time and their own number in the source."""
    timeless = [event(1), event(2, ELSEWHERE[0]), event(3, ELSEWHERE[1]), event(4)]
    for each in timeless:
        del each["id"]
    found = parsed('events = "array"', timeless)
    entity, third = found.to_repartition[1]
    message = repartitioned(entity, third)
    there = ConsumerRecord(
        "transactions-by-card", 1, 0, NOON_MS + 9, 0, None, message.value, None, 0, 0, tuple(message.headers)
    )
    arrived = intake('events = "array"').parse([there])

    assert ["transactions-0-7-1", "transactions-0-7-4"] == ids(found)
    assert [2, 3] == [number_of(record) for _, record in found.to_repartition]
    assert timeless[2] == json.loads(message.value)
    assert ["transactions-0-7-3"] == ids(arrived)
    assert [NOON_MS] == [record.timestamp for record in arrived.valid.records]


EVENTS = st.sampled_from([event(1), event(2, ELSEWHERE[0]), event(3, value="x"), 5, None, [], "text"])


@given(st.lists(EVENTS, min_size=1, max_size=20), st.booleans())
def test_every_event_has_exactly_one_outcome(events: list[Any], in_lines: bool) -> None:
    """Whatever else is in its record."""
    value = lines(*events) if in_lines else json.dumps(events).encode()
    found = parsed(f'events = "{"lines" if in_lines else "array"}"', value)
    numbers = [
        *(number_of(record) for record in found.valid.records),
        *(number_of(record) for _, record in found.to_repartition),
        *(letter.number for letter in found.dead),
    ]

    assert list(range(1, len(events) + 1)) == sorted(numbers)
