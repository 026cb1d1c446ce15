"""A part of the payment's own card number is masked, too, wherever it could be published."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.card_numbers import PART_DIGITS_MIN, digits_of, parts_of, without_card_numbers
from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.events.parser import Parser, Payment
from fraudstream.domain.tokens import EntityIndex, Tokenizer

OWN = "4000004998012643"
KAFKA_TIME = 1_580_515_300_000


def parsed(**fields: Any) -> Payment:
    """Parse a payment of OWN with these fields, by a parser that remembers nothing."""
    parser = Parser(event_type_named("card"), EntityIndex(Tokenizer(bytes(32)), 8), 600_000)
    return parser.parse(json.dumps({"cc_num": int(OWN), "amount": 31} | fields).encode(), KAFKA_TIME)


@pytest.mark.parametrize(
    ("expected", "merchant"),
    [
        ("SHOP CARD ***", "SHOP CARD 400000499801264"),
        ("SHOP CARD ***", "SHOP CARD 00004998012643"),
        ("SHOP CARD ***", "SHOP CARD 400000499801"),
        ("***", "998012643"),
        ("card ***", "card 4000/0049/9801/264"),
        ("card ***!", "card 4000.0049 - 9801_2643!"),
        ("***", "4000 to 0049 to 9801"),
        ("***", "٤٠٠٠٠٠٤٩٩٨٠١"),
        ("***", 400000499801264),
        ("***.5", 40000049980126.5),
        ("till 40000049", "till 40000049"),
        ("998012644", "998012644"),
    ],
)
def test_a_part_of_the_own_number_is_masked_in_a_variable(expected: str, merchant: Any) -> None:
    """Nine digits in a row, whatever stands between them; eight are an issuer's number and stay."""
    assert expected == parsed(merchant=merchant).variables[0]


def test_a_cached_text_is_masked_anew_for_another_card() -> None:
    """The same merchant, a number that is a part of one card only: masked for that card, every time."""
    parser = Parser(event_type_named("card"), EntityIndex(Tokenizer(bytes(32)), 8), 600_000)

    def merchant_of(card: str) -> Any:
        value = {"cc_num": card, "amount": 31, "merchant": "SHOP 400000499801"}
        return parser.parse(json.dumps(value).encode(), KAFKA_TIME).variables[0]

    seen = [merchant_of(card) for card in ("5100000000000008", OWN, "5100000000000008", OWN)]
    assert ["SHOP 400000499801", "SHOP ***", "SHOP 400000499801", "SHOP ***"] == seen


@pytest.mark.parametrize("tid", ["400000499801264", "order-0049.9801.2643", "x4000004998", 400000499801264])
def test_an_id_with_a_part_of_the_own_number_is_kept_by_keyed_hash(tid: str | int) -> None:
    """The payment is decided; only who has the key of the tokens could try numbers, and the same id is known again."""
    kept = parsed(tid=tid).transaction_id

    assert kept.startswith("hmac-sha256:")
    assert kept == parsed(tid=tid).transaction_id
    assert kept != parsed(tid=f"{tid}-2").transaction_id


@pytest.mark.parametrize("between", [".", "/", "_", ":"])
def test_an_id_with_the_whole_own_number_is_refused_with_any_separator(between: str) -> None:
    """Dashes or anything else."""
    with pytest.raises(InvalidTransaction) as refused:
        parsed(tid=between.join([OWN[:4], OWN[4:8], OWN[8:12], OWN[12:]]))

    assert "id-holds-card-number" == refused.value.reason


SEPARATORS = st.text("-./ _:,;|#*\u00a0\u2013x💳", max_size=3)


@given(st.data())
def test_whatever_is_written_around_it_no_part_stays(data: st.DataObject) -> None:
    """Any piece of the number, other digits around it, anything between its digits, several times."""
    own = data.draw(st.text("0123456789", min_size=12, max_size=19), "card number")
    text = ""
    for _ in range(data.draw(st.integers(1, 3), "pieces")):
        start = data.draw(st.integers(0, len(own) - 1))
        piece = own[start : data.draw(st.integers(start, len(own)))]
        text += data.draw(st.text("01abc ", max_size=4))
        text += data.draw(SEPARATORS).join(piece)
    left = without_card_numbers(text, own)

    assert set() == parts_of([digits_of(left)]) & parts_of([own])


@given(st.text(max_size=60))
def test_a_text_with_few_digits_stays_as_it_is(text: str) -> None:
    """Nothing to hide, nothing changed."""
    few = len(digits_of(text)) < PART_DIGITS_MIN

    assert not few or text == without_card_numbers(text, OWN)
