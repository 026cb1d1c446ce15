"""What a card number looks like, wherever one could stand: accepted at the door, masked everywhere behind it."""

import re

from fraudstream.domain.errors import InvalidTransaction

CARD_DIGITS_MIN, CARD_DIGITS_MAX = 12, 19
"""Lengths of card numbers (ISO/IEC 7812)."""

MASK = "***"

DIGITS = re.compile(r"\d(?:[\s\-\u2010-\u2015]?\d){11,}")
"""Twelve digits or more, in any script, also with single spaces and dashes between them: all that `normalised` accepts."""

SEPARATORS = re.compile(r"\D+")

ISSUED = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5\d{15}|2[2-7]\d{14}|3[47]\d{13}|3[0689]\d{12}|35\d{14,17}|6\d{11,18}"
)
"""Issuers' leading digits with the lengths they use; leaves out nearly all merchant numbers, which have 15 digits."""


def normalised(card_number: int | str) -> str:
    """Return the digits of a card number as it came; raises InvalidTransaction.

    >>> normalised("4006 0801-9783 2643"), normalised(4006080197832643)
    ('4006080197832643', '4006080197832643')
    """
    digits = (
        card_number.replace(" ", "").replace("-", "") if isinstance(card_number, str) else str(card_number)
    )
    if not (digits.isascii() and digits.isdigit() and CARD_DIGITS_MIN <= len(digits) <= CARD_DIGITS_MAX):
        raise InvalidTransaction("invalid-card", "the card number is not 12 to 19 digits")
    return digits


def masked(text: str) -> str:
    """Replace everything that could be a card number: for texts that only people read, where too much is no harm.

    >>> masked('{"cc_num": 4006080197832643, "amount": 12}')
    '{"cc_num": ***, "amount": 12}'
    """
    return DIGITS.sub(MASK, text)


def without_card_numbers(text: str, own: str) -> str:
    """Replace the card number `own` and everything that is one by issuer and check digit.

    For texts that rules compare and archives keep: a merchant's number or a serial number stays.

    >>> without_card_numbers("paid with 4006-0801-9783-2643 at 123456789012345", own="400000000000")
    'paid with *** at 123456789012345'
    """
    return DIGITS.sub(lambda found: MASK if _holds_card(found[0], own) else found[0], text)


def _holds_card(run: str, own: str) -> bool:
    """Judge a run of digits: as a whole, and piece by piece, because a separator may also end a number."""
    pieces = [_ascii(piece) for piece in SEPARATORS.split(run)]
    return own in "".join(pieces) or any(
        ISSUED.fullmatch(digits) is not None and _check_digit_fits(digits)
        for digits in ("".join(pieces), *pieces)
    )


def _ascii(digits: str) -> str:
    """Return digits of any script as ASCII."""
    return "".join(str(int(digit)) for digit in digits)


def _check_digit_fits(digits: str) -> bool:
    """Tell whether the last digit is the one of Luhn's formula (ISO/IEC 7812-1, annex B)."""
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0
