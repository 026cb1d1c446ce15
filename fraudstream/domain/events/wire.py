"""How events lie in a record's value: in which format, how many, and where in it."""

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

Format = Literal["json", "avro", "protobuf", "json-schema"]
"""Plain JSON, or one of three with a schema registry, in Confluent's wire format."""

Events = Literal["one", "array", "lines"]
"""How many events a record has: one, a JSON array of them, or one a line (NDJSON)."""

HEADER_BYTES = 5
"""A zero byte, and the schema's id as four bytes, most significant first."""

MISMATCH = "schema-mismatch"
"""Reason of dead letters for values that are not what their schema says, or name none."""

UNKNOWN_SCHEMA = "unknown-schema"
"""Reason of dead letters for values with a schema's id that the registry does not know."""


class FormatTable(msgspec.Struct, forbid_unknown_fields=True):
    """`[format]`."""

    kind: Format


class EnvelopeTable(msgspec.Struct, forbid_unknown_fields=True):
    """`[envelope]`."""

    payload: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    events: Events = "one"
    array: Annotated[str, msgspec.Meta(min_length=1)] | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """What an event type says of the records that its events come in."""

    format: Format = "json"
    payload: tuple[str, ...] = ()
    """Names that lead to an event, from the outermost in; empty: the whole value, element or line is the event."""
    events: Events = "one"
    array: tuple[str, ...] = ()
    """Names that lead to the array of events; empty: the whole value is the array."""

    @property
    def has_several(self) -> bool:
        """Whether a record may have several events."""
        return self.events != "one"

    @property
    def is_plain(self) -> bool:
        """Whether a record's value is the event as JSON."""
        return self == PLAIN


PLAIN = Wire()
