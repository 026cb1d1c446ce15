"""Bytes become a payment, strictly: whatever is not a payment is a dead letter with a reason."""

from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import msgspec

from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.event_type import EventType
from fraudstream.domain.tokens import Card, CardIndex

VALUE_BYTES_MAX = 64 * 1024
"""A payment is a few hundred bytes; larger values only cost memory."""

TIME_MIN_MS = 946_684_800_000
"""2000-01-01: an older payment is a broken clock or a wrong unit."""

TIME_MAX_S = 1e12
"""Far beyond any clock; keeps the arithmetic finite so that the comparisons with real clocks can refuse it."""

Text = Annotated[str, msgspec.Meta(max_length=256)]


class Payment(NamedTuple):
    """A valid payment. Money is integer cents, time is integer epoch milliseconds UTC."""

    transaction_id: str
    card: Card
    event_time_ms: int
    cents: int
    variables: tuple[str | None, ...]


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
        self._variables_from = 3 + len(event_type.times)

    def parse(self, value: bytes | None, timestamp_ms: int, default_id: str) -> Payment:
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
        card = self._cards.card(number)
        if not 0 <= amount <= self._amount_max:
            reason = "amount-negative" if amount < 0 else "amount-absurd"
            raise InvalidTransaction(reason, f"the amount is not between 0 and {self._amount_max:.2f}")
        variables = record[self._variables_from :]
        return Payment(
            default_id if tid is None else self._transaction_id(tid, number),
            card,
            self._event_time_ms(record[3 : self._variables_from], timestamp_ms),
            round(amount * 100),
            tuple(None if variable is None else str(variable) for variable in variables),
        )

    def _transaction_id(self, tid: str | int, number: int | str) -> str:
        text = str(tid)
        if len(text) >= 12 and str(number) in text:
            raise InvalidTransaction(
                "id-holds-card-number", "a transaction id must not contain the card number"
            )
        return text

    def _event_time_ms(self, times: tuple[str | float | None, ...], timestamp_ms: int) -> int:
        """Return the first time present, in epoch ms; raises if it cannot be true."""
        given = next((time for time in times if time is not None), None)
        if given is None:
            return timestamp_ms
        if isinstance(given, str):
            event_time_ms = _epoch_ms(given)
        else:
            event_time_ms = round(max(-TIME_MAX_S, min(given, TIME_MAX_S)) * 1000)
        if event_time_ms < TIME_MIN_MS:
            raise InvalidTransaction("time-ancient", "the time is before the year 2000")
        if event_time_ms > timestamp_ms + self._future_tolerance_ms:
            raise InvalidTransaction("time-in-future", "the time lies after the record's Kafka timestamp")
        return event_time_ms


def _epoch_ms(text: str) -> int:
    """Read ISO 8601, without a zone UTC."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise InvalidTransaction("invalid-time", "the time is neither epoch seconds nor ISO 8601") from None
