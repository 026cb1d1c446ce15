"""Variables: a payment's fields beside id, entity, time and amount, cut to length and without card numbers."""

import re
from collections.abc import Callable
from typing import Any

from fraudstream.domain.card_numbers import (
    PART_DIGITS_MIN,
    digits_of,
    holds_part,
    without_card_numbers,
)

TEXT_CHARACTERS_MAX = 256
LOOKED_AT_MAX = 4 * TEXT_CHARACTERS_MAX
"""How much of a longer text is searched for card numbers before it is cut."""
CUT = "…"
"""The end of a text that was cut."""

REMEMBERED_MAX = 100_000
"""Values whose search is remembered: searching each merchant's name again would cost 2 µs a payment."""

LAST_RUN = re.compile(r"[\d\W_]*\Z")


class Variables:
    """Searches variables for card numbers, and remembers the result for values that come again."""

    def __init__(self, own_digits: Callable[[int | str], str]) -> None:
        """`own_digits` returns the digits of a payment's own card number; empty if its entity is none."""
        self._own_digits = own_digits
        self.harmless: set[Any] = set()
        """Values that stay unchanged, whatever the payment's card."""
        self._numbered: dict[str, tuple[str, str]] = {}

    def shown(self, value: Any, number: int | str | None) -> Any:
        """Return a value unchanged, unless it is too long or holds a card number; `number` is the payment's own entity."""
        if value in self.harmless:
            return value
        text = str(value)
        known = self._numbered.get(text) or self._looked_at(value, text)
        shown, digits = known
        own = self._own_digits(number) if digits and number is not None else ""
        if own and holds_part(digits, own):
            shown = _cut(without_card_numbers(_start(text), own))
        return value if shown == text else shown

    def _looked_at(self, value: Any, text: str) -> tuple[str, str]:
        """Return a text without anybody's card number, and its digits if they could be a part of one."""
        start = _start(text)
        digits = digits_of(start)
        if len(digits) < PART_DIGITS_MIN:
            if len(text) <= TEXT_CHARACTERS_MAX:
                _make_room(self.harmless)
                self.harmless.add(value)
            return _cut(start), ""
        seen = (_cut(without_card_numbers(start)), digits)
        if len(text) <= TEXT_CHARACTERS_MAX:
            _make_room(self._numbered)
            self._numbered[text] = seen
        return seen


def _make_room(remembered: set[Any] | dict[str, Any]) -> None:
    if len(remembered) >= REMEMBERED_MAX:
        remembered.clear()


def _start(text: str) -> str:
    """Return a text, or the start of a very long one, without the digits at the cut: they may be the start of a card number."""
    return text if len(text) <= LOOKED_AT_MAX else LAST_RUN.sub(CUT, text[:LOOKED_AT_MAX], count=1)


def _cut(text: str) -> str:
    """Return a text that fits, marked if it was longer."""
    return text if len(text) <= TEXT_CHARACTERS_MAX else text[: TEXT_CHARACTERS_MAX - len(CUT)] + CUT
