"""Events in the envelopes of Debezium, Kafka Connect, CloudEvents and producers of one's own are decided as bare ones are."""

import json
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord

from fraudstream.deciding.intake import Intake, Parsed
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.events.parser import Parser, entity_index
from fraudstream.domain.tokens import Tokenizer

NOON_MS = 1_580_558_400_000
PAID = {"id": "p-1", "account": {"number": "acc-1"}, "value": "12.50", "at": NOON_MS}

TEXT = """
name = "own"
id = "id"
[envelope]
payload = "%s"
[entity]
field = "account.number"
kind = "text"
[time]
fields = ["at"]
unit = "ms"
[amount]
field = "value"
currency = "EUR"
"""


def parsed(path: str, value: Any, headers: Any = (), topic: str = "transactions") -> Parsed:
    """Return what becomes of one record of an event type with an envelope."""
    event_type = Declaration(TEXT % path, "own.toml").read()
    intake = Intake(Parser(event_type, entity_index(event_type, Tokenizer(bytes(32)), 1), 60_000))
    raw = value if isinstance(value, bytes | None) else json.dumps(value).encode()
    return intake.parse([ConsumerRecord(topic, 0, 7, NOON_MS, 0, None, raw, None, 0, 0, headers)])


SCHEMA = {"type": "struct", "fields": [{"field": "amount", "type": "double"}], "optional": False}
SOURCE = {"connector": "postgresql", "db": "pay", "table": "payments", "lsn": 33}
CREATED = {"before": None, "after": PAID, "source": SOURCE, "op": "c", "ts_ms": NOON_MS}
CLOUD = {"specversion": "1.0", "id": "e-1", "source": "/pay", "type": "paid", "data": PAID}


@pytest.mark.parametrize(
    ("path", "value", "headers"),
    [
        ("transaction", {"transaction": PAID}, ()),
        ("after", CREATED, ()),
        ("after", CREATED | {"op": "u", "before": PAID}, ()),
        ("after", CREATED | {"op": "r"}, ()),
        ("payload.after", {"schema": SCHEMA, "payload": CREATED}, ()),
        ("payload", {"schema": SCHEMA, "payload": PAID}, ()),
        ("data", CLOUD, ()),
        ("data", PAID, [("ce_specversion", b"1.0"), ("ce_id", b"e-1")]),
        ("data.payment", {"payment": PAID}, [("ce_specversion", b"1.0")]),
        ("event", {"event": PAID}, [("ce_specversion", b"1.0")]),
        ("payload", {"payload": json.dumps(PAID)}, ()),
        ("payload.after", {"payload": json.dumps(CREATED)}, ()),
        ("op", {"op": PAID}, ()),
        ("after", b"\xef\xbb\xbf" + json.dumps(CREATED).encode(), ()),
    ],
)
def test_the_event_in_an_envelope_is_the_payment(path: str, value: Any, headers: Any) -> None:
    """Created, changed or read by a snapshot; structured or binary; as an object or as text."""
    (payment,), (record,) = parsed(path, value, headers).valid

    assert ("p-1", 1250, NOON_MS) == (payment.transaction_id, payment.cents, payment.event_time_ms)
    assert "" == payment.unknown_fields, "what is around the event is none of its fields"
    assert PAID == json.loads(record.value or b"")


DELETED = CREATED | {"op": "d", "before": PAID, "after": None}


@pytest.mark.parametrize(
    ("path", "value", "reason", "detail"),
    [
        ("after", DELETED, "deleted", "a row was deleted (op d), and there is no after to decide"),
        ("payload.after", {"payload": DELETED}, "deleted", "there is no payload.after to decide"),
        ("after", None, "empty", "the record has no value"),
        ("after", CREATED | {"after": None}, "no-payload", "there is nothing in after"),
        ("payload.after", {"payload": None}, "no-payload", "there is nothing in payload.after"),
        ("data", {"specversion": "1.0"}, "no-payload", "there is nothing in data"),
        ("data", [CLOUD], "no-payload", "there is nothing in data"),
        ("data.event", {"data": 5}, "no-payload", "there is nothing in data.event"),
        ("data", {"data": 5}, "invalid-field", "Expected `object`, got `int`"),
        ("data", {"data": "hello"}, "not-json", "the value is not JSON"),
        ("data", PAID | {"data": "{broken"}, "not-json", "the value is not JSON"),
        ("data.event", PAID | {"data": "{broken"}, "not-json", "the value is not JSON"),
        ("data", b'{"data": {}', "not-json", "the value is not JSON"),
        ("data", bytes.fromhex("1f8b0800"), "not-json", "looks like gzip"),
        ("data", b'{"data": ' + b"[" * 5000 + b"]" * 5000 + b"}", "invalid-field", "nested too deeply"),
        ("data", b'{"data": {}}' + b" " * 65_536, "too-large", "65548 bytes are more than 65536"),
    ],
)  # fmt: skip
def test_what_holds_no_event_is_a_dead_letter_that_says_why(
    path: str, value: Any, reason: str, detail: str
) -> None:
    """A row's deletion has a reason of its own: it is no mistake."""
    (letter,) = parsed(path, value).dead

    assert reason == letter.reason
    assert detail in letter.detail


def test_a_cloud_event_without_data_is_a_dead_letter_in_binary_mode_too() -> None:
    """Its value is what `data` is in structured mode."""
    (letter,) = parsed("data", b"null", [("ce_specversion", b"1.0")]).dead

    assert "Expected `object`, got `NoneType`" == letter.detail


def test_what_was_repartitioned_has_no_envelope() -> None:
    """It was opened when it first came."""
    (payment,), _ = parsed("after", PAID, topic="transactions-by-card").valid

    assert 1250 == payment.cents


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('payload = "a..b"', r"line 5, envelope\.payload: name the objects that lead to the event, joined by dots"),
        ('payload = ""', r"line 5, envelope\.payload: is empty: write the name, or leave the key out"),
        ('payloud = "after"', r"line 5, envelope\.payloud: there is no key payloud; did you mean payload\?"),
        ("", r"line 4, envelope: say where the event is, e\.g\. payload = \"after\"; or that there are several, events = \"array\" or"),
        ('array = "events"', r"line 5, envelope\.array: this is where an array of events is: add events = \"array\", or leave this out"),
        ('events = "lines"\narray = "x"', r"line 6, envelope\.array: this is where an array"),
        ('events = "array"\narray = "a."', r"line 6, envelope\.array: name the objects that lead to the array of events"),
        ('events = "arrays"', r"line 5, envelope\.events: "),
        ('events = "lines"\n[format]\nkind = "avro"', r"line 5, envelope\.events: lines are of plain JSON, and the format is avro: write"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_line(given: str, said: str) -> None:
    """And with what to write instead."""
    with pytest.raises(SetupError, match=rf"own\.toml, {said}"):
        Declaration(TEXT.replace('payload = "%s"', given), "own.toml").read()
