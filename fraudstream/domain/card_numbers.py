"""Recognises card numbers: reads the card of a payment, and masks card numbers in all other texts."""

import re
from collections.abc import Collection, Iterable
from itertools import pairwise

from fraudstream.domain.errors import InvalidTransaction

CARD_DIGITS_MIN, CARD_DIGITS_MAX = 12, 19
"""Lengths of card numbers (ISO/IEC 7812)."""

PART_DIGITS_MIN = 9
"""This many consecutive digits of a card number are not shown. Eight may be: they are the issuer's number
(ISO/IEC 7812-1), and PCI DSS allows it beside the last four."""

MASK = "***"

DIGIT = re.compile(r"\d")

DIGITS = re.compile(
    r"\d(?:[\s\-\u2010-\u2015]?\d){11,}"
    r"|(?<!\d)(?:\d{4}([^\w\s]|_)\d{4}\1\d{4}\1\d{1,7}|\d{4}([^\w\s]|_)\d{6}\2\d{4,5})(?!\d)"
)
"""Twelve digits or more, in any script, also with single spaces and dashes between them: all that `normalised` accepts. And
digits in the groups of a card, with the same sign between them: 4006.0801.9783.2643; of addresses and times groups are shorter."""

SEPARATORS = re.compile(r"\D+")

ISSUED = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5\d{15}|2[2-7]\d{14}|3[47]\d{13}|3[0689]\d{12}|35\d{14,17}|6\d{11,18}"
)
"""Issuers' leading digits with the lengths they use; leaves out nearly all merchant numbers, which have 15 digits."""


def normalised(card_number: int | str, digits_min: int = CARD_DIGITS_MIN) -> str:
    """Return the digits of a card number as it came; raises InvalidTransaction if they are fewer than `digits_min` or too many.

    >>> normalised("4006 0801-9783 2643"), normalised(4006080197832643)
    ('4006080197832643', '4006080197832643')
    """
    digits = (
        card_number.strip().replace(" ", "").replace("-", "")
        if isinstance(card_number, str)
        else str(card_number)
    )
    if not (digits.isascii() and digits.isdigit() and digits_min <= len(digits) <= CARD_DIGITS_MAX):
        raise InvalidTransaction(
            "invalid-card", f"the card number is not {digits_min} to {CARD_DIGITS_MAX} digits"
        )
    return digits


def masked(text: str) -> str:
    """Replace everything that could be a card number: for texts that only people read, where masking too much does no harm.

    >>> masked('{"cc_num": 4006080197832643, "amount": 12}'), masked("4006/0801/9783/2643 from 192.168.100.200:9092")
    ('{"cc_num": ***, "amount": 12}', '*** from 192.168.100.200:9092')
    """
    return DIGITS.sub(MASK, text)


def without_card_numbers(text: str, own: str = "") -> str:
    """Replace everything that is a card number by issuer and check digit, the card number `own`, and every part of it.

    For texts that rules compare and archives keep: a merchant's number or a serial number stays.

    >>> without_card_numbers("paid with 4006-0801-9783-2643 at 123456789012345", own="400000000000")
    'paid with *** at 123456789012345'
    >>> without_card_numbers("card 4006/0801/9783/264", own="4006080197832643")
    'card ***'
    """
    text = DIGITS.sub(lambda found: MASK if _holds_card(found[0], own) else found[0], text)
    return without_parts(text, parts_of([own])) if own else text


def holds_part(digits: str, own: str) -> bool:
    """Tell whether two rows of digits have PART_DIGITS_MIN digits in a row in common.

    Nine consecutive digits of `own` always hold five that start at a multiple of five, so most calls cost three comparisons.
    """
    return (own[:5] in digits or own[5:10] in digits or own[10:15] in digits) and not parts_of(
        [own]
    ).isdisjoint(parts_of([digits]))


def parts_of(numbers: Iterable[str]) -> set[str]:
    """Return every row of PART_DIGITS_MIN digits in some numbers."""
    return {
        number[start : start + PART_DIGITS_MIN]
        for number in numbers
        for start in range(len(number) - PART_DIGITS_MIN + 1)
    }


def without_parts(text: str, parts: Collection[str]) -> str:
    """Replace every row of digits that is one of `parts`, whatever stands between the digits."""
    while True:
        places = [found.start() for found in DIGIT.finditer(text)]
        digits = digits_of(text)
        last = len(digits) - PART_DIGITS_MIN + 1
        gone = {
            place
            for start in range(last)
            if digits[start : start + PART_DIGITS_MIN] in parts
            for place in range(start, start + PART_DIGITS_MIN)
        }
        if not gone:
            return text
        # Masking may bring other digits together: repeat until nothing is found.
        ends = [place for place in gone if place + 1 not in gone]
        starts = [place for place in gone if place - 1 not in gone]
        spans = zip(sorted(starts), sorted(ends), strict=True)
        cuts = [(0, 0), *((places[start], places[end] + 1) for start, end in spans), (len(text), 0)]
        text = MASK.join(text[end:start] for (_, end), (start, _) in pairwise(cuts))


def digits_of(text: str) -> str:
    """Return the digits of a text, of any script, as ASCII.

    >>> digits_of("4006/٠٨٠١")
    '40060801'
    """
    digits = "".join(DIGIT.findall(text))
    return digits if digits.isascii() else "".join(str(int(digit)) for digit in digits)


def _holds_card(run: str, own: str) -> bool:
    """Judge a run of digits: as a whole, and piece by piece, because a separator may also end a number."""
    pieces = [digits_of(piece) for piece in SEPARATORS.split(run)]
    return (own != "" and own in "".join(pieces)) or any(
        ISSUED.fullmatch(digits) is not None and _check_digit_fits(digits)
        for digits in ("".join(pieces), *pieces)
    )


def _check_digit_fits(digits: str) -> bool:
    """Tell whether the last digit is the one of Luhn's formula (ISO/IEC 7812-1, annex B)."""
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0
