"""What a dead letter shows of a record that is not a payment."""

import gzip
import json
import re
import time
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.card_numbers import digits_of
from fraudstream.domain.events.raw_values import SHOWN_BYTES_MAX, Shown, looks_like

CARD = "4000000000000002"
NOW_MS = 1_580_515_300_000


def payload(value: bytes | dict[str, Any], *, times: tuple[str, ...] = ("trans_ts",)) -> str:
    """Return the payload of a dead letter of this value."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Shown(raw, NOW_MS, times).payload


@pytest.mark.parametrize(
    "written",
    [
        "4000.0000.0000.0002",
        "4000/0000/0000/0002",
        "4000\u00a00000\u00a00000\u00a00002",
        "4000 - 0000 - 0000 - 0002",
        "4000_0000_0000_0002",
        "4000\u20130000\u20130000\u20130002",
        "4000\n0000\n0000\n0002",
        "4000💳0000💳0000💳0002",
        "4000\ud83d0000\ud83d0000\ud83d0002",
        "٤٠٠٠٠٠٠٠٠٠٠٠٠٠٠٢",
        "".join(chr(0x1D7CE + int(digit)) for digit in CARD),
        ["4000", "0000", "0000", "0002"],
        [4000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
        list(CARD),
    ],
)
@pytest.mark.parametrize("escaped", [True, False])
def test_a_card_number_is_masked_with_anything_short_between(written: Any, escaped: bool) -> None:
    """As characters and as JSON escapes; only the amount's digit is left."""
    value = json.dumps({"cc_num": written, "amount": 1}, ensure_ascii=escaped)

    assert "1" == digits_of(payload(value.encode("utf-8", "surrogatepass"), times=())) or (
        not escaped and "\ud83d" in str(written)
    )


def test_digits_written_as_escapes_are_seen_for_what_they_are() -> None:
    """`\\u0034` is a four."""
    escaped = "".join(f"\\u{ord(digit):04x}" for digit in CARD)

    assert '{"cc_num": "***"}' == payload(f'{{"cc_num": "{escaped}"}}'.encode())


def test_a_part_of_a_number_that_stands_there_whole_is_masked_too() -> None:
    """In the payload and in what is said about it."""
    shown = Shown(b'{"cc_num": 4000004998012643, "shop 400000499": 1}', NOW_MS)

    assert '{"cc_num": ***, "shop ***": 1}' == shown.payload
    assert "unknown field shop ***" == shown.detail("unknown field shop 400000499")


@pytest.mark.parametrize(
    "given_time", [1580515200, 1580515200.25, 1580515200123, 1580515200123456, 1580515200123456789]
)
def test_the_declared_time_field_is_shown(given_time: float) -> None:
    """In every unit: it explains the refusal."""
    shown = Shown(json.dumps({"cc_num": CARD, "trans_ts": given_time}).encode(), NOW_MS, ("trans_ts",))

    assert f'{{"cc_num": "***", "trans_ts": {given_time}}}' == shown.payload
    assert f"trans_ts {given_time} looks wrong" == shown.detail(f"trans_ts {given_time} looks wrong")


def test_an_iso_time_is_shown_and_only_under_the_name_of_a_time() -> None:
    """Elsewhere its fourteen digits could be anything."""
    text = "2020-02-01 00:00:00"

    assert f'{{"trans_ts": "{text}"}}' == payload({"trans_ts": text})
    assert '{"merchant": "***"}' == payload({"merchant": text})
    assert '{"zip_code": ***}' == payload({"zip_code": 1580515200123})


@pytest.mark.parametrize("given_time", [CARD, int(CARD), 4000000000006, f"{CARD}.5", "4000-00-00 00:00:02"])
def test_a_card_number_in_the_time_field_is_no_time(given_time: Any) -> None:
    """Card numbers are never times between 2000 and now."""
    assert '{"trans_ts": ***}' == payload({"trans_ts": given_time}).replace('"***"', "***")


def test_a_part_of_the_number_in_the_time_field_is_masked_although_it_may_be_a_time() -> None:
    """The number stands beside it."""
    assert '{"cc_num": ***, "trans_ts": ***}' == payload(
        {"cc_num": 4001580515200123, "trans_ts": 1580515200123}
    )


BODY = json.dumps({"cc_num": int(CARD), "amount": 12.5}).encode()


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        ("gzip", gzip.compress(BODY)),
        ("zlib", zlib.compress(BODY)),
        ("zstd", b"\x28\xb5\x2f\xfd" + BODY),
        ("snappy", b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01" + BODY),
        ("snappy", bytes([len(BODY), (len(BODY) - 1) << 2 & 0xFC]) + BODY),
        ("lz4", b"\x04\x22\x4d\x18" + BODY),
        ("UTF-16", BODY.decode().encode("utf-16")),
        ("UTF-16", BODY.decode().encode("utf-16-be")),
        ("UTF-16", BODY.decode().encode("utf-16-le")),
        ("Confluent's wire format (schema id 42), and then JSON", b"\0\0\0\0\x2a" + BODY),
        ("Confluent's wire format (schema id 7), and then Avro or Protobuf", b"\0\0\0\0\x07\x20" + BODY[10:]),
        ("a serialised Java object", b"\xac\xed\x00\x05t" + BODY),
    ],
    ids=str.split(
        "gzip zlib zstd snappy-stream snappy lz4 utf-16 utf-16-be utf-16-le confluent-json confluent-binary java"
    ),
)
def test_bytes_that_are_no_text_are_named_and_not_shown(expected: str, value: bytes) -> None:
    """A card number in binary is no row of digits, and can be read all the same."""
    assert expected == looks_like(value)
    assert f"({len(value)} bytes that are not text and look like {expected})" == payload(value)


def test_an_escape_that_is_cut_hides_no_digits_before_it() -> None:
    """Eleven digits, and then half a no-break space."""
    shown = payload(b"x" * (SHOWN_BYTES_MAX - 14) + rb"40000000000\u00a000002")

    assert "" == digits_of(shown)


def test_a_payload_of_many_digits_is_masked_quickly() -> None:
    """A producer must not be able to slow the worker down with a special payload."""
    started = time.process_time()
    for text in (b"1 " * 4096, b"1x" * 4096, b"12345678901x" * 512, b"1" + b" - " * 2048, rb"\u0031" * 900):
        payload(text)

    assert 2 > time.process_time() - started


def test_unknown_bytes_are_counted() -> None:
    """The payload says how many there are."""
    assert "(3 bytes that are not text)" == payload(b"\x00\xff\x01")


@pytest.mark.parametrize("before", range(SHOWN_BYTES_MAX - 20, SHOWN_BYTES_MAX + 1))
def test_the_cut_leaves_no_start_of_a_number(before: int) -> None:
    """Nor half a character."""
    shown = payload(("é" + "x" * (before - 2) + "4.0.0." + CARD[3:]).encode())

    assert "" == digits_of(shown)
    assert len(shown) <= SHOWN_BYTES_MAX


@given(
    st.text("0123456789", min_size=12, max_size=19),
    st.text(max_size=6).filter(lambda text: not re.search(r"[^\W_]", text)),
    st.booleans(),
    st.text(max_size=20),
)
def test_no_form_of_a_card_number_leaves_twelve_digits(
    number: str, between: str, escaped: bool, around: str
) -> None:
    """Whatever stands between, and whatever else is in the record."""
    value = json.dumps({"merchant": around, "cc_num": between.join(number)}, ensure_ascii=escaped)

    assert number not in digits_of(payload(value.encode("utf-8", "replace")))
