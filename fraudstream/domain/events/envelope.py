"""Takes an event out of the objects around it: Debezium's, Connect's, CloudEvents', or a producer's own."""

from collections.abc import Sequence
from typing import Any

import msgspec

from fraudstream.domain.errors import InvalidTransaction

BOM = b"\xef\xbb\xbf"
"""UTF-8's byte order mark, which Windows writes before a text."""

NO_PAYLOAD = "no-payload"
"""Reason of dead letters for values without an event where the event type says that it is."""

DELETED = "deleted"
"""Reason of dead letters for a row's deletion, as Debezium tells it: there is no event to decide."""

NULL = b"null"


class Envelope:
    """The names that lead to an event, from the outermost in."""

    def __init__(self, path: Sequence[str]) -> None:
        self._path = path
        self._decoders = [_decoder(name) for name in path]

    def opened(self, value: bytes) -> bytes:
        """Return the JSON of the event; raises InvalidTransaction. What is not JSON is returned as it is.

        JSON within a text is taken out of it, too.
        """
        inner, deletes = value.removeprefix(BOM), False
        try:
            for decode in self._decoders:
                level = decode(inner)
                inner, deletes = bytes(level.inner), getattr(level, "op", None) == "d"
                if inner[:1] == b'"':
                    inner = msgspec.json.decode(inner, type=str).encode()
        except msgspec.ValidationError:
            inner = NULL
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return inner
        if inner != NULL or not self._path:
            return inner
        where = ".".join(self._path)
        if deletes:
            raise InvalidTransaction(DELETED, f"a row was deleted (op d), and there is no {where} to decide")
        raise InvalidTransaction(
            NO_PAYLOAD, f"there is nothing in {where}, where the event type says the event is"
        )


def _decoder(name: str) -> Any:
    """Return what finds one field of an object, and Debezium's operation beside it."""
    fields: list[Any] = [("inner", msgspec.Raw, msgspec.Raw(NULL))]
    if name != "op":
        fields.append(("op", Any, None))
    level = msgspec.defstruct("Level", fields, rename={"inner": name})
    return msgspec.json.Decoder(level).decode
