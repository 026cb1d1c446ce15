"""Bytes become a payment, strictly: whatever is not a payment is a dead letter with a reason."""

from typing import Annotated, Any, NamedTuple

import msgspec

from fraudstream.domain.card_numbers import PART_DIGITS_MIN, digits_of, holds_part, normalised
from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.ids import KEYED_PREFIX, NOT_DIGITS, fits, hashed
from fraudstream.domain.events.raw_values import looks_like, unit_of
from fraudstream.domain.events.variables import Variables
from fraudstream.domain.times import moment_ms
from fraudstream.domain.tokens import Entity, EntityIndex

VALUE_BYTES_MAX = 64 * 1024
"""A payment is a few hundred bytes; larger values only cost memory."""

TIME_MIN_MS = 946_684_800_000
"""2000-01-01: an older payment is a broken clock or a wrong unit."""

BOM = b"\xef\xbb\xbf"
"""UTF-8's byte order mark, which Windows writes before a text."""

TIME_MAX_S = 1e12
"""Far beyond any clock; keeps the arithmetic finite so that the comparisons with real clocks can refuse it."""

Text = Annotated[str, msgspec.Meta(max_length=256)]


class Payment(NamedTuple):
    """A valid payment. Money is integer minor units of its currency (cents), time is integer epoch milliseconds UTC."""

    transaction_id: str
    """Empty if the record has none: then its place in the log becomes the id."""
    entity: Entity
    event_time_ms: int
    cents: int
    variables: tuple[str | int | float | None, ...]


