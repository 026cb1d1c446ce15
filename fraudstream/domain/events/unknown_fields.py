"""Fields of a record that its event type does not declare: as they are published (few, short, without card numbers), and counted."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from fraudstream.domain.card_numbers import PART_DIGITS_MIN, digits_of
from fraudstream.domain.events.variables import Variables

FIELDS_MAX = 64
"""More of them are left out, and LEFT_OUT says how many."""

LEFT_OUT = "(left out)"

COUNTABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


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


def counted(names: Iterable[str]) -> Counter[str]:
    """Count fields by name; names that are long, strange, or have as many digits as a part of a card number, as ''.

    >>> counted(["mcc", "mcc", "4000004998012643"])
    Counter({'mcc': 2, '': 1})
    """
    return Counter(
        name if COUNTABLE.fullmatch(name) and len(digits_of(name)) < PART_DIGITS_MIN else "" for name in names
    )
