"""What an event type of one's own declares is read: typed variables, nested fields, any entity, any currency, any time unit."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.events.parser import Parser, Payment, entity_index
from fraudstream.domain.tokens import Tokenizer

KAFKA_TIME = 1_580_515_300_000
PAID_S = 1_580_515_200

PAYOUT = """
name = "payout"
id = "payoutId"

[entity]
field = "account.id"
kind = "text"

[time]
fields = ["created"]
unit = "ms"

[amount]
field = "money.value"
form = "minor-units"
currency_field = "money.currency"
currencies = ["USD", "JPY", "KWD"]

[variables]
note = { field = "details.note" }
attempts = { type = "integer", field = "details.attempts", default = 1 }
risk = "float"
first = "boolean"
opened = "timestamp"
"""


def parser(text: str, **changed: str) -> Parser:
    """Return the parser of a declaration, with some of its text replaced."""
    for old, new in changed.items():
        text = text.replace(old, new)
    event_type = Declaration(text, "test.toml").read()
    return Parser(event_type, entity_index(event_type, Tokenizer(bytes(32)), 8), 60_000)


PARSER = parser(PAYOUT)


def parse(record: Any, read: Parser = PARSER) -> Payment:
    """Parse a record."""
    return read.parse(json.dumps(record).encode(), KAFKA_TIME)


def payout(**changed: Any) -> dict[str, Any]:
    """Return a record; None leaves a field out."""
    record = {
        "payoutId": "p1",
        "account": {"id": "acc_31f"},
        "created": PAID_S * 1000,
        "money": {"value": 1250, "currency": "USD"},
        "details": {"note": "rent", "attempts": 2},
        "risk": 0.5,
        "first": True,
        "opened": "2020-01-01T00:00:00Z",
    } | changed
    return {name: value for name, value in record.items() if value is not None}


def test_every_declared_field_is_read_where_it_is() -> None:
    """Strings first, then the other variables; the entity is a token without last digits."""
    paid = parse(payout())

    assert ("p1", PAID_S * 1000, 12_500) == (paid.transaction_id, paid.event_time_ms, paid.cents)
    assert ("rent", 2, 0.5, True, 1_577_836_800_000) == paid.variables
    assert paid.entity is not None
    assert ("", 32) == (paid.entity.last4, len(paid.entity.token))
    assert "" == paid.unknown_fields


@pytest.mark.parametrize(
    ("thousandths", "value", "currency"),
    [
        (12_500, 1250, "USD"),
        (1_250_000, 1250, "JPY"),
        (1250, 1250, "KWD"),
        (12_500, "1250", "USD"),
        (10, 1.0, "USD"),
    ],
)
def test_minor_units_are_those_of_the_events_own_currency(
    thousandths: int, value: Any, currency: str
) -> None:
    """They are counted in the smallest unit of all currencies, here thousandths."""
    assert thousandths == parse(payout(money={"value": value, "currency": currency})).cents


@pytest.mark.parametrize(
    ("reason", "said", "changed"),
    [
        ("unknown-currency", "USD, JPY, KWD", {"money": {"value": 1, "currency": "EUR"}}),
        ("unknown-currency", "USD, JPY, KWD", {"money": {"value": 1}}),
        ("amount-decimals", "minor units", {"money": {"value": 1.5, "currency": "USD"}}),
        ("invalid-field", "details.attempts", {"details": {"attempts": "many"}}),
        ("invalid-field", "details.attempts", {"details": {"attempts": 2**63}}),
        ("invalid-field", "risk", {"risk": "NaN"}),
        ("invalid-field", "risk", {"risk": [1]}),
        ("invalid-field", "first", {"first": "perhaps"}),
        ("invalid-field", "account.id", {"account": None}),
        ("invalid-field", "account.id", {"account": {"id": {"a": 1}}}),
        ("invalid-entity", "blank", {"account": {"id": "  "}}),
        ("invalid-time", "milliseconds", {"created": "soon"}),
        ("time-ancient", "looks like seconds", {"created": PAID_S}),
    ],
)
def test_a_value_that_is_not_what_was_declared_is_named(
    reason: str, said: str, changed: dict[str, Any]
) -> None:
    """With the field's place in the record."""
    with pytest.raises(InvalidTransaction, match=said) as refused:
        parse(payout(**changed))

    assert reason == refused.value.reason


def test_numbers_and_booleans_may_be_text_and_a_missing_variable_is_its_default() -> None:
    """Producers differ; what reads as a number is one."""
    lax = parse(payout(details={"attempts": "3"}, risk="0.25", first="false", opened=None))

    assert (None, 3, 0.25, False, None) == lax.variables
    assert 1 == parse(payout(details={"attempts": None})).variables[1]


@pytest.mark.parametrize(
    "time",
    [PAID_S * 1000, "2020-02-01T00:00:00Z", [2020, 2, 1], [2020, 2, 1, 0, 0], [2020, 2, 1, 0, 0, 0, 499_999]],
)
def test_a_time_may_be_a_number_text_or_javas_list(time: Any) -> None:
    """Jackson writes a LocalDateTime as a list."""
    assert PAID_S * 1000 == parse(payout(created=time)).event_time_ms


