"""Records of the topic `lists`: what a list is, and what is on it.

The key is a JSON array, `["name"]` for the list itself and `["name", "value"]` for an entry; a record without a value removes it.
Snoozes of rules are entries, too, of a list whose name no list can have.
"""

from datetime import datetime
from typing import Annotated, Literal, NamedTuple

import msgspec

from fraudstream.domain.errors import SetupError
from fraudstream.domain.names import NAME

Kind = Literal["text", "card"]
"""card: of card numbers, which are kept as tokens."""
Purpose = Literal["allow", "deny", "watch"]

VALUE_LENGTH_MAX = 256
"""Of a variable, at most."""
WHY_LENGTH_MAX = 1_000

SNOOZE = "snooze "
"""How the name of a list begins that has the entities that a rule does not judge for a while."""

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Listing(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a list is."""

    kind: Kind
    purpose: Purpose
    by: str
    at: Moment
    why: str = ""


class Listed(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who put a value on a list, why, and until which event time it is on it."""

    by: str
    at: Moment
    why: str = ""
    expires_at: Moment | None = None

    @property
    def expires_at_ms(self) -> int | None:
        """Return it as epoch milliseconds."""
        return None if self.expires_at is None else round(self.expires_at.timestamp() * 1000)


class Change(NamedTuple):
    """A record: of a list (`value` None) or of an entry; `said` None removes it."""

    name: str
    value: str | None
    said: Listing | Listed | None

    @property
    def key(self) -> bytes:
        """The record's key."""
        return msgspec.json.encode([self.name] if self.value is None else [self.name, self.value])

    @property
    def content(self) -> bytes | None:
        """The record's value; None removes."""
        return None if self.said is None else msgspec.json.encode(self.said)


_keys = msgspec.json.Decoder(list[str])
_listings = msgspec.json.Decoder(Listing)
_entries = msgspec.json.Decoder(Listed)


def parsed(key: bytes | None, content: bytes | None) -> Change:
    """Read a record; raises SetupError that says what is wrong with it."""
    try:
        names = _keys.decode(key or b"")
        if not 1 <= len(names) <= 2 or not is_name(names[0]):
            raise SetupError(f"the key {bytes(key or b'')[:80]!r} names no list")
        if len(names) == 1:
            return Change(names[0], None, _listings.decode(content) if content else None)
        if not 0 < len(names[1]) <= VALUE_LENGTH_MAX:
            raise SetupError(
                f"a value on list {names[0]} has {len(names[1])} characters; 1 to {VALUE_LENGTH_MAX}"
            )
        return Change(names[0], names[1], _entries.decode(content) if content else None)
    except msgspec.DecodeError as error:
        raise SetupError(f"not a record of lists ({error})") from error


def is_name(name: str) -> bool:
    """Tell whether a list, or the snoozes of a rule, may be called so."""
    return bool(NAME.fullmatch(name)) or name.startswith(SNOOZE)
