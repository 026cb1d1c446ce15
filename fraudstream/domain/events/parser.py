"""Bytes become a payment, strictly: whatever is not a payment is a dead letter with a reason."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from fraudstream.domain.card_numbers import PART_DIGITS_MIN, digits_of, holds_part
from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.events.envelope import BOM
from fraudstream.domain.events.event_times import EventTimes
from fraudstream.domain.events.event_type import EventTime, EventType
from fraudstream.domain.events.fields import Fields
from fraudstream.domain.events.ids import KEYED_PREFIX, NOT_DIGITS, fits, hashed
from fraudstream.domain.events.raw_values import looks_like
from fraudstream.domain.events.unknown_fields import encoded
from fraudstream.domain.events.variables import Variables
from fraudstream.domain.names import did_you_mean
from fraudstream.domain.tokens import Entity, EntityIndex, Tokenizer

VALUE_BYTES_MAX = 64 * 1024
"""A payment is a few hundred bytes; larger values only cost memory."""

NUMBER_SAFE = 10.0 ** (PART_DIGITS_MIN - 1)
"""Numbers below this have too few digits before the point to hold a part of a card number."""


class Payment(NamedTuple):
    """A valid payment. Money is integer minor units of its currency (cents), time is integer epoch milliseconds UTC."""

    transaction_id: str
    """Empty if the record has none: then its place in the log becomes the id."""
    entity: Entity | None
    """None if events of this type have none."""
    event_time_ms: int
    cents: int
    variables: tuple[str | int | float | bool | None, ...]
    unknown_fields: str = ""
    """What else the record holds and the event type keeps, as a JSON object."""


def entity_index(
    event_type: EventType,
    tokenizer: Tokenizer,
    partitions: int,
    met: Callable[[str, Entity], None] | None = None,
) -> EntityIndex:
    """Return the index of the entities that events of a type have."""
    kind = event_type.entity.kind if event_type.entity else "text"
    return EntityIndex(tokenizer, partitions, met=met, kind=kind)


class Parser:
    """Turns record values into payments of one event type."""

    def __init__(self, event_type: EventType, entities: EntityIndex, future_tolerance_ms: int) -> None:
        """`future_tolerance_ms`: how far a payment may lie after its record's Kafka timestamp."""
        self.event_type = event_type
        self._entities = entities
        self._fields = Fields(event_type)
        self._read = self._fields.read
        self._event_times = EventTimes(event_type.time, future_tolerance_ms)
        self._minor_units = event_type.money.minor_units
        self._timestamps = EventTimes(EventTime(unit="ms"), 0)
        self._variables = Variables(entities.own_digits)
        self._harmless = self._variables.harmless
        self._entity_at = 1 if event_type.entity else 0
        self._id_at = self._entity_at + 1 if event_type.id else 0
        self._currency_at = max(self._entity_at, self._id_at) + 1 if event_type.currency_field else 0
        self._times_from = max(self._entity_at, self._id_at, self._currency_at) + 1
        self._strings_from = self._times_from + len(event_type.time.fields)
        self._numbers_from = self._strings_from + sum(
            variable.type == "string" for variable in event_type.variables
        )
        self._end = len(self._fields.fields)
        self.undeclared: list[str] | None = None
        """Gets the names of undeclared fields, if somebody puts a list here and clears it again."""
        self._numbers = event_type.variables[self._numbers_from - self._strings_from :]
        self._defaults = [variable.default for variable in event_type.variables]
        self._reversal = event_type.reversal
        self._completes = self._reversal is not None or any(default is not None for default in self._defaults)

    def parse(self, value: bytes | None, timestamp_ms: int) -> Payment:
        """Return the payment in a record's value; raises InvalidTransaction.

        `timestamp_ms` is the record's Kafka timestamp, the payment's time if it has none of its own.
        """
        if not value:
            raise InvalidTransaction("empty", "the record has no value")
        if len(value) > VALUE_BYTES_MAX:
            raise InvalidTransaction("too-large", f"{len(value)} bytes are more than {VALUE_BYTES_MAX}")
        try:
            record, others = self._read(value)
        except msgspec.ValidationError as error:
            raise InvalidTransaction("invalid-field", str(error)) from None
        except RecursionError:
            raise InvalidTransaction("invalid-field", "lists or objects are nested too deeply") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return self._without_mark(value, timestamp_ms, error)
        cents = self._minor_units(record[0]) if not self._currency_at else self._in_currency(record)
        event_time_ms = self._event_times.read(record[self._times_from : self._strings_from], timestamp_ms)
        number = record[1] if self._entity_at else None
        entity = None if number is None else self._entities.entity(number, event_time_ms)
        given_id = record[self._id_at] if self._id_at else None
        transaction_id = "" if given_id is None else self._id(given_id, number, event_time_ms)
        variables = record[self._strings_from : self._numbers_from]
        if not self._harmless.issuperset(variables):
            variables = tuple(self._variables.shown(value, number) for value in variables)
        if self._numbers:
            variables = (*variables, *self._checked(record[self._numbers_from : self._end], number))
        if self._completes:
            pairs = zip(variables, self._defaults, strict=True)
            variables = tuple(default if value is None else value for value, default in pairs)
            if self._reversal is not None and self._reversal.original(variables) is not None:
                cents = -abs(cents)
        unknown = self._unknown(others, number) if others else ""
        return Payment(transaction_id, entity, event_time_ms, cents, tuple(variables), unknown)

    def _in_currency(self, record: Sequence[Any]) -> int:
        """Return an amount in the minor units of the event type, by the event's own currency."""
        own, common = record[self._currency_at], self.event_type.money
        money = self.event_type.currencies.get(common.currency if own is None else own)
        if money is None:
            known = ", ".join(self.event_type.currencies)
            raise InvalidTransaction("unknown-currency", f"the currency is not one of {known}")
        return money.minor_units(record[0]) * (common.units // money.units)

    def _checked(self, numbers: Sequence[Any], own: int | str | None) -> list[Any]:
        """Return the variables that are not text; a number that may be a card number becomes None."""
        checked = []
        for variable, value in zip(self._numbers, numbers, strict=True):
            if variable.type == "timestamp":
                checked.append(None if value is None else self._timestamps.moment(value))
            elif value is None or -NUMBER_SAFE < value < NUMBER_SAFE:
                checked.append(value)
            else:
                checked.append(value if self._variables.shown(value, own) == value else None)
        return checked

    def _unknown(self, others: Mapping[str, Any], number: int | str | None) -> str:
        """Return the fields that are not declared as the event type wants them; raises InvalidTransaction."""
        if self.undeclared is not None:
            self.undeclared.extend(others)
        if self.event_type.unknown_fields == "keep":
            return encoded(others, self._variables, number)
        if self.event_type.unknown_fields == "refuse":
            name, known = next(iter(others)), [field.name for field in self._fields.fields]
            raise InvalidTransaction(
                "unknown-field", f"the event type declares no field {name[:64]}{did_you_mean(name, known)}"
            )
        return ""

    def _id(self, given: str | int, number: int | str | None, event_time_ms: int) -> str:
        """Return a transaction id, or what replaces one that does not fit or holds a part of the card number."""
        transaction_id = given if isinstance(given, str) else str(given)
        if fits(transaction_id) is None:
            return self._unfit_id(transaction_id, number, event_time_ms)
        digits = transaction_id
        if not digits.isdigit():
            digits = digits.encode().translate(None, NOT_DIGITS).decode()
        if len(digits) >= PART_DIGITS_MIN and number is not None:
            own = self._entities.own_digits(number)
            if own and holds_part(digits, own):
                return self._own_id(transaction_id, own in digits, event_time_ms)
        return transaction_id

    def _unfit_id(self, transaction_id: str, number: int | str | None, event_time_ms: int) -> str:
        """Return the hash that replaces an id that does not fit; empty if the id is blank, as if there were none."""
        if not transaction_id.strip():
            return ""
        own = "" if number is None else self._entities.own_digits(number)
        digits = digits_of(transaction_id)
        if own and holds_part(digits, own):
            return self._own_id(transaction_id, own in digits, event_time_ms)
        return hashed(transaction_id)

    def _own_id(self, transaction_id: str, whole: bool, event_time_ms: int) -> str:
        """Return the keyed hash of an id with a part of the card number; raises InvalidTransaction for a whole one."""
        if whole:
            raise InvalidTransaction(
                "id-holds-card-number", "a transaction id must not contain the card number"
            )
        return KEYED_PREFIX + self._entities.keyed_hash(f"transaction id {transaction_id}", event_time_ms)

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