def test_a_time_counts_from_its_origin() -> None:
    """As the seconds of creditcard.csv do."""
    read = parser(PAYOUT.replace('unit = "ms"', 'unit = "s"\norigin = 2020-01-01T00:00:00Z'))

    assert PAID_S * 1000 == parse(payout(created=31 * 86_400), read).event_time_ms
    assert PAID_S * 1000 == parse(payout(created="2020-02-01T00:00:00"), read).event_time_ms


def test_undeclared_fields_are_kept_and_cost_no_decision() -> None:
    """Nested ones by their path, lists as text, numbers and truth as they are."""
    extra = {"device": {"os": "ios", "tags": ["a", 1]}, "mcc": 5411, "vip": False, "foo": None}
    kept = json.loads(parse(payout(**extra) | extra).unknown_fields)

    assert {"device.os": "ios", "device.tags": '["a",1]', "mcc": 5411, "vip": False, "foo": None} == kept


def test_undeclared_fields_can_be_ignored_or_refused() -> None:
    """As the event type says."""
    ignoring = parser(PAYOUT.replace('id = "payoutId"', 'id = "payoutId"\nunknown_fields = "ignore"'))
    refusing = parser(PAYOUT.replace('id = "payoutId"', 'id = "payoutId"\nunknown_fields = "refuse"'))

    assert "" == parse(payout(mcc=1), ignoring).unknown_fields
    with pytest.raises(InvalidTransaction, match="no field riks; did you mean risk"):
        parse(payout(riks=1), refusing)


def test_many_undeclared_fields_are_cut_and_it_says_so() -> None:
    """A decision does not grow with its payment."""
    kept = json.loads(parse(payout(**{f"field{number}": number for number in range(100)})).unknown_fields)

    assert 65 == len(kept)
    assert 36 == kept["(left out)"]


CARD = "4006080197832643"
CARD_PARSER = Parser(
    event_type_named("card"), entity_index(event_type_named("card"), Tokenizer(bytes(32)), 8), 60_000
)


@pytest.mark.parametrize(
    "extra",
    [
        {"pan": CARD},
        {"pan": int(CARD)},
        {"a": {"b": [CARD]}},
        {CARD: 1},
        {"note": f"card {CARD[:4]}-{CARD[4:8]}-{CARD[8:12]}-{CARD[12:]}"},
        {"note": CARD[:-1]},
        {"other": "5500005555555559"},
        {"n": float(CARD)},
    ],
)
def test_no_card_number_is_kept_wherever_it_stands(extra: dict[str, Any]) -> None:
    """Neither the payment's own, nor a part of it, nor another's, in a name or a value."""
    paid = parse({"cc_num": CARD, "amount": 1, "trans_ts": PAID_S} | extra, CARD_PARSER)
    shown = "".join(character for character in paid.unknown_fields if character.isdigit())

    assert CARD[:9] not in shown
    assert "5500005555" not in shown


def test_a_number_variable_that_may_be_a_card_number_is_left_out() -> None:
    """Masked it would be no number any more; one with a fraction or few digits is none."""
    read = parser(PAYOUT.replace('risk = "float"', 'risk = "float"\nserial = "integer"'))

    assert None is parse(payout(serial=int(CARD)), read).variables[3]
    assert 123_456_789_012 == parse(payout(serial=123_456_789_012), read).variables[3]
    assert -1.3598071336738172 == parse(payout(risk=-1.3598071336738172)).variables[2]


def test_without_an_entity_a_payment_has_none() -> None:
    """And its id may hold any digits."""
    text = PAYOUT.replace('[entity]\nfield = "account.id"\nkind = "text"\n', "")
    paid = parse(payout(payoutId=CARD), parser(text))

    assert (None, CARD) == (paid.entity, paid.transaction_id)
    assert {"account.id": "acc_31f"} == json.loads(paid.unknown_fields)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["risk", "first", "opened", "created", "money", "details", "x"]), JSON)
)
def test_any_json_is_a_payment_or_has_a_reason(changed: dict[str, Any]) -> None:
    """Nothing else comes out of the parser; what is kept is a JSON object."""
    try:
        paid = parse(payout(**changed))
    except InvalidTransaction:
        return
    assert isinstance(json.loads(paid.unknown_fields or "{}"), dict)


@given(st.dictionaries(st.text(max_size=6), JSON, max_size=4))
def test_undeclared_fields_change_nothing_else(extra: dict[str, Any]) -> None:
    """A card payment with them is the same payment."""
    declared = {"cc_num": CARD, "amount": 1, "trans_ts": PAID_S, "merchant": "shop"}
    with_extra = parse(extra | declared, CARD_PARSER)

    assert parse(declared, CARD_PARSER) == with_extra._replace(unknown_fields="") or set(extra) & {
        "tid",
        "datetime",
        "zip_code",
    }
