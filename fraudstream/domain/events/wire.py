"""How an event lies in a record's value: in which format, and where in it."""

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from fraudstream.domain.errors import SetupError

Format = Literal["json", "avro", "protobuf", "json-schema"]
"""Plain JSON, or one of three with a schema registry, in Confluent's wire format."""

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

    payload: Annotated[str, msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Wire:
    """What an event type says of the records that its events come in."""

    format: Format = "json"
    payload: tuple[str, ...] = ()
    """Names that lead to the event, from the outermost in; empty: the whole value is the event."""

    @classmethod
    def of(cls, file_format: FormatTable | None, envelope: EnvelopeTable | None) -> "Wire":
        """Return what a file declares; raises SetupError for a path that leads nowhere."""
        path = tuple(envelope.payload.split(".")) if envelope else ()
        if not all(path):
            raise SetupError(
                'name the objects that lead to the event, joined by dots, e.g. payload = "payload.after"'
            )
        return cls("json" if file_format is None else file_format.kind, path)

    @property
    def is_plain(self) -> bool:
        """Whether a record's value is the event as JSON."""
        return self == PLAIN


PLAIN = Wire()
