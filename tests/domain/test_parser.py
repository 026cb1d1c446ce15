"""What is a payment, and what each refusal is called."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.events.parser import Parser, Payment
from fraudstream.domain.tokens import EntityIndex, Tokenizer

CARD = "4006080197832643"
KAFKA_TIME = 1_580_515_300_000
VALID: dict[str, Any] = {"cc_num": int(CARD), "amount": 12.5, "trans_ts": 1580515200.25, "tid": "a1"}
PARSER = Parser(event_type_named("card"), EntityIndex(Tokenizer(bytes(32)), 8), 600_000)


def parse(value: bytes | None) -> Payment:
    """Parse a record value as the intake does."""
    return PARSER.parse(value, KAFKA_TIME)


def changed(**fields: Any) -> bytes:
    """Return a valid payment with some fields changed; None leaves a field out."""
    return json.dumps({name: value for name, value in (VALID | fields).items() if value is not None}).encode()


BAD_AMOUNTS = {
    "": "is blank",
    "  ": "is blank",
    " 12.5 ": "has spaces around it",
    "1,250.00": "has a comma",
    "12,50": "has a comma",
    "1e3": "has an exponent",
    "NaN": "is not a number",
    "-Infinity": "is not a number",
    "+12.50": "has a plus sign",
    "12.": "is not a plain decimal",
    ".5": "is not a plain decimal",
    "$12.50": "is not a plain decimal",
    "١٢": "is not a plain decimal",
    "0x10": "is not a plain decimal",
    "12.50\n": "has spaces around it",
}
"""Texts that are no plain decimal, and what is said of each."""


def test_a_payment_is_read_into_cents_milliseconds_and_a_token() -> None:
    """Money and time become integers, and the card number a token, when a record is parsed."""
    payment = parse(changed(merchant="Corner shop", zip_code=10115))

    assert "a1" == payment.transaction_id
    assert 1250 == payment.cents
    assert 1_580_515_200_250 == payment.event_time_ms
    assert ("98a587477db61478adb5dc479cab8acc", "2643") == (payment.entity.token, payment.entity.last4)
    assert ("Corner shop", 10115) == payment.variables


@pytest.mark.parametrize(
    ("expected", "merchant"),
    [
        ("shop ***", f"shop {CARD}"),
        ("***", int(CARD)),
        ("shop ***", "shop 378282246310005"),
        ("shop 123456789012345", "shop 123456789012345"),
        (123456789012345, 123456789012345),
    ],
)
def test_a_card_number_in_a_field_it_does_not_belong_to_is_masked(expected: Any, merchant: Any) -> None:
    """Its own or another's; a merchant's number stays what it is, and so does every value without one."""
    assert (expected, 10115) == parse(changed(merchant=merchant, zip_code=10115)).variables


@pytest.mark.parametrize("number", [int(CARD), CARD, "4006 0801 9783 2643", "4006-0801-9783-2643"])
def test_every_writing_of_a_card_number_is_the_same_card(number: int | str) -> None:
    """The sample sends integers, its notebooks strings."""
    assert parse(changed(cc_num=CARD)).entity == parse(changed(cc_num=number)).entity


@pytest.mark.parametrize(
    ("given_time", "event_time_ms"),
    [
        ({"trans_ts": 1580515200}, 1_580_515_200_000),
        ({"trans_ts": "2020-02-01T00:00:00Z"}, 1_580_515_200_000),
        ({"trans_ts": None, "datetime": "2020-02-01 00:00:00"}, 1_580_515_200_000),
        ({"trans_ts": None, "datetime": "2020-02-01T01:00:00+01:00"}, 1_580_515_200_000),
        ({"trans_ts": None}, KAFKA_TIME),
    ],
)
def test_the_time_may_come_as_epoch_seconds_or_iso_8601_or_from_kafka(
    given_time: dict[str, Any], event_time_ms: int
) -> None:
    """A time without a zone is UTC."""
    assert event_time_ms == parse(changed(**given_time)).event_time_ms


def test_an_id_is_text_and_may_be_missing() -> None:
    """The intake then names the payment by its place in the log."""
    assert "" == parse(changed(tid=None)).transaction_id
    assert "42" == parse(changed(tid=42)).transaction_id


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"hello", "not-json"),
        (b"\xff\xfe", "not-json"),
        (b'{"cc_num": 4006080197832643, "amount": NaN}', "not-json"),
        (b'{"cc_num": 4006080197832643, "amount": Infinity}', "not-json"),
        (b'{"cc_num": 4006080197832643, "amount": 1e999}', "invalid-field"),
        (b"[" * 5000, "invalid-field"),
        (b'{"a":' * 5000, "invalid-field"),
        (b"[]", "invalid-field"),
        (b"null", "invalid-field"),
        (b"x" * 1_000_000, "too-large"),
        (changed(cc_num=None), "invalid-field"),
        (changed(cc_num="abc"), "invalid-card"),
        (changed(cc_num="٤٠٠٦٠٨٠١٩٧٨٣٢٦٤٣"), "invalid-card"),
        (changed(cc_num=123), "invalid-card"),
        (changed(cc_num=-4006080197832643), "invalid-card"),
        (changed(cc_num=4006080197832643.0), "invalid-field"),
        (changed(cc_num=True), "invalid-field"),
        (changed(amount=None), "invalid-field"),
        *((changed(amount=text), "invalid-field") for text in BAD_AMOUNTS),
        (changed(amount=True), "invalid-field"),
        (changed(amount=0.005), "amount-decimals"),
        (changed(amount="0.005"), "amount-decimals"),
        (changed(amount=12.3456789), "amount-decimals"),
        (changed(amount="10000000.01"), "amount-absurd"),
        (changed(amount=-0.005), "amount-decimals"),
        (changed(amount="-10000000.01"), "amount-absurd"),
        (changed(amount=-1e308), "amount-absurd"),
        (changed(amount=10_000_000.01), "amount-absurd"),
        (changed(trans_ts="yesterday"), "invalid-time"),
        (changed(trans_ts=1e308), "time-in-future"),
        (changed(trans_ts=-1e308), "time-ancient"),
        (changed(amount=1e308), "amount-absurd"),
        (changed(trans_ts="0001-01-01T00:00:00+23:59"), "time-ancient"),
        (changed(trans_ts=0), "time-ancient"),
        (changed(trans_ts=1580515200123), "time-in-future"),
        (changed(trans_ts=KAFKA_TIME / 1000 + 601), "time-in-future"),
        (changed(tid=[1]), "invalid-field"),
        (changed(tid=f"order-{CARD}"), "id-holds-card-number"),
        (changed(tid="4006-0801-9783-2643"), "id-holds-card-number"),
        (changed(cc_num="4006 0801 9783 2643", tid=CARD), "id-holds-card-number"),
        (changed(merchant=["x"]), "invalid-field"),
    ],
)
def test_what_is_not_a_payment_is_refused_with_a_reason(value: bytes | None, reason: str) -> None:
    """The reason is a stable word: dashboards count it and tests of producers look for it."""
    with pytest.raises(InvalidTransaction) as refused:
        parse(value)

    assert reason == refused.value.reason


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(
        lambda value: json.dumps({"cc_num": CARD, "amount": value, "trans_ts": value}).encode()
    )
)
def test_whatever_comes_the_answer_is_a_payment_or_a_refusal(value: bytes) -> None:
    """No input may raise anything else: that would end the worker."""
    said = ""
    try:
        parse(value)
    except InvalidTransaction as refused:
        said = str(refused)

    assert CARD not in said


def test_the_reasons_are_documented() -> None:
    """docs/reference/dead-letters.md lists every reason for which an event is refused."""
    room = Path(__file__).parents[2] / "fraudstream/domain"
    source = "".join(path.read_text() for path in [*room.glob("events/*.py"), room / "tokens.py"])
    reasons = set(re.findall(r'InvalidTransaction\(\s*"([a-z-]+)"', source)) | {
        "amount-negative",
        "amount-absurd",
    }
    documented = (Path(__file__).parents[2] / "docs/reference/dead-letters.md").read_text()

    assert set() == {reason for reason in reasons if f"`{reason}`" not in documented}
