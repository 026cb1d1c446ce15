"""Fields of a record that its event type does not declare, as they are published: few, short, and without card numbers."""

from collections.abc import Mapping
from typing import Any

import msgspec

from fraudstream.domain.events.variables import Variables

FIELDS_MAX = 64
"""More of them are left out, and LEFT_OUT says how many."""

LEFT_OUT = "(left out)"


def encoded(fields: Mapping[str, Any], variables: Variables, number: int | str | None) -> str:
    """Return the fields as a JSON object; lists and objects in it are JSON text. `number` is the payment's own entity."""
    shown: dict[str, Any] = {}
    for name, value in list(fields.items())[:FIELDS_MAX]:
        text = msgspec.json.encode(value).decode() if isinstance(value, list | dict) else value
        kept = text if text is None or isinstance(text, bool) else variables.shown(text, number)
        shown[str(variables.shown(name, number))] = kept
    if len(fields) > FIELDS_MAX:
        shown[LEFT_OUT] = len(fields) - FIELDS_MAX
    return msgspec.json.encode(shown).decode()
