"""What a dead letter says of its record, and of who sent it."""

import json

import pytest
from aiokafka.structs import ConsumerRecord

from fraudstream.adapters.event_types import event_type_named
from fraudstream.deciding.dead_letters import (
    HEADER_CHARACTERS_MAX,
    HEADERS_MAX,
    OVER_HTTP,
    DeadLetter,
    DeadLetters,
    producer_of,
)

CARD = "4006080197832643"
Headers = list[tuple[str, bytes]]


def letter(headers: Headers, value: bytes = b'{"amount": 1}') -> DeadLetter:
    """Return the dead letter of a record."""
    record = ConsumerRecord("transactions", 1, 7, 1_580_688_000_000, 0, None, value, None, 0, 0, headers)
    return DeadLetters.of(event_type_named("card")).letter(record, "invalid-field", "amount: no")


def test_it_has_the_record_s_headers_and_not_ours() -> None:
    """So producers can be counted after the record is gone."""
    found = letter([("producer", b"shop"), ("fraudstream-source", b"transactions-0-1")])

    assert {"producer": "shop"} == json.loads(found.encode())["headers"]
    assert "headers" not in json.loads(letter([]).encode())


def test_card_numbers_in_headers_are_masked_also_where_the_text_is_cut() -> None:
    """Names, too; a number that the cut would shorten is found before."""
    cut = b"x" * (HEADER_CHARACTERS_MAX - 10) + CARD.encode()
    found = letter([(f"card {CARD}", b"1"), ("cut", cut), ("odd", b"\xff\xfe" + CARD.encode())])

    assert {"card ***": "1", "cut": "x" * 118 + "***", "odd": "\ufffd\ufffd***"} == found.headers


def test_headers_are_bounded() -> None:
    """Whatever a producer sends."""
    value = b"v" * 1_000_000
    found = letter([(f"n{number}", value) for number in range(1000)])

    assert HEADERS_MAX == len(found.headers)
    assert {HEADER_CHARACTERS_MAX} == {len(value) for value in found.headers.values()}


@pytest.mark.parametrize(
    ("headers", "producer"),
    [
        ([("source", b"/a"), ("producer", b"shop")], "shop"),
        ([("ce_source", b"/shop")], "/shop"),
        ([("fraudstream-reply", b"2:9f3c")], OVER_HTTP),
        ([("trace", b"1")], ""),
    ],
)
def test_the_producer_is_what_its_headers_say(headers: Headers, producer: str) -> None:
    """Kafka itself does not know who sent a record."""
    assert producer == producer_of(letter(headers).headers)