class Parser:
    """Turns record values into payments of one event type."""

    def __init__(self, event_type: EventType, entities: EntityIndex, future_tolerance_ms: int) -> None:
        """`future_tolerance_ms`: how far a payment may lie after its record's Kafka timestamp."""
        self._entities = entities
        self._minor_units = event_type.money.minor_units
        self._future_tolerance_ms = future_tolerance_ms
        optional: list[tuple[str, Any, Any]] = [
            (event_type.id, str | int | None, None),
            *((name, Text | int | float | None, None) for name in event_type.times),
            *((name, str | int | float | None, None) for name in event_type.variables),
        ]
        required: list[tuple[str, Any]] = [(event_type.entity, int | Text), (event_type.amount, float | Text)]
        record = msgspec.defstruct("Record", [*required, *optional], forbid_unknown_fields=True, gc=False)
        self._decode = msgspec.json.Decoder(record).decode
        self._fields = msgspec.structs.astuple
        self.times = event_type.times
        self._variables = Variables()
        self._harmless = self._variables.harmless
        self._variables_from = 3 + len(event_type.times)

    def parse(self, value: bytes | None, timestamp_ms: int) -> Payment:
        """Return the payment in a record's value; raises InvalidTransaction.

        `timestamp_ms` is the record's Kafka timestamp: the payment's time if it has none of its own, and the
        clock against which "in the future" is judged, so that a replay judges alike.
        """
        if not value:
            raise InvalidTransaction("empty", "the record has no value")
        if len(value) > VALUE_BYTES_MAX:
            raise InvalidTransaction("too-large", f"{len(value)} bytes are more than {VALUE_BYTES_MAX}")
        try:
            record = self._fields(self._decode(value))
        except msgspec.ValidationError as error:
            raise InvalidTransaction("invalid-field", str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return self._without_mark(value, timestamp_ms, error)
        number, amount, tid = record[:3]
        cents = self._minor_units(amount)
        event_time_ms = timestamp_ms
        for given in record[3 : self._variables_from]:
            if given is not None:
                event_time_ms = _epoch_ms(given)
                break
        if not TIME_MIN_MS <= event_time_ms <= timestamp_ms + self._future_tolerance_ms:
            raise self._wrong_time(record, event_time_ms, timestamp_ms)
        entity = self._entities.entity(number, event_time_ms)
        transaction_id = "" if tid is None else str(tid)
        if tid is not None and fits(transaction_id) is None:
            transaction_id = self._unfit_id(transaction_id, number, event_time_ms)
        else:
            digits = transaction_id.encode().translate(None, NOT_DIGITS)
            if len(digits) >= PART_DIGITS_MIN:
                own, written = str(number) if type(number) is int else normalised(number), digits.decode()
                if holds_part(written, own):
                    transaction_id = self._own_id(transaction_id, own in written, event_time_ms)
        variables = record[self._variables_from :]
        if not self._harmless.issuperset(variables):
            variables = tuple(self._variables.shown(value, number) for value in variables)
        return Payment(transaction_id, entity, event_time_ms, cents, variables)

    def _without_mark(self, value: bytes, timestamp_ms: int, error: Exception) -> Payment:
        """Parse what follows a byte order mark; raises InvalidTransaction that says what other bytes look like."""
        text = value.removeprefix(BOM)
        if not text.strip():
            raise InvalidTransaction("empty", "the value is blank") from None
        if len(text) < len(value) and not text.startswith(BOM):
            return self.parse(text, timestamp_ms)
        looks = looks_like(value)
        if looks is not None:
            raise InvalidTransaction(
                "not-json", f"the value is not JSON and looks like {looks}: send it as plain UTF-8 JSON"
            ) from None
        raise InvalidTransaction("not-json", f"the value is not JSON: {error}") from None

    def _wrong_time(self, record: Any, event_time_ms: int, timestamp_ms: int) -> InvalidTransaction:
        """Say what is wrong with a time that lies before the year 2000 or after the record's own."""
        if timestamp_ms < 0:
            return InvalidTransaction(
                "no-timestamp",
                "the record has no Kafka timestamp, which a payment's time is judged by; producers set it, or brokers with "
                "message.timestamp.type=LogAppendTime",
            )
        reason, where = ("time-ancient", "before the year 2000")
        if event_time_ms >= TIME_MIN_MS:
            reason, where = ("time-in-future", "after the record's Kafka timestamp")
        given = zip(self.times, record[3 : self._variables_from], strict=True)
        name, value = next(((name, time) for name, time in given if time is not None), ("", timestamp_ms))
        if not name:
            return InvalidTransaction(
                reason, f"there is no time, and the record's Kafka timestamp is {where}"
            )
        unit = None if isinstance(value, str) else unit_of(value, timestamp_ms + self._future_tolerance_ms)
        if unit is not None:
            return InvalidTransaction(
                reason, f"{name} {value} looks like {unit}: send epoch seconds or ISO 8601"
            )
        return InvalidTransaction(reason, f"{name} {value} lies {where}")

    def _unfit_id(self, transaction_id: str, number: int | str, event_time_ms: int) -> str:
        """Return the hash that replaces an id that does not fit; empty if the id is blank, as if there were none."""
        if not transaction_id.strip():
            return ""
        digits, own = digits_of(transaction_id), normalised(number)
        if holds_part(digits, own):
            return self._own_id(transaction_id, own in digits, event_time_ms)
        return hashed(transaction_id)

    def _own_id(self, transaction_id: str, whole: bool, event_time_ms: int) -> str:
        """Return the keyed hash of an id with a part of the card number; raises InvalidTransaction for a whole one."""
        if whole:
            raise InvalidTransaction(
                "id-holds-card-number", "a transaction id must not contain the card number"
            )
        return KEYED_PREFIX + self._entities.keyed_hash(f"transaction id {transaction_id}", event_time_ms)


def _epoch_ms(given: str | float) -> int:
    """Read epoch seconds or ISO 8601 (without a zone it is UTC)."""
    if not isinstance(given, str):
        return round(max(-TIME_MAX_S, min(given, TIME_MAX_S)) * 1000)
    try:
        return moment_ms(given)
    except (ValueError, OverflowError):
        raise InvalidTransaction("invalid-time", "the time is neither epoch seconds nor ISO 8601") from None
