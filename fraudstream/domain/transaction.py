"""Bytes become a payment, strictly: whatever is not a payment is a dead letter with a reason."""

from typing import Annotated, Any, NamedTuple

import msgspec

from fraudstream.domain.card_numbers import (
    PART_DIGITS_MIN,
    digits_of,
    holds_part,
    normalised,
    without_card_numbers,
)
from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.event_type import EventType
from fraudstream.domain.ids import KEYED_PREFIX, NOT_DIGITS
from fraudstream.domain.times import moment_ms
from fraudstream.domain.tokens import Card, CardIndex

VALUE_BYTES_MAX = 64 * 1024
"""A payment is a few hundred bytes; larger values only cost memory."""

TIME_MIN_MS = 946_684_800_000
"""2000-01-01: an older payment is a broken clock or a wrong unit."""

TIME_MAX_S = 1e12
"""Far beyond any clock; keeps the arithmetic finite so that the comparisons with real clocks can refuse it."""

REMEMBERED_MAX = 100_000
"""Variables of which is known what they hold: looking into each merchant's name anew would cost 2 µs a payment."""

Text = Annotated[str, msgspec.Meta(max_length=256)]


class Payment(NamedTuple):
    """A valid payment. Money is integer cents, time is integer epoch milliseconds UTC."""

    transaction_id: str
    """Empty if it came without one: then its place in the log names it."""
    card: Card
    event_time_ms: int
    cents: int
    variables: tuple[str | int | float | None, ...]


class Parser:
    """Turns record values into payments of one event type."""

    def __init__(self, event_type: EventType, cards: CardIndex, future_tolerance_ms: int) -> None:
        """`future_tolerance_ms`: how far a payment may lie after its record's Kafka timestamp."""
        self._cards = cards
        self._amount_max = event_type.amount_max
        self._future_tolerance_ms = future_tolerance_ms
        optional: list[tuple[str, Any, Any]] = [
            (event_type.id, Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,128}$")] | int | None, None),
            *((name, Text | float | None, None) for name in event_type.times),
            *((name, Text | int | float | None, None) for name in event_type.variables),
        ]
        required: list[tuple[str, Any]] = [(event_type.entity, int | Text), (event_type.amount, float)]
        record = msgspec.defstruct("Record", [*required, *optional], forbid_unknown_fields=True, gc=False)
        self._decode = msgspec.json.Decoder(record).decode
        self._fields = msgspec.structs.astuple
        self.times = event_type.times
        self._harmless: set[Any] = set()
        self._numbered: dict[str, tuple[str, str]] = {}
        self._variables_from = 3 + len(event_type.times)

    def parse(self, value: bytes | None, timestamp_ms: int) -> Payment:
        """Return the payment in a record's value; raises InvalidTransaction.

        `timestamp_ms` is the record's Kafka timestamp: the payment's time if it has none of its own, and the
        clock against which "in the future" is judged, so that a replay judges alike.
        """
        if value is None:
            raise InvalidTransaction("empty", "the record has no value")
        if len(value) > VALUE_BYTES_MAX:
            raise InvalidTransaction("too-large", f"{len(value)} bytes are more than {VALUE_BYTES_MAX}")
        try:
            record = self._fields(self._decode(value))
        except msgspec.ValidationError as error:
            raise InvalidTransaction("invalid-field", str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise InvalidTransaction("not-json", "the value is not JSON") from None
        number, amount, tid = record[:3]
        if not 0 <= amount <= self._amount_max:
            reason = "amount-negative" if amount < 0 else "amount-absurd"
            raise InvalidTransaction(reason, f"the amount is not between 0 and {self._amount_max:.2f}")
        event_time_ms = timestamp_ms
        for given in record[3 : self._variables_from]:
            if given is not None:
                event_time_ms = _epoch_ms(given)
                break
        if event_time_ms < TIME_MIN_MS or event_time_ms > timestamp_ms + self._future_tolerance_ms:
            raise _wrong_time(event_time_ms, timestamp_ms)
        card = self._cards.card(number, event_time_ms)
        transaction_id = "" if tid is None else str(tid)
        digits = transaction_id.encode().translate(None, NOT_DIGITS)
        if len(digits) >= PART_DIGITS_MIN:
            own, written = str(number) if type(number) is int else normalised(number), digits.decode()
            if holds_part(written, own):
                transaction_id = self._own_id(transaction_id, own in written, event_time_ms)
        variables = record[self._variables_from :]
        if not self._harmless.issuperset(variables):
            variables = tuple(self._without_card_numbers(value, number) for value in variables)
        return Payment(transaction_id, card, event_time_ms, round(amount * 100), variables)

    def _own_id(self, transaction_id: str, whole: bool, event_time_ms: int) -> str:
        """Say what becomes of an id that holds the card number: the whole is refused, a part is kept by keyed hash."""
        if whole:
            raise InvalidTransaction(
                "id-holds-card-number", "a transaction id must not contain the card number"
            )
        return KEYED_PREFIX + self._cards.keyed_hash(f"transaction id {transaction_id}", event_time_ms)

    def _without_card_numbers(self, value: Any, number: int | str) -> Any:
        """Return a variable as it came, unless a card number is where it does not belong; the rest of the text stays."""
        if value in self._harmless:
            return value
        text = str(value)
        known = self._numbered.get(text)
        if known is None:
            known = self._remembered(value, text)
        shown, digits = known
        if digits and holds_part(digits, own := normalised(number)):
            shown = without_card_numbers(text, own)
        return value if shown == text else shown

    def _remembered(self, value: Any, text: str) -> tuple[str, str]:
        """Return a variable's text without anybody's card numbers, and its digits if they could be a part of one."""
        digits = digits_of(text)
        few = len(digits) < PART_DIGITS_MIN
        remembered: Any = self._harmless if few else self._numbered
        if len(remembered) >= REMEMBERED_MAX:
            remembered.clear()
        if few:
            self._harmless.add(value)
            return text, ""
        self._numbered[text] = (without_card_numbers(text), digits)
        return self._numbered[text]


def _wrong_time(event_time_ms: int, timestamp_ms: int) -> InvalidTransaction:
    """Return what is wrong with a time."""
    if timestamp_ms < 0:
        return InvalidTransaction(
            "no-timestamp",
            "the record has no Kafka timestamp, which a payment's time is judged by; producers set it, or brokers with "
            "message.timestamp.type=LogAppendTime",
        )
    if event_time_ms < TIME_MIN_MS:
        return InvalidTransaction("time-ancient", "the time is before the year 2000")
    return InvalidTransaction("time-in-future", "the time lies after the record's Kafka timestamp")


def _epoch_ms(given: str | float) -> int:
    """Read epoch seconds or ISO 8601 (without a zone it is UTC)."""
    if not isinstance(given, str):
        return round(max(-TIME_MAX_S, min(given, TIME_MAX_S)) * 1000)
    try:
        return moment_ms(given)
    except (ValueError, OverflowError):
        raise InvalidTransaction("invalid-time", "the time is neither epoch seconds nor ISO 8601") from None
