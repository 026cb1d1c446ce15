"""Records that producers often send, and what becomes of them."""

import gzip
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.errors import InvalidTransaction, SetupError
from fraudstream.domain.events.amounts import DECIMALS_MAX, MINOR_UNITS_MAX, Money
from fraudstream.domain.events.event_type import EventType
from tests.builders import DINARS, UNIDADES, YEN
from tests.domain.test_parser import BAD_AMOUNTS, CARD, KAFKA_TIME, VALID, changed, parse


def refused(value: bytes) -> str:
    """Return what is said about a value that is no payment."""
    with pytest.raises(InvalidTransaction) as error:
        parse(value)
    return error.value.detail


@pytest.mark.parametrize(
    ("cents", "amount"),
    [
        (1250, "12.50"),
        (1250, "12.5"),
        (1200, "12"),
        (1250, "12.500000"),
        (29, "0.29"),
        (999_999_999, "9999999.99"),
        (30, 0.1 + 0.2),
        (435, 4.35),
        (0, 0),
        (0, "-0.00"),
        (-1250, -12.5),
        (-1250, "-12.50"),
        (-29, -0.29),
        (-30, -0.1 - 0.2),
        (-1_000_000_000, -10_000_000),
    ],
)
def test_an_amount_is_read_exactly(cents: int, amount: Any) -> None:
    """As plain decimal text or as a number; the noise of a producer's arithmetic is no third decimal."""
    assert cents == parse(changed(amount=amount)).cents


@pytest.mark.parametrize(("text", "said"), BAD_AMOUNTS.items())
def test_what_is_wrong_with_an_amount_is_said(text: str, said: str) -> None:
    """So that the producer can correct it."""
    assert f"the amount is text that {said}: send a number, or plain decimal text such as 1250.00" == refused(
        changed(amount=text)
    )


def test_a_third_decimal_is_not_rounded_in_silence() -> None:
    """The event type's currency has no such amount."""
    said = "the amount has more than the 2 decimals of USD: round it before it is sent"

    assert said == refused(changed(amount=0.005))
    assert said == refused(changed(amount="0.005"))


