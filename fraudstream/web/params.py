"""Reads the parts and parameters of addresses strictly; errors never repeat them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from multidict import MultiMapping

from fraudstream.adapters.archive.filters import PART, Filter, FilterError
from fraudstream.adapters.archive.search import ArchiveQuery, Position
from fraudstream.domain.times import moment_ms

CARD_TOKEN = re.compile(r"[0-9a-f]{32}")
"""A card is addressed by its token. Card numbers would end up in histories, proxies and logs."""

TRANSACTION_ID_MAX = 256


class PageError(Exception):
    """An answer other than 200; `message` is one sentence that repeats nothing of the request."""

    def __init__(self, status: int, code: str, message: str, archive: str = "") -> None:
        """`archive`: the address of an archive search that may find what is missing here."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.archive = archive


def sentence(error: Exception) -> str:
    """Write an error's message as a sentence by itself.

    >>> sentence(ValueError("there is no column a; did you mean b?")), sentence(ValueError("no"))
    ('There is no column a; did you mean b?', 'No.')
    """
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('?') else '.'}"


def not_found(what: str) -> PageError:
    """Return a 404 with this sentence."""
    return PageError(404, "not-found", what)


@dataclass(frozen=True, slots=True)
class Number:
    """A whole-number query parameter with its bounds."""

    default: int | None
    least: int
    most: int


LIMIT = Number(50, 1, 200)
BEFORE = Number(None, 0, 2**53)
SECONDS = Number(300, 10, 899)
LOCAL = Number(0, 0, 1)
EVENT_TIME = Number(None, 0, 2**53)


def numbers(query: Mapping[str, str], **known: Number) -> dict[str, int | None]:
    """Read the known parameters; raises a 400 for unknown, repeated, malformed or out-of-range ones."""
    if set(query) - set(known):
        names = ", ".join(known) or "none"
        raise PageError(400, "unknown-parameter", f"The parameters of this address are: {names}.")
    values: dict[str, int | None] = {}
    for name, number in known.items():
        text = query.get(name)
        if text is None:
            values[name] = number.default
            continue
        if not re.fullmatch(r"[0-9]{1,16}", text) or not number.least <= int(text) <= number.most:
            sentence = f"{name} must be a whole number from {number.least} to {number.most}."
            raise PageError(400, "invalid-parameter", sentence)
        values[name] = int(text)
    return values


def card_token(text: str) -> str:
    """Return a card token; raises a 404 that does not repeat what was asked for, as it may be a card number."""
    if not CARD_TOKEN.fullmatch(text):
        raise not_found("Use the token, 32 hexadecimal digits; card numbers are not accepted.")
    return text


def transaction_id(text: str) -> str:
    """Return a transaction id; raises a 404 if it cannot be one."""
    if not 1 <= len(text) <= TRANSACTION_ID_MAX:
        raise not_found("No transaction has an id of that length.")
    return text


SEARCH = ("id", "card", "merchant", "field", "since", "until", "limit", "before")
FILTERS_MAX = 8


def archive_search(query: MultiMapping[str]) -> ArchiveQuery:
    """Read the parameters of an archive search; empty ones, as forms send them, are ignored."""
    if set(query) - set(SEARCH):
        raise _invalid_search(
            f"The parameters of this address are: {', '.join(SEARCH)}.", "unknown-parameter"
        )
    given = {name: value for name, value in query.items() if value}
    filters = [text for text in query.getall("field", []) if text]
    if len(filters) > FILTERS_MAX:
        raise _invalid_search(f"field may be given at most {FILTERS_MAX} times.")
    try:
        filled = tuple(Filter.written(text) for text in filters)
    except FilterError as error:
        raise _invalid_search(sentence(error)) from error
    return ArchiveQuery(
        transaction_id=transaction_id(given["id"]) if "id" in given else None,
        card=card_token(given["card"]) if "card" in given else None,
        filters=filled + ((Filter("merchant", PART, given["merchant"]),) if "merchant" in given else ()),
        since_ms=_moment_ms(given.get("since")),
        until_ms=_moment_ms(given.get("until")),
        limit=numbers({"limit": given["limit"]} if "limit" in given else {}, limit=LIMIT)["limit"] or 0,
        before=_position(given.get("before")),
    )


def _position(text: str | None) -> Position | None:
    if text is None:
        return None
    position = Position.written(text)
    if position is None:
        raise _invalid_search("before must be the next_before of another page.")
    return position


def _invalid_search(sentence: str, code: str = "invalid-parameter") -> PageError:
    return PageError(400, code, sentence)


def _moment_ms(text: str | None) -> int | None:
    """Read a day or a moment in ISO 8601; without a zone it is UTC."""
    if text is None:
        return None
    try:
        return moment_ms(text)
    except ValueError:
        raise _invalid_search("Write since and until as 2026-11-21 or 2026-11-21T14:30.") from None