@pytest.mark.parametrize(
    ("units", "amount", "event_type"),
    [
        (5, 0.005, DINARS),
        (5, "0.005", DINARS),
        (-1_234_567, "-1234.567", DINARS),
        (12_500, 12.5, DINARS),
        (15_000_000, 15_000_000, YEN),
        (15_000_000, "15000000.0", YEN),
        (-31, -31.0, YEN),
        (1, 0.0001, UNIDADES),
        (1_999_999_999, 199_999.9999, UNIDADES),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(units: int, amount: Any, event_type: EventType) -> None:
    """Yen have none, dinars three, unidades de fomento four: it is read exactly, and published as it came."""
    assert units == event_type.money.minor_units(amount)
    assert float(amount) == units / 10**event_type.money.decimals


@pytest.mark.parametrize(
    ("said", "amount", "event_type"),
    [
        ("more than the 0 decimals of JPY", 12.5, YEN),
        ("more than the 0 decimals of JPY", "0.5", YEN),
        ("not between -100000000 and 100000000", 100_000_001, YEN),
        ("more than the 3 decimals of KWD", 0.0005, DINARS),
        ("not between -1000000.000 and 1000000.000", "1000000.001", DINARS),
        ("more than the 4 decimals of CLF", "0.00001", UNIDADES),
    ],
)
def test_what_a_currency_does_not_have_is_refused(said: str, amount: Any, event_type: EventType) -> None:
    """Not rounded in silence, whatever the currency."""
    with pytest.raises(InvalidTransaction) as refused:
        event_type.money.minor_units(amount)

    assert said in refused.value.detail


@given(st.integers(-MINOR_UNITS_MAX, MINOR_UNITS_MAX), st.integers(0, DECIMALS_MAX))
def test_every_amount_survives_json(units: int, decimals: int) -> None:
    """From the producer's number or text to minor units, and from them to the decision's number."""
    money = Money("EUR", decimals, MINOR_UNITS_MAX / 10**decimals, "decide")
    written = f"{Decimal(units).scaleb(-decimals):f}"

    assert units == money.minor_units(written) == money.minor_units(float(written))
    assert float(written) == units / 10**decimals


@pytest.mark.parametrize(
    ("decimals", "amount_max"),
    [
        (5, 1.0),
        (-1, 1.0),
        (2.0, 1.0),
        (True, 1.0),
        (2, 0.0),
        (2, 1e12 + 0.01),
        (0, 1e14 + 1),
        (4, 1e10 + 0.0001),
    ],
)
def test_an_event_type_says_what_its_amounts_are(decimals: Any, amount_max: float) -> None:
    """What this release cannot count is refused when the event type is read."""
    with pytest.raises(SetupError, match="event type's"):
        Money("KWD", decimals, amount_max, "decide")


def test_an_event_type_may_refuse_refunds() -> None:
    """Each one is a dead letter with a reason of its own; nothing is no refund."""
    money = Money("USD", 2, 100.0, "refuse")

    assert [0, 0, 1] == [money.minor_units(amount) for amount in (0.0, -0.0, 0.01)]
    for amount in (-0.01, "-0.01", -1e308):
        with pytest.raises(InvalidTransaction, match=r"between 0\.00 and 100\.00") as refused:
            money.minor_units(amount)
        assert "amount-negative" == refused.value.reason


def test_an_event_type_says_what_becomes_of_refunds() -> None:
    """`decide` or `refuse`; other values are an error."""
    with pytest.raises(SetupError, match="the event type's refunds are 'keep', not one of decide, refuse"):
        Money("USD", 2, 100.0, "keep")


@pytest.mark.parametrize(
    ("unit", "time"),
    [
        ("milliseconds", 1580515200123),
        ("microseconds", 1580515200123456),
        ("nanoseconds", 1580515200123456789),
    ],
)
def test_a_time_in_another_unit_is_named(unit: str, time: int) -> None:
    """With the value, which the dead letter does not mask."""
    assert f"trans_ts {time} looks like {unit}: send epoch seconds or ISO 8601" == refused(
        changed(trans_ts=time)
    )


def test_a_time_that_is_only_wrong_is_shown() -> None:
    """A clock that is ahead, a time that is too old."""
    ahead = KAFKA_TIME // 1000 + 601

    assert f"trans_ts {ahead} lies after the record's Kafka timestamp" == refused(changed(trans_ts=ahead))
    assert "trans_ts 0 lies before the year 2000" == refused(changed(trans_ts=0))


def test_a_byte_order_mark_is_skipped() -> None:
    """Windows programs write one."""
    assert parse(changed()) == parse(b"\xef\xbb\xbf" + changed())


@pytest.mark.parametrize(
    ("looks", "value"),
    [
        ("gzip", gzip.compress(changed(), mtime=0)),
        ("UTF-16", changed().decode().encode("utf-16")),
        ("Confluent's wire format (schema id 42), and then JSON", b"\0\0\0\0\x2a" + changed()),
        ("Confluent's wire format (schema id 42), and then Avro or Protobuf", b"\0\0\0\0\x2a\x20abc"),
        ("zstd", b"\x28\xb5\x2f\xfd\x00"),
    ],
)
def test_what_is_not_json_is_named(looks: str, value: bytes) -> None:
    """The sentence says what to send instead."""
    assert f"the value is not JSON and looks like {looks}: send it as plain UTF-8 JSON" == refused(value)


@pytest.mark.parametrize("number", [f" {CARD}\n", f"\t{CARD}", f"{CARD}\u00a0", f"  {int(CARD)} "])
def test_space_around_a_card_number_does_not_count(number: str) -> None:
    """A file that was cut into columns leaves it there."""
    assert parse(changed()).entity == parse(changed(cc_num=number)).entity


@pytest.mark.parametrize("time", ["2020-02-01t00:00:00z", " 2020-02-01T00:00:00Z\n", "2020-02-01 00:00:00z"])
def test_a_time_may_be_written_in_small_letters(time: str) -> None:
    """RFC 3339 allows it."""
    assert 1_580_515_200_000 == parse(changed(trans_ts=time)).event_time_ms


@pytest.mark.parametrize(
    "tid", ["order 7 🛒", "two words", "x" * 129, "x" * 200, "é", "sha256:abc", "hmac-sha256:abc"]
)
def test_an_id_that_does_not_fit_is_kept_by_hash(tid: str) -> None:
    """The payment is decided; the same id has the same hash, another id another, and no id as it came is one."""
    kept = parse(changed(tid=tid)).transaction_id

    assert kept.startswith("sha256:")
    assert len("sha256:") + 32 == len(kept)
    assert kept == parse(changed(tid=tid, amount=1)).transaction_id
    assert kept != parse(changed(tid=kept)).transaction_id
    assert kept != parse(changed(tid=tid + "x")).transaction_id


def test_the_hash_of_an_id_is_what_the_documents_say() -> None:
    """Whoever labels payments has to compute it."""
    assert "sha256:889a33f5db422d0b143615ad9db5e7bc" == parse(changed(tid="order 7 🛒")).transaction_id


@pytest.mark.parametrize("tid", ["", "  ", "\n", "\u00a0"])
def test_a_blank_id_names_nothing(tid: str) -> None:
    """Payments with it are told apart by their places in the log, or the second would contradict the first."""
    assert "" == parse(json.dumps(VALID | {"tid": tid}).encode()).transaction_id


def test_a_long_text_is_cut_and_marked() -> None:
    """No payment fails for the name of a merchant, and the cut leaves no start of a card number."""
    assert "x" * 256 == parse(changed(merchant="x" * 256)).variables[0]
    assert "x" * 255 + "…" == parse(changed(merchant="x" * 300)).variables[0]
    assert "x" * 250 + "***" == parse(changed(merchant="x" * 250 + CARD)).variables[0]
    assert "***…" == parse(changed(merchant="378282246310005" + " " * 300)).variables[0].replace(" ", "")
    other = "378282246310005"
    cut = parse(changed(merchant=f"{other} " * 63 + "       " + other + "x" * 300)).variables[0]
    assert "37828" not in cut
